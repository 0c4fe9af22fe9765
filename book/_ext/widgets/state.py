"""The data of a page's figures, as myst-nb is about to write it: found, read, and put back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from diffusion_utils.widgets.still import is_figure

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def script_text(data: object) -> str:
    """JSON that can stand inside a <script>: nothing in it closes the script early."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", r"<\/")


@dataclass
class PageState:
    """The models of one page by their id, and where they came from."""

    script: Any  # Sphinx's entry for the <script>
    data: dict[str, Any]
    shown: list[str]  # ids of the models that have a place in the page, in the page's order

    @property
    def models(self) -> dict[str, dict]:
        return self.data["state"]

    def figures(self) -> dict[str, dict]:
        """The figures of ours that the page shows, in its order."""
        wanted = (name for name in self.shown if name in self.models)
        return {name: self.models[name] for name in wanted if is_figure(self.models[name]["state"])}

    def write(self) -> None:
        self.script.attributes["body"] = script_text(self.data)


def page_state(context: dict[str, Any]) -> PageState | None:
    """The state in a page's context, or None for a page without widgets."""
    for script in context.get("script_files", []):
        attributes = getattr(script, "attributes", None) or {}
        if attributes.get("type") == STATE:
            views = re.findall(rf'<script type="{re.escape(VIEW)}">(.*?)</script>', context.get("body", ""), re.DOTALL)
            shown = list(dict.fromkeys(json.loads(view)["model_id"] for view in views))
            return PageState(script, json.loads(attributes["body"]), shown)
    return None
