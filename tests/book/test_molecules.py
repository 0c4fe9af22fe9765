"""MoleculeScrubber in a browser: it draws what its still form does, follows its sliders, and can be saved as a picture."""

import numpy as np
import pytest
from PIL import Image
from shown_molecules import molecules

from .small_book import build
from .test_explorable import places
from .test_pages import violations
from .widget_page import press

DRAWN = """figure => [...figure.querySelectorAll(".fs-molecules :is(path, circle, text)")].map((part) =>
    [part.getAttribute("class"), ...["d", "cx", "cy", "r", "x", "y"].map((name) => part.getAttribute(name) ?? ""),
     part.textContent])"""
STILL = f"html => ({DRAWN})(new DOMParser().parseFromString(html, 'text/html').body)"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), [molecules()]).as_uri()


@pytest.mark.parametrize("width", [390, 1000])
def test_it_takes_the_place_of_its_still_form_without_a_move_and_draws_every_frame_as_that_does(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, accept_downloads=True)
    page.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    page.goto(address)
    still = places(page)
    page.unroute("**/widget-host.js*")
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    figure, widget = page.locator(".fs[data-ready]"), molecules()
    figure.wait_for()
    assert places(page) == still
    for t in range(3):
        for draw in range(2):
            press(page, 0, "Home", *["ArrowRight"] * t)
            press(page, 1, "Home", *["ArrowRight"] * draw)
            widget.index, widget.index2 = t, draw
            html = widget.still_form()[0]["text/html"]
            assert figure.evaluate(DRAWN) == page.evaluate(STILL, html)
            label = figure.locator("svg[role=img]").get_attribute("aria-label")
            assert label == "Two graphs. " + ", ".join(widget.labels[widget.frame])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [fault for fault in violations(page) if "fs-" in str(fault)] == []
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save PNG").click()
    picture = np.asarray(Image.open(download.value.path()).convert("L"))
    assert picture.shape[1] > 1000 and (picture < 100).mean() > 0.001 and problems == []
    page.close()
