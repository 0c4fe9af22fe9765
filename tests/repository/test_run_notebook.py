"""One notebook's run ends, whatever its kernel does, and keeps what it has."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import execute
import nbformat
import pytest
import run_notebook
from nbclient.output_widget import OutputWidget

LONG = 120      # seconds: far longer than anything here takes


def notebook(path: Path, *sources: str) -> Path:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
    return path


def outputs(path: Path) -> list[list[Any]]:
    return [cell.outputs for cell in nbformat.read(path, as_version=4).cells]


def test_a_reply_whose_wake_up_is_lost_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of an `Output` widget goes out just when the cell's reply comes in: nbclient used to wait the whole timeout."""
    send = OutputWidget._publish_msg

    def send_late(*arguments: Any, **options: Any) -> None:
        time.sleep(0.5)     # the kernel has ended its cell meanwhile
        send(*arguments, **options)

    monkeypatch.setattr(OutputWidget, "_publish_msg", send_late)
    path = notebook(tmp_path / "a.ipynb", "import ipywidgets\nout = ipywidgets.Output()\nout", "with out:\n    print(1)")
    started = time.monotonic()
    assert run_notebook.run(path, cell_timeout=LONG) is None
    assert time.monotonic() - started < LONG / 2


HANGING_ENDS = {
    "a thread goes on": "import threading, time\nthreading.Thread(target=time.sleep, args=(120,)).start()",
    "a handler sleeps": "import atexit, time\natexit.register(time.sleep, 120)",
    "signals are ignored": "import atexit, signal, time\natexit.register(time.sleep, 120)\n"
                           "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "a program goes on": "import subprocess, sys\n"
                         "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])",
}


@pytest.mark.parametrize("source", HANGING_ENDS.values(), ids=HANGING_ENDS)
def test_a_kernel_that_does_not_end_is_ended(tmp_path: Path, source: str) -> None:
    started = time.monotonic()
    assert run_notebook.run(notebook(tmp_path / "a.ipynb", source), cell_timeout=LONG) is None
    assert time.monotonic() - started < LONG / 2


@pytest.mark.parametrize("source, says", [("1 / 0", "ZeroDivisionError"), ("import os\nos._exit(3)", "Kernel died"),
                                          ("import time\ntime.sleep(120)", "timed out")])
def test_a_failed_notebook_says_why_and_keeps_what_ran(tmp_path: Path, source: str, says: str) -> None:
    path = notebook(tmp_path / "a.ipynb", "import ipywidgets\nipywidgets.IntSlider()", source, "print('never')")
    assert says in run_notebook.run(path, cell_timeout=5)
    first, _, last = outputs(path)
    assert first and not last
    widgets, = nbformat.read(path, as_version=4).metadata.widgets.values()
    assert "IntSliderModel" in {widget["model_name"] for widget in widgets["state"].values()}


def test_a_run_that_never_ends_is_stopped_and_its_words_are_shown(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    command = [sys.executable, "-c", "import time; print('so far', flush=True); time.sleep(120)"]
    assert not execute.run_logged(command, tmp_path / "log", {}, tmp_path, limit=2)
    assert capfd.readouterr().out == "so far\nstopped after 0:02, the limit for a chapter\n\n"


def test_a_good_run_is_quiet_and_a_bad_one_is_not(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    assert execute.run_logged([sys.executable, "-c", "print('well')"], tmp_path / "log", {}, tmp_path)
    assert capfd.readouterr().out == ""
    assert not execute.run_logged([sys.executable, "-c", "raise SystemExit('badly')"], tmp_path / "log", {}, tmp_path)
    assert capfd.readouterr().out == "badly\n\n"
