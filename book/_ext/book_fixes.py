"""Three glitches of the libraries we build on.

* Jupyter Book hands some inline scripts to Sphinx twice, and a page would run them twice.
* sphinx-thebe puts its script and the address of another host on every page, though no page uses it.
* sphinx-design puts its script and its style sheet on every page, also on those without any of its elements.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx


def tidy_assets(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep each script of the page once, and no script or style sheet of what the page does not use."""
    has_design = re.search(r'class="[^"]*\bsd-', context.get("body", ""))
    unused = ["thebe"] if has_design else ["thebe", "sphinx-design", "design-tabs"]
    seen: set[tuple[str, str]] = set()
    kept = []
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = (getattr(script, "attributes", None) or {}).get("body", "")
        if any(word in name for word in unused) or "THEBE_JS_URL" in body or (body and (name, body) in seen):
            continue
        seen.add((name, body))
        kept.append(script)
    context["script_files"][:] = kept
    sheets = context.get("css_files", [])
    sheets[:] = [sheet for sheet in sheets if not any(word in str(getattr(sheet, "filename", sheet)) for word in unused)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", tidy_assets, priority=900)     # after every extension added its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
