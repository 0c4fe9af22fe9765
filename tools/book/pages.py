"""Build the pages: stage the prose beside the executed notebooks, and run Jupyter Book with warnings as errors.

A chapter that failed has a page too: as far as it got, with its error, and with a notice at its top.
"""

from __future__ import annotations

import filecmp
import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path

import dark_files
from project import BUILD, EXECUTED, HTML, OFFLINE, ROOT, STAGED, chapters, python

UNUSED = shutil.ignore_patterns("_build", "__pycache__", ".ipynb_checkpoints")
STRICT = ("-W", "-n", "--keep-going")      # every warning is an error, and all are shown
NOTICE = """:::{admonition} This chapter failed when this copy of the book was built
:class: warning
The page shows how far it got; `make book` says what went wrong.
:::"""


def build(fresh: bool = False, failed: Collection[str] = ()) -> int:
    """Build the whole book into book/_build/html; the exit status is 0 only without any warning.

    fresh: forget what earlier builds left, so that every page is read again. failed: the chapters that broke off.
    """
    if fresh:
        forget()
    stage(STAGED, chapters(), failed=failed)
    status = jupyter_book(STAGED, ROOT / "book", *STRICT)
    if status:
        # Sphinx reports a page's warnings only when it reads that page: read them all again the next time,
        # or the same build would pass on the second try.
        shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    return status


def build_offline() -> int:
    """Build the whole book from the copies in OFFLINE/executed, beside the other one and with the same strictness."""
    stage(OFFLINE / "staged", chapters(), OFFLINE / "executed")
    return jupyter_book(OFFLINE / "staged", OFFLINE, *STRICT)


def preview(notebooks: list[Path], folder: Path, failed: Collection[str] = ()) -> int:
    """Build only the prose and these chapters; references to other chapters must fail, so warnings are only shown."""
    staged = folder / "staged"
    stage(staged, notebooks, failed=failed)
    named = re.findall(r"file: *(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    there = [name for name in named if list(staged.glob(f"{name}.*"))]
    head = "format: jb-book\nroot: book/intro\noptions:\n  numbered: true\nchapters:\n"
    contents = head + "".join(f"  - file: {name}\n" for name in there)
    (staged / "_toc.yml").write_text(contents, encoding="utf-8")
    return jupyter_book(staged, folder)


def forget() -> None:
    """Remove the pages and Sphinx's memory of them, but not the executed notebooks."""
    for folder in (HTML, STAGED, BUILD / ".doctrees"):
        shutil.rmtree(folder, ignore_errors=True)


def jupyter_book(source: Path, output: Path, *options: str) -> int:
    # Jupyter Book is a command and not a module, so this is what its command does.
    start = "from jupyter_book.cli.main import main; main()"
    return python("-c", start, "build", source, "--path-output", output, "--quiet", *options)


def stage(target: Path, notebooks: list[Path], executed: Path = EXECUTED, failed: Collection[str] = ()) -> None:
    """Make `target` hold the configuration, the prose and the executed notebooks, rewriting only what changed.

    failed: names of chapters that get a notice at their top.
    """
    fresh = target.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(ROOT / "book", fresh / "book", ignore=UNUSED)
    (fresh / "notebooks").mkdir()
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(ROOT / name, fresh / name)
    for path in notebooks:
        shutil.copy2(executed / path.name, fresh / "notebooks" / path.name)
        if path.stem in failed:
            add_notice(fresh / "notebooks" / path.name)
        dark_files.take_out(fresh / "notebooks" / path.name, fresh / "book" / "_static" / "dark")
    mirror(fresh, target)
    shutil.rmtree(fresh)


def add_notice(path: Path) -> None:
    """Say below the title of a chapter that it failed."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = {"cell_type": "markdown", "id": "failed", "metadata": {}, "source": NOTICE}
    notebook["cells"].insert(1, cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def mirror(source: Path, target: Path) -> None:
    """Make `target` equal to `source`; a file that did not change keeps its date, so that Sphinx does not read it."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if not (source / old.name).exists():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for new in source.iterdir():
        old = target / new.name
        if new.is_dir():
            mirror(new, old)
        elif not (old.exists() and filecmp.cmp(new, old, shallow=False)):
            shutil.copyfile(new, old)
