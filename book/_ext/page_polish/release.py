"""The rocket opens the notebook of the release that its install cell installs, and not the branch's newest one.

What that is, a tag or a branch, is read from the install cell itself: `…/archive/refs/tags/v1.2.zip` means `blob/v1.2`.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

COLAB = "https://colab.research.google.com/"


def released(url: str, code: str) -> str:
    """The address of a notebook on Colab with the release that `code`, the notebook's, installs in place of the branch."""
    found = re.search(r"/archive/refs/(?:tags|heads)/([\w.-]+)\.zip", code)
    return re.sub(r"/blob/[^/]+/", f"/blob/{found[1]}/", url, count=1) if found else url


def buttons(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All buttons of the header, those in its menus too."""
    return [button for item in items for button in [item, *buttons(item.get("buttons", []))]]


def link_to_release(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is None:
        return
    code = "\n".join(block.astext() for block in doctree.findall(nodes.literal_block))
    for button in buttons(context.get("header_buttons", [])):
        if str(button.get("url", "")).startswith(COLAB):
            button["url"] = released(button["url"], code)
