"""Scripts of the theme and of Sphinx run when the page has been read, so that nothing waits for them before it is shown.

Not so the options, which later inline scripts add to, and widget-host.js, which starts figures while the page arrives.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from sphinx.application import Sphinx

AT_ONCE = {"documentation_options.js", "widget-host.js"}


def defer(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Deferred scripts keep their order."""
    for script in context.get("script_files", []):
        name = getattr(script, "filename", None)
        if name and PurePosixPath(str(name)).name not in AT_ONCE:
            script.attributes["defer"] = "defer"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", defer, priority=915)  # after every extension added its own
    return {"parallel_read_safe": True, "parallel_write_safe": True}
