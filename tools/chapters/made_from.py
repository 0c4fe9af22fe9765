"""What an executed chapter was made from: the notebook, the pins, the digits, and those files of the package that it opened.

That is kept as JSON beside the executed copy. The chapter is run again once any of it has changed; a file of the package
that it never opened, such as another chapter's weights, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # of downloaded digits, for all chapters
PINS, PLOTS = "requirements.txt", "tools/chapters/dark_plots.py"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_of(path: Path) -> str:
    """Of a file; one that is not there has a digest, too: once it is there, something has changed."""
    return digest(path.read_bytes()) if path.is_file() else "not there"


def digits_found() -> str:
    """Which digits a chapter finds: those of a folder that is named, downloaded ones, or scikit-learn's smaller ones."""
    named = os.environ.get("DIFFUSION_DATA")
    downloaded = CACHE / "diffusion_utils" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    return named or ("downloaded" if downloaded.is_file() else "smaller")


def surroundings(root: Path) -> dict[str, str]:
    """What all chapters are made from: the pins, the digits, and what draws their plots a second time."""
    return {name: digest_of(root / name) for name in (PINS, PLOTS)} | {"the digits": digits_found()}


def opened_files(log: Path, folder: Path) -> list[str]:
    """The files that a kernel opened (see opened.py), relative to `folder`; a module's source for its compiled copy."""
    found = set()
    for line in log.read_text(encoding="utf-8").splitlines():
        path = Path(line)
        if path.parent.name == "__pycache__":
            path = path.parent.parent / f"{path.name.split('.')[0]}.py"
        found.add(path.relative_to(folder).as_posix())
    return sorted(found)


def write(record: Path, source: bytes, around: dict[str, str], log: Path, folder: Path) -> None:
    """Keep what a chapter was made from. `folder` holds the package as it was installed for the run."""
    files = {name: digest_of(folder / name) for name in opened_files(log, folder)}
    record.write_text(json.dumps({"notebook": digest(source), **around, "files": files}, indent=1) + "\n", encoding="utf-8")


def changed(record: Path, notebook: Path, root: Path) -> str | None:
    """In words the first thing that differs from what the executed copy was made from, or None: it is up to date."""
    try:
        before = json.loads(record.read_text(encoding="utf-8"))
        files = before["files"]
    except (OSError, ValueError, TypeError, KeyError):
        return "no good run yet"
    now = {"notebook": digest_of(notebook), **surroundings(root), **{name: digest_of(root / name) for name in files}}
    return next((f"{name} changed" for name, value in now.items() if value != {**before, **files}.get(name)), None)
