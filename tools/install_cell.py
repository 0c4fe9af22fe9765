"""Write the install cell, the first code cell of every chapter: `python tools/install_cell.py notebooks/*.ipynb`.

On Colab, or any machine that has PyTorch but not the book, the cell installs the package at the chapter's own release.
`--no-deps` keeps pip from touching torch, numpy or ipywidgets; the few small packages that may be missing are named.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from project import ROOT

CELL_ID = "install"
TAGS = ["hide-input"]
TEMPLATE = """\
# On Colab: install the book's package where it is missing. Nothing that is already installed is touched.
import subprocess
import sys
from importlib.util import find_spec

BOOK = "{address}/archive/refs/tags/v{version}.zip"
if find_spec("diffusion_utils") is None:
    small = [name for name in ("anywidget", "psygnal", "safetensors") if find_spec(name) is None]
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", BOOK, *small])"""


def address(root: Path = ROOT) -> str:
    """`repository.url` of _config.yml, the one place where the address is kept."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    if not (found := re.search(r"^repository:\n(?:[ #].*\n)*?  url: *(\S+)", text, flags=re.MULTILINE)):
        raise SystemExit("_config.yml names no repository.url")
    return found.group(1)


def version() -> str:
    """The package's version, from pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def source() -> str:
    """The text of the install cell."""
    return TEMPLATE.format(address=address(), version=version())


def cell() -> dict[str, Any]:
    """The install cell as a notebook stores it."""
    return {"cell_type": "code", "execution_count": None, "id": CELL_ID, "metadata": {"tags": TAGS}, "outputs": [],
            "source": source().splitlines(keepends=True)}


def write(path: Path) -> bool:
    """Put the install cell before the first code cell of a notebook, or renew it there. True if the file changed."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = [other for other in notebook["cells"] if other.get("id") != CELL_ID]
    codes = [index for index, other in enumerate(cells) if other["cell_type"] == "code"]
    cells.insert(codes[0] if codes else len(cells), cell())
    notebook["cells"] = cells
    new = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if new != text:
        path.write_text(new, encoding="utf-8", newline="\n")
    return new != text


def main(names: list[str]) -> None:
    if not names:
        raise SystemExit(__doc__)
    for name in names:
        print(f"{'written ' if write(Path(name)) else 'the same'}  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
