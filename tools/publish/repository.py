"""Move the book to another address: `python tools/build.py repository https://github.com/OWNER/NAME`, or
`make repository`.

The address is kept in _config.yml (`repository.url`). This carries a new one there and wherever else the old one
stands: notebooks, badges, README, citation, package metadata, and the address of the published pages.

A copy has no tags at first. So the install cells at a new address install the head of its branch main, and the rocket opens
it. With --tag they install the tag of the version, as the original does: push that tag first.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import install_cell
import resolved
from project import NOTEBOOKS, ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
from site_address import site  # noqa: E402 (a module of the book's)

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
    slug = r"(?<![\w.-])" + re.escape("/".join(old)) + r"(?![\w-])"
    pages = r"(?<![\w.-])" + re.escape(site(*old)) + r"(?![\w-])"
    return re.sub(f"({slug})|{pages}", lambda found: "/".join(new) if found[1] else site(*new), text)


def move(root: Path, url: str, install_from: str) -> list[Path]:
    """Carry a new address into all files below `root`, and what the install cells install ("tag" or "branch").

    Returns the files that changed.
    """
    old, new = parse(install_cell.address(root)), parse(url)
    before = {path: path.read_text(encoding="utf-8") for path in files(root)}
    for path, text in before.items():
        text = moved(text, old, new)
        if path == root / "pyproject.toml":
            text = re.sub(r'^install-from = .*', f'install-from = "{install_from}"', text, flags=re.MULTILINE)
        if text != before[path]:
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in sorted((root / NOTEBOOKS.name).glob("*.ipynb")):
        install_cell.write(path, root)
    resolved.write(root)
    return [path for path, text in before.items() if path.read_text(encoding="utf-8") != text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="https://github.com/OWNER/NAME")
    parser.add_argument("--tag", action="store_true", help="install the version's tag, which is at the new address already")
    arguments = parser.parse_args()
    for path in move(ROOT, arguments.url, "tag" if arguments.tag else "branch"):
        print(path.relative_to(ROOT).as_posix())
    print(f"The chapters install {install_cell.archive()}")


if __name__ == "__main__":
    main()
