"""A chapter handed on as one HTML file by nbconvert, as book/running.md advises: without a network each figure stands still."""

import re
import subprocess
import sys

import nbformat
import pytest
from ipywidgets.embed import embed_data

from diffusion_utils.widgets import Axis, Explorable, TextScrubber

from .conftest import ROOT
from .small_book import as_cell
from .widget_page import one_slider


def advised() -> list[str]:
    """The arguments of nbconvert that the page gives."""
    command, = re.findall(r"`jupyter nbconvert (.*?) \S+\.ipynb`", (ROOT / "book" / "running.md").read_text(encoding="utf-8"))
    return command.split()


@pytest.mark.parametrize("saved", [True, False], ids=["widgets saved", "widgets not saved"])
def test_every_figure_is_a_picture_or_a_text_without_a_network(browser, tmp_path, saved):
    text = TextScrubber.from_texts(["to be", "__ __"], axes=[Axis("t", [0, 1])], title="Letters")
    figures = [one_slider(), Explorable.schedules(title="Schedules", alt="Two curves"), text]
    notebook = nbformat.v4.new_notebook(cells=[as_cell(figure) for figure in figures])
    if saved:
        states = embed_data(views=figures, drop_defaults=False)["manager_state"]
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": states}
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", *advised(), "chapter.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto((tmp_path / "chapter.html").as_uri(), wait_until="domcontentloaded")
        pictures = page.locator(".jp-OutputArea img")
        assert pictures.count() == 2
        assert page.get_by_text("to be").locator("visible=true").count() == 1
        page.wait_for_function("() => [...document.images].every((image) => image.complete)")
        assert pictures.evaluate_all("all => all.map((image) => image.naturalWidth > 0 && image.width > 100)") == [True, True]
    finally:
        context.close()
