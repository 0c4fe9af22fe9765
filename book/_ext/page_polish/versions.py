"""The address of a style sheet or a script changes with its content: no reader sees a new page with an old one of those.

A browser keeps such files for days. Sphinx gives most of them a version in their address, but takes it from the file as it is
when the page is written; some are finished later (maths.css, the theme's style sheet), and some have none.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

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
