"""How much room each figure of the book takes: on a phone, on a desk, in a hall."""

import pytest

from .test_pages import WITH_WIDGETS, opened, wait_for_widgets

SCREEN = 660    # CSS pixels that a phone of 844 leaves between the browser's bars
SHARED = """() => [...document.querySelectorAll(".fs")].map((figure) => {
    const parts = [...figure.querySelectorAll(":is(.fs-title, .fs-face, .fs-controls, .fs-plots)")];
    const boxes = parts.map((part) => part.getBoundingClientRect());
    return [figure.ariaLabel, Math.max(...boxes.map((box) => box.bottom)) - Math.min(...boxes.map((box) => box.top))];
})"""
TOO_WIDE = """() => [...document.querySelectorAll(".fs, .fs *")].filter((part) => {
    const figure = part.closest(".widget-figure").getBoundingClientRect();
    return !part.closest(".fs-said") && part.getBoundingClientRect().right > figure.right + 1;
}).map((part) => part.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("page_name", WITH_WIDGETS)
def test_title_picture_controls_and_plots_share_one_phone_screen_and_nothing_is_too_wide_anywhere(browser, site_url, page_name):
    with opened(browser, f"{site_url}/{page_name}", viewport={"width": 390, "height": 844}) as page:
        assert wait_for_widgets(page) > 0
        assert [figure for figure in page.evaluate(SHARED) if figure[1] > SCREEN] == []
        for width in (390, 1300, 1920):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(TOO_WIDE) == [], width
