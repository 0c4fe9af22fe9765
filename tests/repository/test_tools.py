"""The tools behind `make`: which notebooks are executed again, what is staged, what counts as passed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import alike
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
    assert execute.changed(path) is None
    notebook(path, "print(2)")
    assert execute.changed(path) == "notebook changed"


UNTIDY = """
import tempfile
from pathlib import Path
for number, folder in enumerate((".", Path.home(), tempfile.gettempdir())):
    (Path(folder) / f"left{number}").write_text("")
"""


def test_a_warning_and_a_file_left_anywhere_are_reported_and_not_kept(built: Path) -> None:
    """Not only in its own folder: what one chapter leaves in the reader's home could change what another does."""
    bad = notebook(built / "01_bad.ipynb", "import warnings\nwarnings.warn('careful')")
    untidy = notebook(built / "02_untidy.ipynb", UNTIDY)
    result = execute.execute([bad, untidy])
    assert result.failed == 2
    assert result.notes == ["02_untidy left files behind: left0, left1, left2"]
    assert execute.changed(bad) == execute.changed(untidy) == "no good run yet"


WIDGETS = """
import ipywidgets, numpy
from diffusion_utils.widgets import Axis, FrameScrubber
print("same")
ipywidgets.interact(lambda t=1: print(t), t=(1, 3))
FrameScrubber.from_arrays(numpy.full((2, 8, 8), 200, numpy.uint8), axes=[Axis("t", [0, 1])], title="A", alt="Grey.")
"""


def test_a_second_run_is_compared_with_the_first(built: Path) -> None:
    """Widgets have other names each time, and are the same; a clock is not, unless its cell is tagged."""
    path = notebook(built / "01_a.ipynb", WIDGETS, "import time\ntime.time_ns()")
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"]["tags"] = [alike.TIMED]
    path.write_text(json.dumps(content))
    execute.execute([path])
    assert str(execute.execute_again([path])) == "2 passed, 0 failed, 0 skipped"


def executed(path: Path, name: str, width: int = 8, shown: str = "5", tag: str = "") -> Path:
    """An executed notebook with a widget called `name`, whose slider is so wide, and a cell that shows a number."""
    view = {"output_type": "display_data", "data": {alike.WIDGET: {"model_id": name}}}
    printed = {"output_type": "stream", "name": "stdout", "text": [shown]}
    state = {name: {"model_name": "A", "state": {"slider": "IPY_MODEL_b" + name}},
             "b" + name: {"model_name": "B", "state": {"width": width, "_view_count": None}}}
    cells = [{"cell_type": "code", "id": "widget", "metadata": {}, "outputs": [view]},
             {"cell_type": "code", "id": "number", "metadata": {"tags": [tag]}, "outputs": [printed]}]
    path.write_text(json.dumps({"cells": cells, "metadata": {"widgets": {alike.STATE: {"state": state}}}}))
    return path


@pytest.mark.parametrize("change, cells", [({}, []), ({"width": 9}, ["widget"]), ({"shown": "6"}, ["number"]),
                                           ({"shown": "6", "tag": alike.TIMED}, [])])
def test_what_differs_between_two_runs(tmp_path: Path, change: dict, cells: list[str]) -> None:
    tag = {"tag": change["tag"]} if "tag" in change else {}
    first = executed(tmp_path / "first.ipynb", "x1", **tag)
    assert alike.differing_cells(first, executed(tmp_path / "second.ipynb", "x2", **change)) == cells


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
