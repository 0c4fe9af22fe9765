"""The wheel a reader installs holds every file of the package, code, weights and widget front ends, and is not too heavy."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import PurePosixPath

import pytest
from project import ROOT

MIB = 2**20
MODEL, ALL_MODELS = 8 * MIB, 72 * MIB     # bytes at most; a model that does with 3 MiB has no more


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True)
    path, = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    packed = set(wheel.namelist())
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "diffusion_utils").rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert source - packed == set()
    assert {name.split("/")[0] for name in packed if ".dist-info/" not in name} == {"diffusion_utils"}


def test_a_model_is_light_and_so_are_all_of_them_together(wheel: zipfile.ZipFile) -> None:
    """A reader on Colab waits for the wheel, and every clone of the book holds each weight file for ever."""
    sizes = Counter()
    for file in wheel.infolist():
        path = PurePosixPath(file.filename)
        if path.parent.as_posix() == "diffusion_utils/weights":
            sizes[path.stem] += file.file_size
    assert sizes, "no weights are packed"
    assert {name: size for name, size in sizes.items() if size > MODEL} == {}
    assert sizes.total() <= ALL_MODELS
