"""The address of a style sheet or a script changes with its content: no reader sees a new page with an old one of those.

A browser keeps such files for days. Sphinx gives most of them a version in their address, but takes it from the file as it is
when the page is written; some are finished later (maths.css, the theme's style sheet), and some have none.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sphinx.application import Sphinx

ASSET = re.compile(r'\b(href|src)="([^":?#]+\.(?:css|js))(?:\?[^"]*)?"')


def version(file: Path) -> str:
    """Eight characters that stand for a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def with_versions(text: str, folder: Path) -> str:
    """A page's text with the version of each file of ours in its address; `folder` is where the page is."""

    def address(found: re.Match[str]) -> str:
        file = folder / found[2]
        return f'{found[1]}="{found[2]}?v={version(file)}"' if file.is_file() else found[0]

    return ASSET.sub(address, text)


def write_versions(app: Sphinx, error: Exception | None) -> None:
    """In all pages, also those that this build did not write anew."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if (versioned := with_versions(text, page.parent)) != text:
            page.write_text(versioned, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write_versions, priority=950)  # after light_theme, which changes a style sheet
    return {"parallel_read_safe": True, "parallel_write_safe": True}
