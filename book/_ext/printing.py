"""The pages on paper: their style, what the page does before it is printed, and its address at the foot of each sheet."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

FOOT = """<style media="print">
@page {{ @bottom-left {{ content: "{address}" }} @bottom-right {{ content: counter(page) }} }}
</style>
"""


def add_foot(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A browser that knows no margin boxes prints the address by itself."""
    if doctree is not None:
        address = f"{app.config.html_baseurl}{pagename}.html"
        context["metatags"] = context.get("metatags", "") + FOOT.format(address=address)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_css_file("print.css", media="print")
    app.add_js_file("print.js")
    app.connect("html-page-context", add_foot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
