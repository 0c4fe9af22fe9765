"""FanChart in a browser: it draws what its still form does, follows its sliders, and shows what is ticked."""

import re

import numpy as np
import pytest
from fan import GAPS, LENGTHS, PATHS, STARTS, fan
from PIL import Image

from diffusion_utils.widgets.fan_still import numbers_of, y_of

from .small_book import build
from .test_explorable import places
from .test_pages import violations
from .widget_page import press

DRAWN = """figure => [...figure.querySelectorAll("[role=img] path:not(.fs-sample):not(.fs-other)")]
    .map((path) => [path.getAttribute("class"), path.getAttribute("d")]).filter(([, d]) => d).sort()"""
ROUNDING = 0.11  # a tenth, to which either side rounds a coordinate


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), [fan()]).as_uri()


def numbers(d):
    return [float(text) for text in re.findall(r"-?[\d.]+", d)]


def line(figure, kind, which=0):
    return np.reshape(numbers(figure.locator(f"[role=img] .{kind}").nth(which).get_attribute("d")), (-1, 2))


@pytest.mark.parametrize("width", [390, 1000])
def test_it_takes_the_place_of_its_still_form_without_a_move(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    page.goto(address)
    still, drawn = places(page), page.locator(".fs").evaluate(DRAWN)
    page.unroute("**/widget-host.js*")
    page.goto(address)
    page.locator(".fs[data-ready]").wait_for()
    assert places(page) == still
    for (kind, d), (as_still, still_d) in zip(page.locator(".fs").evaluate(DRAWN), drawn, strict=True):
        assert kind == as_still
        np.testing.assert_allclose(numbers(d), numbers(still_d), atol=ROUNDING, err_msg=kind)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [fault for fault in violations(page) if "fs-" in str(fault)] == []
    page.close()


def test_sliders_move_the_gap_and_boxes_show_paths_and_the_other_band(browser, address):
    page = browser.new_page(viewport={"width": 1000, "height": 900}, accept_downloads=True)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    figure = page.locator(".fs[data-ready]")
    figure.wait_for()
    press(page, 0, "End")
    press(page, 1, "Home")
    widget = fan()
    _, fill = numbers_of(widget.settings, widget.numbers, 6)
    assert GAPS[2][0] == (STARTS[2], STARTS[2] + LENGTHS[0])
    for panel in range(2):
        median = line(figure, "fs-median", panel)
        assert len(median) == LENGTHS[0] + 2
        np.testing.assert_allclose(median[1:-1, 1], y_of(fill[panel, 2]), atol=ROUNDING)
        for k in range(PATHS):
            np.testing.assert_allclose(line(figure, "fs-sample", panel * PATHS + k)[1:-1, 1], y_of(fill[panel, 5 + k]),
                                       atol=ROUNDING)
    label = figure.locator("[role=img]").first.get_attribute("aria-label")
    assert label == "Two series with a gap, Sentence 2 0., width 2.0 K"
    for name, kind, count in (("4 sample paths", "fs-sample", 2 * PATHS), ("the other's", "fs-other", 4)):
        shown = figure.locator(f"[role=img] .{kind}").filter(visible=True)
        assert shown.count() == 0
        figure.get_by_role("checkbox", name=name).press("Space")
        assert shown.count() == count
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save PNG").click()
    picture = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    blue = (picture[..., 2] - picture[..., 0] > 60).mean()  # the bands have their colour
    assert blue > 0.001 and problems == []
    page.close()
