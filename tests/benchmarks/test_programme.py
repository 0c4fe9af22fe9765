"""The programme of full runs: in order, within its time, and begun again without loss."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from programme import CPU, CUDA, commands, run

SESSION = 150  # minutes


def line(path: Path, wait: float = 0.0) -> list[str]:
    """Arguments of Python: wait, then write a file."""
    return ["-c", f"import pathlib, time; time.sleep({wait}); pathlib.Path({str(path)!r}).touch()"]


def test_what_runs_when_the_time_is_over_is_stopped_and_named_with_the_rest(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    programme = [line(first), line(second, wait=600), line(third)]
    started = time.monotonic()
    assert run(programme, 8) == programme[1:]
    assert time.monotonic() - started < 60
    assert first.exists() and not second.exists() and not third.exists()


def test_a_run_that_fails_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    fails = ["-c", "raise SystemExit(3)"]
    assert run([fails, line(tmp_path / "a")], 60) == [fails]
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize(("sessions", "device"), [(CPU, "cpu"), (CUDA, "cuda")])
def test_a_session_holds_what_fits_or_a_single_race(sessions: list[list[tuple[int, str]]], device: str) -> None:
    for session in sessions:
        assert sum(minutes for minutes, _ in session) <= SESSION or len(session) == 1 or device == "cuda"
    assert len(commands(device)) == sum(map(len, sessions))


def test_states_are_kept_where_it_is_said(tmp_path: Path) -> None:
    """Each of the programs that keep something unfinished is told, and only those: the others do not know the word."""
    for program, *arguments in commands("cpu", tmp_path):
        takes = '"--folder"' in Path(program).read_text(encoding="utf-8")
        assert takes == any(argument.startswith(str(tmp_path)) for argument in arguments), program
