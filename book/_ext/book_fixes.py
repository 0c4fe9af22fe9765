"""Two glitches of the libraries we build on.

* Jupyter Book hands some inline scripts to Sphinx twice, and a page would run them twice.
* sphinx-thebe puts its script and the address of another host on every page, though no page uses it.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def tidy_scripts(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep each script of the page once, and nothing of thebe's."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = (getattr(script, "attributes", None) or {}).get("body", "")
        if "thebe" in name or "THEBE_JS_URL" in body or (body and (name, body) in seen):
            continue
        seen.add((name, body))
        kept.append(script)
    context["script_files"][:] = kept
    context["css_files"][:] = [sheet for sheet in context["css_files"] if "thebe" not in str(sheet.filename)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", tidy_scripts, priority=900)     # after every extension added its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
