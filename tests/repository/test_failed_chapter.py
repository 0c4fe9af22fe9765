"""One chapter that fails does not keep the others from being built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from project import PYTHON, ROOT, environment

CONFIG = """
title: A tiny book
author: Nobody
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx: {config: {include_patterns: ["book/**", "notebooks/**"]}}
"""
CONTENTS = """
format: jb-book
root: book/intro
chapters:
  - file: notebooks/01_good
  - file: notebooks/02_bad
  - file: notebooks/03_good
"""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "tiny"
version = "1"

[tool.hatch.build.targets.wheel]
packages = ["diffusion_utils"]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A project of three chapters, of which the second fails, with this project's tools and environment."""
    root = tmp_path / "Bücher und Notizen"     # spaces and letters beyond ASCII
    files = {"_config.yml": CONFIG, "_toc.yml": CONTENTS, "pyproject.toml": PROJECT, "requirements.txt": "",
             "book/intro.md": "# A tiny book\n", "diffusion_utils/__init__.py": ""}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "notebooks").mkdir()
    for name, source in [("01_good", "print('shown', 1)"), ("02_bad", "print('shown', 2)\n1 / 0"),
                         ("03_good", "print('shown', 3)")]:
        cells = [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(source),
                 nbformat.v4.new_code_cell("print('the', 'end')")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")
    (root / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    return root


@pytest.mark.skipif(Path(sys.executable).resolve() != PYTHON.resolve(), reason="runs the project's own environment")
def test_the_others_are_built_and_the_command_ends_in_an_error_that_names_it(tiny: Path) -> None:
    start = "import build; build.execute_and_build(None)"
    bare = environment({"PYTHONPATH": str(tiny / "tools"), "LC_ALL": "C", "PYTHONUTF8": None,
                        "DIFFUSION_DATA": str(tiny)})     # no chapter asks for digits
    done = subprocess.run([sys.executable, "-c", start], cwd=tiny, env=bare, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("1 of 3 chapters failed: 02_bad.")
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (tiny / "book/_build/html/notebooks").glob("*.html")}
    notice = "This chapter failed when this copy of the book was built"
    assert {name: (f"shown {name[1]}" in text, notice in text, "ZeroDivisionError" in text, "the end" in text)
            for name, text in pages.items()} == {"01_good": (True, False, False, True), "02_bad": (True, True, True, False),
                                                 "03_good": (True, False, False, True)}
