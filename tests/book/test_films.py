"""Film in a browser: it draws what its still form does, plays on a click, pauses, steps, and goes where one clicks."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from shown_films import FRAMES, PICTURES, film

from .small_book import build
from .test_explorable import places
from .test_pages import violations
from .widget_page import pixels, press, values

DRAWN = """figure => [...figure.querySelectorAll(".fs-film :is(path, text, p)")].map((part) =>
    [part.getAttribute("class"), part.getAttribute("d") ?? "", part.textContent])"""
STILL = f"html => ({DRAWN})(new DOMParser().parseFromString(html, 'text/html').body)"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), [film()]).as_uri()


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
    figure, widget = page.locator(".fs[data-ready]"), film()
    figure.wait_for()
    assert places(page) == still
    buttons = page.get_by_role("group", name="given", exact=True).get_by_role("button").all()
    for change in (None, 1, 0, 1):  # settings 1, 3, 2, 0
        if change is not None:
            buttons[change].click()
        widget.index2 = {None: 1, 1: widget.index2 ^ 2, 0: widget.index2 ^ 1}[change]
        press(page, 0, "Home")
        for k in range(FRAMES):
            widget.index = k
            html = widget.still_form()[0]["text/html"]
            assert figure.evaluate(DRAWN) == page.evaluate(STILL, html)
            for panel in range(2):
                np.testing.assert_array_equal(pixels(page, panel)[..., 0], PICTURES[k, widget.index2, panel])
            label = figure.locator("[role=img]").first.get_attribute("aria-label")
            assert label == f"Two videos. {k} of {widget.index2}"
            press(page, 0, "ArrowRight")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [fault for fault in violations(page) if "fs-" in str(fault)] == []
    press(page, 0, "Home")
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save PNG").click()
    saved = np.asarray(Image.open(download.value.path()).convert("L"))
    assert saved.shape[1] > 50 and problems == []
    page.close()


def test_it_plays_on_a_click_and_pauses_and_a_click_on_a_frame_goes_there(open_page):
    page = open_page(film(interval_ms=60))
    page.wait_for_timeout(300)
    assert values(page)[0] == "3"  # nothing plays by itself
    play = page.get_by_role("button", name="Play")
    play.click()
    page.wait_for_function("document.querySelector('.fs-value').textContent > 4")
    page.get_by_role("button", name="Pause").click()
    stopped = values(page)[0]
    page.wait_for_timeout(300)
    assert values(page)[0] == stopped
    box = page.locator(".fs-film-map").bounding_box()
    moved = page.evaluate("window.moved = 0; document.addEventListener('figure-moved', () => { window.moved += 1; }); moved")
    page.mouse.click(box["x"] + box["width"] * 1.6 / FRAMES, box["y"] + box["height"] / 2)
    assert values(page)[0] == "1" and page.evaluate("moved") == moved + 1  # the reader's own hand: predictions hear of it


def test_its_still_form_is_the_picture_of_its_frame():
    html = film().still_form()[0]["text/html"]
    first = html.split('base64,')[1].split('"')[0]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(first)))), PICTURES[3, 1, 0])
