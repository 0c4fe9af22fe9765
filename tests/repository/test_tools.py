"""The tools behind `make`: which notebooks are executed again, what is staged, what counts as passed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import execute
import pages
import pytest
from tally import Tally, from_junit, from_status


def notebook(path: Path, *sources: str) -> Path:
    cells = [{"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None,
              "source": text} for n, text in enumerate(sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}))
    return path


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what the tools keep."""
    monkeypatch.setattr(execute, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(execute, "TIMINGS", tmp_path / "timings.json")
    return tmp_path


def outputs(path: Path) -> str:
    """What the cells of an executed notebook printed."""
    printed = [output for cell in json.loads(path.read_text())["cells"] for output in cell["outputs"]]
    return "".join("".join(output["text"]) for output in printed)


def test_a_chapter_runs_in_an_empty_folder_on_the_installed_package(built: Path) -> None:
    path = notebook(built / "01_a.ipynb", "import os, diffusion_utils\nprint(os.listdir(), diffusion_utils.__file__)")
    assert str(execute.execute([path])) == "1 passed, 0 failed, 0 skipped"
    text = outputs(execute.EXECUTED / path.name)
    assert text.startswith("['01_a.ipynb'] ")
    assert str(execute.ROOT) not in text, "the checkout's package was imported"


def test_only_what_changed_is_executed_again(built: Path) -> None:
    path = notebook(built / "01_a.ipynb", "import time\nprint(time.time_ns())")
    execute.execute([path])
    first = outputs(execute.EXECUTED / path.name)
    execute.execute([path])
    assert outputs(execute.EXECUTED / path.name) == first
    execute.execute([path], reuse=False)
    assert outputs(execute.EXECUTED / path.name) != first
    assert execute.is_fresh(path, execute.package_digest())
    notebook(path, "print(2)")
    assert not execute.is_fresh(path, execute.package_digest())
    assert not execute.is_fresh(path, "another state of the package")


def test_a_failure_and_a_file_left_behind_are_reported_and_not_kept(built: Path) -> None:
    bad = notebook(built / "01_bad.ipynb", "1 / 0")
    untidy = notebook(built / "02_untidy.ipynb", "open('left.txt', 'w').close()")
    result = execute.execute([bad, untidy])
    assert result.failed == 2
    assert result.notes == ["02_untidy left files behind: left.txt"]
    assert not execute.is_fresh(bad, execute.package_digest())
    assert not execute.is_fresh(untidy, execute.package_digest())


def test_staging_touches_only_what_changed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for root in (source, target):
        (root / "a").mkdir(parents=True)
    for name in ("a/same", "a/changed", "gone"):
        (target / name).write_text("old")
        os.utime(target / name, (1, 1))
    (source / "a/same").write_text("old")
    (source / "a/changed").write_text("new")
    pages.mirror(source, target)
    assert (target / "a/same").stat().st_mtime == 1
    assert (target / "a/changed").read_text() == "new"
    assert (target / "a/changed").stat().st_mtime > time.time() - 60
    assert not (target / "gone").exists()


def test_counts_of_a_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    assert str(from_junit(report)) == "3 passed, 3 failed, 3 skipped"


def test_a_run_that_broke_off_is_a_failure(tmp_path: Path) -> None:
    assert from_junit(tmp_path / "none.xml").failed == 1
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="0" failures="0" errors="0" skipped="0"/></testsuites>')
    assert from_junit(report, status=5).failed == 1
    assert from_status(2).failed == 1


def test_tallies_add_up() -> None:
    total = sum([Tally(1, 0, 2, ["a"]), Tally(3, 1, 0, ["b"])], Tally())
    assert (total.passed, total.failed, total.skipped, total.notes) == (4, 1, 2, ["a", "b"])
