"""What `make bench` runs, and what the benchmarks' page says to run, exists."""

from __future__ import annotations

import re

import build
import pytest
from peers import ARMS
from programme import CPU
from project import ROOT
from techniques import TECHNIQUES

FOLDER = ROOT / "benchmarks"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
COMMANDS = [tuple(words.split()) for words in re.findall(r"`python benchmarks/([^`]+)`", PAGE)]
QUICK = [(f"{name}.py", *arguments) for name, *arguments in build.BENCHMARKS]


@pytest.mark.parametrize("command", COMMANDS + QUICK, ids=" ".join)
def test_a_command_names_what_there_is(command: tuple[str, ...]) -> None:
    name, *arguments = command
    source = (FOLDER / name).read_text(encoding="utf-8") + (FOLDER / "timing.py").read_text(encoding="utf-8")
    assert all(f'"{word}"' in source for word in arguments if word.startswith("--"))
    if name == "time_to_quality.py":
        assert arguments[0] in ARMS


def test_every_full_run_is_on_the_page() -> None:
    named = {command[0] for command in COMMANDS}
    runs = {path.name for path in FOLDER.glob("*.py") if "def main" in path.read_text(encoding="utf-8")}
    assert runs == named
    raced = {command[1] for command in COMMANDS if command[0] == "time_to_quality.py"}
    assert raced | {"diffusers-64", "smalldiffusion"} == set(ARMS)
    assert f"{len(TECHNIQUES)} runs of 3 minutes" in PAGE


def test_the_page_names_the_runs_in_the_order_of_the_programme() -> None:
    page = [" ".join(command) for command in COMMANDS if command[0] not in ("programme.py", "bars.py")]
    assert page == [line for session in CPU for _, line in session]
    assert len(set(page)) == len(page)


def test_a_reduced_form_leaves_room_within_half_an_hour() -> None:
    """A race takes its minutes and, for its looks, about twice as long again; nothing begins after LAST_BENCHMARK."""
    assert f"after {build.LAST_BENCHMARK} minutes" in PAGE
    races = [float(command[command.index("--minutes") + 1]) for command in QUICK if "--minutes" in command]
    assert races and build.LAST_BENCHMARK + 3 * max(races) <= 30
