"""What the set-up installs, and that it works in any folder: with spaces, with letters beyond ASCII, with LANG=C."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import environment
import project
import pytest
from project import ROOT

A, B = "https://example.org/whl/cpu", "https://example.org/whl/gpu"
# A stand-in for the environment's Python: it writes down how it was called.
FAKE_PYTHON = '#!/bin/sh\necho "$@" >> "$(dirname "$0")/calls"\n'
C_LOCALE = project.environment({"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": None, "TORCH_INDEX": None})
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in an awkward folder, whose environment only writes down what it is asked."""
    root = tmp_path / "Bücher und Notizen"
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "pyproject.toml", "Makefile"):
        shutil.copyfile(ROOT / name, root / name)
    fake = root / ".venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text(FAKE_PYTHON)
    fake.chmod(0o755)
    return root


def set_up(root: Path, *options: str) -> list[str]:
    """Set up, and return what pip was asked to install."""
    calls = root / ".venv" / "bin" / "calls"
    calls.unlink(missing_ok=True)
    command = [sys.executable, "tools/build.py", "setup", *options]
    subprocess.run(command, cwd=root, env=C_LOCALE, check=True, capture_output=True)
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [re.fullmatch(r"-m pip install (.*) --quiet --disable-pip-version-check", line)[1] for line in lines]


@on_unix
def test_the_build_of_pytorch_can_be_chosen_and_changed(checkout: Path) -> None:
    torch = " ".join(environment.torch_pins())
    rest = ["-r requirements.txt", "--no-deps --no-build-isolation -e ."]
    assert set_up(checkout) == rest
    assert set_up(checkout) == []
    assert set_up(checkout, "--torch-index", A) == [
        f"--force-reinstall --no-deps {torch} --index-url {A}", f"{torch} --index-url {A}", *rest]
    assert set_up(checkout, "--torch-index", A) == set_up(checkout) == []
    assert f"{torch} --index-url {B}" in set_up(checkout, f"--torch-index={B}")
    with open(checkout / "requirements.txt", "a") as file:
        file.write("another==1\n")
    assert set_up(checkout) == [f"{torch} --index-url {B}", *rest]     # the last address given stays


@on_unix
def test_the_variable_does_the_same(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(C_LOCALE, "TORCH_INDEX", A)
    assert f"{' '.join(environment.torch_pins())} --index-url {A}" in set_up(checkout)


@on_unix
@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_make_passes_the_address_on(checkout: Path) -> None:
    (checkout / "tools" / "build.py").write_text("import os\nprint('index:', os.environ['TORCH_INDEX'])\n")
    command = ["make", "--no-print-directory", "lint", f"PYTHON={sys.executable}", f"TORCH_INDEX={A}"]
    done = subprocess.run(command, cwd=checkout, env=C_LOCALE, capture_output=True, text=True, check=True)
    assert done.stdout == f"index: {A}\n"


def test_every_command_that_sets_up_takes_the_option() -> None:
    build = [sys.executable, ROOT / "tools" / "build.py"]
    text = subprocess.run([*build, "--help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^    ([a-z]+)\b", text, flags=re.MULTILINE)) - {"repository", "release", "clean"}
    assert {"book", "test", "lab", "setup"} <= commands
    for command in sorted(commands):
        text = subprocess.run([*build, command, "--help"], capture_output=True, text=True, check=True).stdout
        assert "--torch-index" in text, command


def test_an_editable_install_shows_the_package_and_nothing_else(tmp_path: Path) -> None:
    """`tests` and `tools` are names that other projects have, too."""
    build = f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True)
    wheel, = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    look = (f"import site, importlib.util as util; site.addsitedir({str(tmp_path)!r})\n"
            "print([name for name in ('diffusion_utils', 'tests', 'tools', 'book', 'benchmarks') if util.find_spec(name)])")
    done = subprocess.run([sys.executable, "-P", "-c", NOT_THE_ENVIRONMENTS + look], cwd=tmp_path, check=True,
                          capture_output=True, text=True, env=project.environment({"PYTHONPATH": None}))
    assert done.stdout.strip() == "['diffusion_utils']"


# This environment's own editable install may be an older one: take its folder off the path.
NOT_THE_ENVIRONMENTS = f"import sys; sys.path[:] = [path for path in sys.path if path != {str(ROOT)!r}]\n"


def test_the_oldest_versions_are_those_of_the_package() -> None:
    oldest = environment.oldest()
    assert "torch==2.6" in oldest and "torchvision==0.21" in oldest
    assert [line for line in oldest if not re.fullmatch(r"[\w.-]+==[\d.]+", line)] == []


def test_the_tools_of_the_tests_are_pinned() -> None:
    assert [line.partition("==")[0] for line in environment.pins("pytest", "nbclient")] == ["pytest", "nbclient"]


def test_what_colab_ships_is_within_the_ranges_of_the_package() -> None:
    from packaging.requirements import Requirement

    lines = (ROOT / "tools" / "checks" / "colab.txt").read_text(encoding="utf-8").splitlines()
    shipped = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    needed = [Requirement(line.replace("==", ">=")) for line in environment.oldest()]
    assert [str(one) for one in needed if not one.specifier.contains(shipped[one.name.lower()])] == []
