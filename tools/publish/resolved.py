"""Write the notebooks of `run/`, which readers open in Colab and JupyterLab: `python tools/build.py run resolved`.

They are the chapters with numbers and links in place of {eq} and {cite}, which only the pages can show. Nothing is written
there by hand, and a test says when they are out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import install_cell
from project import NOTEBOOKS, READABLE, ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
from plain_references import References  # noqa: E402 (a module of the book's)
from site_address import site  # noqa: E402

FOLDER = READABLE.name


def copies(root: Path = ROOT) -> dict[Path, str]:
    """The path of each notebook of that folder, and what is to stand in it."""
    owner, name = install_cell.address(root).split("/")[-2:]
    references = References(root, f"https://{site(owner, name)}")
    found = {}
    for path in sorted((root / NOTEBOOKS.name).glob("[0-9]*.ipynb")):
        notebook = references.resolved(f"{NOTEBOOKS.name}/{path.stem}", json.loads(path.read_text(encoding="utf-8")))
        found[root / FOLDER / path.name] = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return found


def write(root: Path = ROOT) -> list[Path]:
    """Bring the folder up to date. Returns the files that changed, those of chapters that are gone too."""
    wanted = copies(root)
    old = {path: path.read_text(encoding="utf-8") for path in (root / FOLDER).glob("*.ipynb")}
    (root / FOLDER).mkdir(exist_ok=True)
    for path in old.keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        if text != old.get(path):
            path.write_text(text, encoding="utf-8", newline="\n")
    return sorted(path for path in old.keys() | wanted.keys() if old.get(path) != wanted.get(path))


def main() -> None:
    changed = write()
    for path in changed:
        print(f"{'written' if path.exists() else 'removed'}  {path.relative_to(ROOT).as_posix()}")
    print(f"{FOLDER}/ is up to date.")


if __name__ == "__main__":
    main()
