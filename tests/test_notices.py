"""A notice is seen in a notebook as well as in a terminal, and is a warning in neither."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import diffusion_utils
from diffusion_utils.notices import notice


def test_in_a_terminal_results_on_stdout_stay_alone(capsys: pytest.CaptureFixture) -> None:
    notice("the digits are small")
    assert capsys.readouterr() == ("", "Notice: the digits are small\n")


def test_in_a_notebook_the_page_shows_it_and_no_warning() -> None:
    code = "from diffusion_utils.notices import notice\nnotice('the digits are small')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert (output.name, output.text) == ("stdout", "Notice: the digits are small\n")


def test_nothing_that_a_chapter_can_reach_prints_on_stderr() -> None:
    """Notices go through `notice`; the command line has its own errors, and sets up the console."""
    package = Path(diffusion_utils.__file__).parent
    writers = {path.name for path in package.rglob("*.py") if "stderr" in path.read_text(encoding="utf-8")}
    assert writers <= {"notices.py", "__main__.py", "console.py"}
