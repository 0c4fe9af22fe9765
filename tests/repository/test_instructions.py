"""What README.md and "Running the book" tell people to type can be typed: in the shell of their system, and it exists."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from project import ROOT

PAGES = [ROOT / "README.md", ROOT / "book" / "running.md"]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
# One command of PowerShell without redirection or a pipe: words, of letters and what paths and options have, or in quotes.
POWERSHELL = re.compile(r"""(?:[\w./:\\=+-]+|"[^"$`]*")(?:\s+(?:[\w./:\\=+-]+|"[^"$`]*"))*|\$env:\w+ = "[^"]*\"""")


def blocks(path: Path, language: str) -> list[str]:
    return [text for _, named, text in FENCE.findall(path.read_text(encoding="utf-8")) if named == language]


def commands(path: Path) -> list[str]:
    """All lines of the fenced blocks, and what stands between backticks in the prose."""
    text = path.read_text(encoding="utf-8")
    fenced = [line.split(" #")[0].strip() for _, _, block in FENCE.findall(text) for line in block.splitlines()]
    return fenced + re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


@cache
def help_of(*command: str) -> str:
    return subprocess.run([sys.executable, *command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_of_commands_says_for_which_shell_it_is(path: Path) -> None:
    named = [language for _, language, _ in FENCE.findall(path.read_text(encoding="utf-8"))]
    assert set(named) <= {"bash", "powershell"} and {"bash", "powershell"} <= set(named), named


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_bash_can_read_what_is_for_bash(path: Path) -> None:
    for text in blocks(path, "bash"):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "<" not in text and ">" not in text, "a placeholder in angle brackets is a redirection"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_is_for_windows_is_powershell_and_not_the_old_command_prompt(path: Path) -> None:
    for line in "".join(blocks(path, "powershell")).splitlines():
        assert POWERSHELL.fullmatch(line.strip()), line
    for command in commands(path):
        assert not re.match(r"set \w+=", command), f"`set` sets no variable of the environment in PowerShell: {command}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_named_targets_commands_and_options_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in commands(path):
        if found := re.match(r"make ([a-z]+)((?: \w+=\S+)*)$", command):
            assert re.search(rf"^{found[1]}:", makefile, flags=re.MULTILINE), command
            for variable in re.findall(r"(\w+)=", found[2]):
                assert variable in makefile, f"the Makefile knows no {variable}: {command}"
        if found := re.match(r"(?:py|python) tools/build\.py (\w+)(.*)", command):
            assert re.search(rf"^    {found[1]}\b", help_of("tools/build.py"), flags=re.MULTILINE), command
            for option in re.findall(r"--[\w-]+", found[2]):
                assert option in help_of("tools/build.py", found[1]), f"{found[1]} has no {option}: {command}"
        if found := re.match(r"\S*python -m diffusion_utils (\w+)(.*)", command):
            for option in re.findall(r"--[\w-]+", found[2]):
                assert option in help_of("-m", "diffusion_utils", found[1]), command


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_another_build_of_pytorch_can_be_had_on_every_system(path: Path) -> None:
    """Wheels for Windows are CPU builds: there an address is needed for a GPU, on Linux to do without one."""
    text = path.read_text(encoding="utf-8")
    assert "TORCH_INDEX=ADDRESS" in text and "--torch-index ADDRESS" in text


def test_the_command_line_is_shown_where_the_set_up_put_it() -> None:
    text = (ROOT / "book" / "running.md").read_text(encoding="utf-8")
    assert ".venv/bin/python -m diffusion_utils" in text and r".venv\Scripts\python -m diffusion_utils" in text
