"""What the README promises exists: the commands, the files, the version in every place."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from project import ROOT, TOOLS, chapters, tool

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documented_make_targets_exist(path: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named, "no make command is documented"
    assert named <= TARGETS


def test_every_target_is_a_command_of_the_script_too() -> None:
    """On Windows there is no make: tools/build.py does the same by the same names."""
    help_command = [sys.executable, ROOT / "tools" / "build.py", "--help"]
    text = subprocess.run(help_command, capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^    ([a-z]+)\b", text, flags=re.MULTILINE))
    assert TARGETS - {"help"} <= commands


def test_what_is_to_be_run_by_its_name_exists() -> None:
    """In the documents and in what the tools say of themselves."""
    texts = [path.read_text(encoding="utf-8") for path in [*DOCUMENTS, *TOOLS.rglob("*.py")]]
    named = {name for text in texts for name in re.findall(r"build\.py run (\w+)", text)}
    assert "install_cell" in named
    assert named <= {path.stem for path in TOOLS.glob("*/*.py")}


def test_a_tool_finds_those_of_other_rooms(capfd: pytest.CaptureFixture) -> None:
    assert tool("lighthouse", "--help", interpreter=Path(sys.executable)) == 0
    assert "CHAPTER" in capfd.readouterr().out
    with pytest.raises(SystemExit, match="No tool is called 'lighthous'. There are: .*lighthouse"):
        tool("lighthous")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_linked_files_exist(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_is_two_screens_and_names_every_chapter() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    assert [path.name for path in chapters() if f"notebooks/{path.name}" not in text] == []


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    package = (ROOT / "diffusion_utils" / "__init__.py").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)", citation, flags=re.MULTILINE)[1] == version
    assert re.search(r"^## (\d\S*)", changelog, flags=re.MULTILINE)[1] == version
    assert re.search(r"""^__version__ = ["'](.+?)["']""", package, flags=re.MULTILINE)[1] == version


def test_pins_are_exact_and_within_the_ranges_of_the_package() -> None:
    from packaging.requirements import Requirement

    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert [str(pin) for pin in pins if [spec.operator for spec in pin.specifier] != ["=="]] == []
    pinned = {pin.name.lower(): next(iter(pin.specifier)).version for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in project["dependencies"]:
        needed = Requirement(text)
        assert needed.specifier.contains(pinned[needed.name.lower()]), text
