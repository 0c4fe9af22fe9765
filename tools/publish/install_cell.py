"""Write the install cell, the first code cell of every chapter: `python tools/build.py run install_cell notebooks/*.ipynb`.

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
TAGS = ["set-up", "hide-input"]        # the page gathers all cells tagged set-up in a fold at its end
TEMPLATE = """\
# On Colab: install the book's package where it is missing.
# Nothing that is already installed is touched.
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = "{address}"
BOOK = REPOSITORY + "/archive/{reference}.zip"
found = find_spec("diffusion_utils")
if found is None:
    small = ("anywidget", "psygnal", "safetensors")
    missing = [name for name in small if find_spec(name) is None]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    pip += [BOOK, *missing]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr)
        raise RuntimeError(
            f"The book's package could not be installed from {{BOOK}}; "
            "pip says why above. Is there a network?")
else:
    folders = found.submodule_search_locations or []
    files = [Path(folder) / "schedules.py" for folder in folders]
    if not any(file.exists() for file in files):
        raise ImportError(
            f"{{found.origin or folders}} is not the book's package, but "
            "has its name. Rename it or move it elsewhere, and restart "
            "the kernel.")"""


def address(root: Path = ROOT) -> str:
    """`repository.url` of _config.yml, the one place where the address is kept."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    if not (found := re.search(r"^repository:\n(?:[ #].*\n)*?  url: *(\S+)", text, flags=re.MULTILINE)):
        raise SystemExit("_config.yml names no repository.url")
    return found.group(1)


def project(root: Path = ROOT) -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def version(root: Path = ROOT) -> str:
    """The package's version."""
    return project(root)["project"]["version"]


def reference(root: Path = ROOT) -> str:
    """What of the repository is installed: the version's tag, or the head of the branch in a copy that has no tags."""
    match project(root)["tool"]["book"]["install-from"]:
        case "tag":
            return f"refs/tags/v{version(root)}"
        case "branch":
            return "refs/heads/main"
        case other:
            raise SystemExit(f'pyproject.toml: install-from is "tag" or "branch", not {other!r}')


def archive(root: Path = ROOT) -> str:
    """The address of what the install cell installs."""
    return f"{address(root)}/archive/{reference(root)}.zip"


def source(root: Path = ROOT) -> str:
    """The text of the install cell."""
    return TEMPLATE.format(address=address(root), reference=reference(root))


def cell(root: Path = ROOT) -> dict[str, Any]:
    """The install cell as a notebook stores it."""
    return {"cell_type": "code", "execution_count": None, "id": CELL_ID, "metadata": {"tags": TAGS}, "outputs": [],
            "source": source(root).splitlines(keepends=True)}


def write(path: Path, root: Path = ROOT) -> bool:
    """Put the install cell before the first code cell of a notebook, or renew it there. True if the file changed."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = [other for other in notebook["cells"] if other.get("id") != CELL_ID]
    codes = [index for index, other in enumerate(cells) if other["cell_type"] == "code"]
    cells.insert(codes[0] if codes else len(cells), cell(root))
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
