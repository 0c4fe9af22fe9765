"""The wheel a reader installs holds every file of the package: code, weights and widget front ends."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from project import ROOT


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", tmp_path, ROOT], check=True)
    wheel, = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "diffusion_utils").rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert source - packed == set()
    assert {name.split("/")[0] for name in packed if ".dist-info/" not in name} == {"diffusion_utils"}
