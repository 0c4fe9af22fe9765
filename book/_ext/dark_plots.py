"""In a dark page a plot's second form stands for the first: light ink, and no ground of its own.

tools/chapters/dark_plots.py draws it, and tools/book/dark_files.py puts it into book/_static/dark. Both forms stand in the
page, of which the theme hides one; a browser does not load a picture that is hidden and may wait.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDER = Path("book", "_static", "dark")
PICTURE = re.compile(r'<img (?P<before>[^>]*)src="(?P<way>[^"]*)_images/(?P<file>[0-9a-f]{64}\.png)"(?P<after>[^>]*)>')


def both_forms(picture: re.Match[str]) -> str:
    """The tag of each form, with the class by which the theme shows it."""
    before, way, file, after = picture.groups()
    before, after = (re.sub(r'class="[^"]*" ?', "", part) for part in (before, after))
    return "".join(f'<img class="only-{theme}" {before}src="{way}{folder}/{file}"{after}>'
                   for theme, folder in (("light", "_images"), ("dark", "_static/dark")))


def add(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    there = Path(app.srcdir) / FOLDER
    context["body"] = PICTURE.sub(lambda picture: both_forms(picture) if (there / picture["file"]).exists() else picture[0],
                                  context.get("body", ""))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add, priority=910)  # after the pictures have been given their places (page_polish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
