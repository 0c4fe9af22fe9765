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
    tab.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    tab.goto(page.as_uri())
    still = tab.locator(".widget-figure").bounding_box()
    tab.unroute("**/widget-host.js*")
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").wait_for(timeout=10_000)
    assert tab.locator(".widget-poster").count() == 0
    assert tab.locator(".widget-figure").bounding_box() == still
    tab.close()


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_text(file.read_text()[:-100])],
                         ids=["missing", "cut off"])
def test_where_the_script_that_runs_the_widgets_is_missing_or_cut_off_the_figure_says_so(page, browser, damage):
    host = page.parent / "_static" / "widget-host.js"
    whole, tab = host.read_text(encoding="utf-8"), browser.new_page()
    try:
        damage(host)
        tab.goto(page.as_uri())
        message = tab.locator(".widget-figure [role=alert]")
        message.wait_for()
        assert "widget-host.js, is missing or damaged" in message.text_content()
        assert message.evaluate("(element) => getComputedStyle(element).borderTopWidth") == "2px"
        assert tab.locator(".widget-poster img").is_visible()
    finally:
        host.write_text(whole, encoding="utf-8")
    tab.goto(page.as_uri())
    tab.locator(".fs[data-ready]").wait_for()
    assert tab.locator("[role=alert]").count() == 0
    tab.close()


def test_the_still_figure_is_in_the_pdf(page):
    """In the LaTeX that the PDF is made of, at the size it has in the page: 440 CSS pixels."""
    folder = sphinx(page.parent.parent, "latex")
    text = next(folder.glob("*.tex")).read_text(encoding="utf-8")
    assert re.findall(r"\\sphinxincludegraphics\[(.*?)\]", text) == [r"width=440\sphinxpxdimen,height=330\sphinxpxdimen"]
