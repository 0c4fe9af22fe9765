"""A chapter's number is that of its file: `13_article_code` is chapter 13, and its equations are (13.1), (13.2) …

Sphinx counts the pages of the contents instead, so that a new chapter would renumber all that follow. Pages without a
number in their name are the appendix, with letters in the order of the contents. Standard library only: tools use it, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase

from equations import displays, prose

LISTED = re.compile(r"^\s*- file: *(\S+)", flags=re.MULTILINE)


def chapter_number(page: str) -> str | None:
    """`notebooks/05_images_guidance` is chapter 5; None for a page that is no chapter."""
    found = re.match(r"(\d+)_", page.rpartition("/")[2])
    return str(int(found[1])) if found else None


def numbered(pages: Iterable[str]) -> dict[str, str]:
    """page, such as `notebooks/13_article_code` → its number or letter."""
    letters = iter(ascii_uppercase)
    return {page: chapter_number(page) or next(letters) for page in pages}


def page_numbers(root: Path) -> dict[str, str]:
    """The same of all pages that _toc.yml lists."""
    return numbered(LISTED.findall((root / "_toc.yml").read_text(encoding="utf-8")))


def equation_numbers(root: Path) -> dict[str, tuple[str, str]]:
    """label → the page that it is on, and its number, such as `13.2`."""
    found = {}
    for page, number in page_numbers(root).items():
        path = next(path for path in (root / f"{page}.ipynb", root / f"{page}.md") if path.exists())
        labels = [label for _, label in displays(prose(path)) if label]
        found |= {label: (page, f"{number}.{count}") for count, label in enumerate(labels, start=1)}
    return found
