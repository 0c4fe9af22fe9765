"""Figures in the built pages: a still picture until they move, their data where it weighs least, a page of their own."""

from __future__ import annotations

from sphinx.application import Sphinx

from . import embeds, files, home, names, posters


def setup(app: Sphinx) -> dict[str, bool]:
    for part in (names, embeds, files, home, posters):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
