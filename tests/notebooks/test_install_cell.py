"""What the install cell does on a machine without the package, with it, and how it gets into a notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import install_cell
import pytest

# A stand-in for pip, which is not ours: it writes down how it was called.
FAKE_PIP = """
import json, os, sys
with open(os.environ["PIP_CALLS"], "w") as file:
    json.dump(sys.argv[1:], file)
"""


def run_cell(folder: Path, *packages: str) -> list[str] | None:
    """Run the cell where only these packages can be imported; returns pip's arguments, or None if it was not called."""
    modules = {"pip/__init__": "", "pip/__main__": FAKE_PIP, **{f"{name}/__init__": "" for name in packages}}
    for name, body in modules.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(body)
    calls = folder / "calls.json"
    environment = {**os.environ, "PYTHONPATH": str(folder), "PIP_CALLS": str(calls)}
    # -S leaves site-packages out: nothing is importable but the standard library and `folder`. The cell starts pip
    # by sys.executable without -S, but the stand-in in PYTHONPATH comes before the real pip.
    run(environment, folder)
    return json.loads(calls.read_text()) if calls.exists() else None


def run(environment: dict[str, str], folder: Path) -> None:
    """Run the cell as a program; CalledProcessError with its words if it ends in an error."""
    subprocess.run([sys.executable, "-S", "-c", install_cell.source()], env=environment, cwd=folder, check=True,
                   capture_output=True, text=True)


def test_installs_the_release_where_the_package_is_missing(tmp_path: Path) -> None:
    arguments = run_cell(tmp_path, "safetensors")
    assert arguments == ["install", "--quiet", "--no-deps", install_cell.archive(), "anywidget", "psygnal"]


def test_never_names_what_the_machine_must_keep(tmp_path: Path) -> None:
    for argument in run_cell(tmp_path) or pytest.fail("pip was not called"):
        assert argument.split("==")[0] not in ("torch", "torchvision", "numpy", "ipywidgets")


def test_does_nothing_where_the_package_is(tmp_path: Path) -> None:
    (tmp_path / "diffusion_utils").mkdir()
    (tmp_path / "diffusion_utils" / "schedules.py").write_text("")
    assert run_cell(tmp_path, "diffusion_utils") is None


@pytest.mark.parametrize("other", ["diffusion_utils.py", "diffusion_utils/__init__.py", "diffusion_utils/readme.txt"])
def test_another_file_or_folder_of_that_name_is_named(tmp_path: Path, other: str) -> None:
    """Many repositories have a diffusion_utils.py, and Python looks beside the notebook first."""
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("raise SystemExit('must not be imported')")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_cell(tmp_path)
    last = caught.value.stderr.splitlines()[-1]
    assert str(tmp_path / "diffusion_utils") in last and "is not the book's package" in last and "Rename it" in last


def test_a_failed_installation_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").write_text("")
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('no route to host')")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run({**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path)
    assert "no route to host" in caught.value.stdout
    last = caught.value.stderr.splitlines()[-1]
    assert install_cell.archive() in last and "Is there a network?" in last


def test_is_short_and_no_wider_than_a_page_shows() -> None:
    lines = install_cell.source().splitlines()
    assert len(lines) <= 30 and max(map(len, lines)) <= 76


def notebook(path: Path, *cells: tuple[str, str]) -> Path:
    content = [{"cell_type": kind, "id": f"c{n}", "metadata": {}, "source": [text],
                **({"outputs": [], "execution_count": None} if kind == "code" else {})}
               for n, (kind, text) in enumerate(cells)]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": content}))
    return path


def test_is_written_before_the_first_code_cell_and_only_once(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", ("markdown", "# Title"), ("code", "x = 1"), ("code", "x"))
    assert install_cell.write(path)
    assert not install_cell.write(path)
    stored = json.loads(path.read_text())["cells"]
    assert [cell["id"] for cell in stored] == ["c0", "install", "c1", "c2"]
    assert "".join(stored[1]["source"]) == install_cell.source()


def test_replaces_an_older_install_cell(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", ("code", "x = 1"))
    install_cell.write(path)
    path.write_text(path.read_text().replace(f"v{install_cell.version()}", "v0.0.1"))
    assert install_cell.write(path)
    assert "v0.0.1" not in path.read_text()
