"""The Sphinx extension that keeps a still figure beside each widget, on a book of one notebook."""

import re

import numpy as np
import pytest

from diffusion_utils.widgets import Axis, FrameScrubber

from .small_book import build, sphinx


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The built page of a notebook that shows one FrameScrubber."""
    frames = np.random.default_rng(0).integers(0, 256, (5, 30, 40), dtype=np.uint8)
    widget = FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title="Noise", captions=list("abcde"))
    return build(tmp_path_factory.mktemp("book"), [widget])


def test_the_still_figure_is_there_without_javascript(page, browser):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(page.as_uri())
    picture = tab.locator(".widget-figure .widget-poster img")
    assert picture.is_visible() and picture.get_attribute("alt") == "Noise. a"
    assert picture.bounding_box()["width"] == 440
    assert tab.locator(".widget-figure a").count() == 0
    tab.close()


def test_nothing_moves_when_the_widget_takes_its_place(page, browser):
    tab = browser.new_page(viewport={"width": 360, "height": 700})
    tab.route("**/widget-host.js*", lambda route: route.abort())
    tab.goto(page.as_uri())
    still = tab.locator(".widget-figure").bounding_box()
    tab.unroute("**/widget-host.js*")
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").wait_for(timeout=10_000)
    assert tab.locator(".widget-poster").count() == 0
    assert tab.locator(".widget-figure").bounding_box() == still
    tab.close()


def test_the_still_figure_is_in_the_pdf(page):
    """In the LaTeX that the PDF is made of, at the size it has in the page: 440 CSS pixels."""
    folder = sphinx(page.parent.parent, "latex")
    text = next(folder.glob("*.tex")).read_text(encoding="utf-8")
    assert re.findall(r"\\sphinxincludegraphics\[(.*?)\]", text) == [r"width=440\sphinxpxdimen,height=330\sphinxpxdimen"]
