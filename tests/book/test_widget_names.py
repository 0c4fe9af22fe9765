"""A figure's name comes from its cell and survives a new title; its number counts the figures of the chapter."""

import json

import numpy as np
import pytest
from ipywidgets.embed import embed_data

from diffusion_utils.widgets import Axis, FrameScrubber

from .small_book import as_cell, build


def figure(title):
    frames = np.random.default_rng(0).integers(0, 256, (5, 30, 40), dtype=np.uint8)
    return FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title=title, captions=list("abcde"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book whose chapter 13 shows two figures, the first of them twice and with a name in its cell's metadata."""
    folder, (first, second) = tmp_path_factory.mktemp("book"), (figure("A new title"), figure("Another"))
    cells = [as_cell(content) for content in ("# Late", first, first, second)]
    cells[1].metadata["figure"] = "fig-old"
    cells[2].metadata["figure"] = "fig-old"
    states = embed_data(views=[first, second], drop_defaults=False)["manager_state"]
    notebook = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {
        "orphan": True, "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        "widgets": {"application/vnd.jupyter.widget-state+json": states}}}
    (folder / "13_late.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return build(folder, ["Nothing"]).parent


def test_the_name_of_the_cell_is_the_address(site):
    assert sorted(path.stem for path in (site / "embed").glob("*.html")) == ["fig-another", "fig-old"]
    text = (site / "13_late.html").read_text(encoding="utf-8")
    assert text.count('id="fig-old" data-embed="embed/fig-old.html"') == text.count('id="fig-another"') == 1


def test_each_figure_says_its_number_on_the_page_and_on_its_own(site, browser):
    tab = browser.new_page()
    tab.goto((site / "13_late.html").as_uri())
    for number, title in enumerate(["A new title", "A new title", "Another"]):
        place = tab.locator(".widget-figure").nth(number)
        place.scroll_into_view_if_needed()
        place.locator(".fs[data-ready]").wait_for()
        assert place.locator(".fs-title").text_content() == f"Figure 13.{1 + (number == 2)}. {title}"
    tab.goto((site / "embed" / "fig-another.html").as_uri())
    assert tab.title() == "Figure 13.2. Another"
    tab.close()
