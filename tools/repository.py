"""Move the book to another address: `python tools/repository.py https://github.com/OWNER/NAME` or `make repository`.

The address is kept in _config.yml (`repository.url`). This carries a new one there and wherever else the old one
stands: notebooks, badges, README, citation, package metadata, and the address of the published pages.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import install_cell
from project import ROOT

FORM = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)")
TEXT = {".md", ".ipynb", ".yml", ".yaml", ".toml", ".cff", ".py", ".bib", ".html", ".js", ".css", ".json", ".txt"}
# Tests hold addresses only as examples.
SKIPPED = {".git", ".venv", "_build", "__pycache__", "shared", "tests", "weights", ".ipynb_checkpoints"}


def files(root: Path) -> list[Path]:
    """The text files of the project."""
    found = []
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name not in SKIPPED:
            found += files(path)
        elif path.suffix in TEXT:
            found.append(path)
    return found


def parse(url: str) -> tuple[str, str]:
    """Owner and name of a repository's address."""
    if not (found := FORM.fullmatch(url.rstrip("/").removesuffix(".git"))):
        raise SystemExit(f"Not a repository's address: {url!r}. It must look like https://github.com/OWNER/NAME")
    return found["owner"], found["name"]


def moved(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """The text with every form of the old address replaced: the repository's, and that of its GitHub Pages."""
    slug = re.compile(r"(?<![\w.-])" + re.escape("/".join(old)) + r"(?![\w-])")
    pages = re.compile(re.escape(f"{old[0].lower()}.github.io/{old[1]}") + r"(?![\w-])")
    return pages.sub(f"{new[0].lower()}.github.io/{new[1]}", slug.sub("/".join(new), text))


def move(root: Path, url: str) -> list[Path]:
    """Carry a new address into all files below `root`; returns those that changed."""
    old, new = parse(install_cell.address(root)), parse(url)
    changed = []
    for path in files(root):
        text = path.read_text(encoding="utf-8")
        if (replaced := moved(text, old, new)) != text:
            path.write_text(replaced, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise SystemExit("Say the new address: make repository URL=https://github.com/OWNER/NAME")
    for path in move(ROOT, sys.argv[1]):
        print(path.relative_to(ROOT).as_posix())
