"""Scripts of the theme and of Sphinx run when the page has been read, so that nothing waits for them before it is shown.

Not so the options, which later inline scripts add to, and widget-host.js, which asks for the first figure's data while the
page arrives and starts figures before the theme's scripts run; and not on the search page, whose inline script calls them.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from sphinx.application import Sphinx

AT_ONCE = {"documentation_options.js", "widget-host.js"}


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


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", defer, priority=915)  # after every extension added its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
