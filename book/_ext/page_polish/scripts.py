"""The scripts of a page: each once, none of what the page does not use, and most of them later.

Three glitches of the libraries we build on:

* Jupyter Book hands some inline scripts to Sphinx twice, and a page would run them twice.
* sphinx-thebe puts its script and the address of another host on every page, though no page uses it.
* sphinx-design puts its script and its style sheet on every page, also on those without any of its elements.

Scripts of the theme and of Sphinx run when the page has been read, so that nothing waits for them before it is shown. Not so
the options, which later inline scripts add to, and widget-host.js, which asks for the first figure's data while the page
arrives and starts figures before the theme's scripts run; and not on the search page, whose inline script calls them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from sphinx.application import Sphinx

AT_ONCE = {"documentation_options.js", "widget-host.js"}


def tidy(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
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


def defer(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Deferred scripts keep their order. Sphinx has one object for a script, whatever the page."""
    for script in context.get("script_files", []):
        name = getattr(script, "filename", None)
        if not name or PurePosixPath(str(name)).name in AT_ONCE:
            continue
        if pagename == "search":
            script.attributes.pop("defer", None)
        else:
            script.attributes["defer"] = "defer"
