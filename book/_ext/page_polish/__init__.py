"""What is done to every page besides its content: faults of the libraries repaired, weight left out, metadata added.

While a page is written, its scripts, pictures, buttons and metadata are seen to. When all are written, one pass over the
files does what needs the whole page or the final style sheets. It takes all pages, also those of an earlier build.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from . import accessible, code_lines, metadata, pictures, release, scripts, set_up, tab_stops, theme, unused, versions


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    icons = theme.take_icons(site)
    tab_stops.wait(site)
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    polished = {page: code_lines.with_lines(theme.lighten(accessible.repair(text), page.name, icons))
                for page, text in pages.items()}
    unused.lighten(site, polished.values())     # before the pages name the versions of the style sheets
    for page, text in polished.items():
        text = versions.with_versions(text, page.parent)
        if text != pages[page]:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    set_up.setup(app)
    app.connect("config-inited", metadata.set_address)
    app.connect("html-page-context", metadata.add_tags)
    app.connect("html-page-context", scripts.tidy, priority=900)                # after every extension added its own
    app.connect("html-page-context", release.link_to_release, priority=900)     # after the theme made the buttons
    app.connect("html-page-context", pictures.wait, priority=905)
    app.connect("html-page-context", scripts.defer, priority=915)
    app.connect("build-finished", metadata.write_index, priority=100)           # before the usual one, which stays out then
    app.connect("build-finished", metadata.write_not_found)
    app.connect("build-finished", metadata.write_sitemap)
    app.connect("build-finished", release.write_downloads)
    app.connect("build-finished", finish, priority=900)                         # after everything is written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
