"""Figures of text in a browser: words that are kept by pressing them, rows, what is marked and what is hidden."""

import pytest
from kept_words import ROWS, WORDS, kept_words, line

from diffusion_utils.widgets import Axis, TextScrubber

from .small_book import build
from .test_explorable import places
from .test_pages import violations
from .widget_page import press, values

# The texts of a face, with their marks, as they are in the page and as the still form of the same frame has them.
BODIES = "rows => rows.map((row) => row.innerHTML)"
STILL = """html => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll(".fs-text-now")]
    .map((row) => row.innerHTML)"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"), [kept_words()]).as_uri()


def rows(page) -> list[str]:
    return page.locator(".fs-text-now").all_text_contents()


def check_same_as_still(page, widget, *position: int) -> None:
    widget.index, widget.index2 = position
    wanted = page.evaluate(STILL, widget.still_form()[0]["text/html"])
    assert page.locator(".fs-text-now").evaluate_all(BODIES) == wanted and len(wanted) == ROWS


def test_words_are_kept_by_key_and_by_click_and_stand_the_same_in_every_row(open_page):
    widget = kept_words()
    page = open_page(widget, viewport={"width": 390, "height": 800})
    heights = {page.locator(".fs").bounding_box()["height"]}
    buttons = page.get_by_role("group", name="keep", exact=True).get_by_role("button").all()
    assert [button.text_content() for button in buttons] == WORDS
    assert [button.get_attribute("aria-pressed") for button in buttons] == ["false", "true", "true", "false"]
    check_same_as_still(page, widget, 0, 0b0110)
    buttons[3].focus()
    page.keyboard.press("Space")
    buttons[1].click()
    assert [button.get_attribute("aria-pressed") for button in buttons] == ["false", "false", "true", "true"]
    assert rows(page) == [line(0b1100, 0, row) for row in range(ROWS)]
    assert all(text.endswith(" or not") for text in rows(page)) and page.locator("dd").text_content() == "2"
    assert page.locator(".fs-text-place b.fs-mark").all_text_contents() == ["or", "not"] * ROWS
    check_same_as_still(page, widget, 0, 0b1100)
    press(page, 0, "ArrowRight")
    assert values(page) == ["confidence"]
    check_same_as_still(page, widget, 1, 0b1100)
    row, mark = page.locator(".fs-text-now").first, page.locator(".fs-text-now b").first
    assert mark.evaluate("mark => getComputedStyle(mark).fontWeight + getComputedStyle(mark).boxShadow").startswith("700rgb")
    assert row.locator(".fs-mask").first.get_attribute("aria-hidden") == "true" and "…" in row.text_content()
    row.evaluate("row => getSelection().selectAllChildren(row)")
    assert page.evaluate("getSelection().toString()") == "__ __ or not"  # what is read aloud for a mask is not copied
    assert row.get_attribute("aria-live") == "polite" and row.get_attribute("lang") == "en"
    for button in buttons:
        heights.add(page.locator(".fs").bounding_box()["height"])
        button.press("Enter")
    assert rows(page)[1] == line(0b0011, 1, 1) and len(heights) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [rule for rule in violations(page) if rule[0] not in ("landmark-one-main", "page-has-heading-one", "region")] == []


def test_what_is_new_since_the_frame_before_is_marked(open_page):
    page = open_page(TextScrubber.from_texts(["____", "_o__", "to__"], axes=[Axis("t", [2, 1, 0])], title="Letters",
                                             marks="changes", mask="_"))
    seen = []
    for _ in range(3):
        seen.append(page.locator(".fs-text-now b").all_text_contents())
        press(page, 0, "ArrowRight")
    assert seen == [[], ["o"], ["t"]]


@pytest.mark.parametrize("width", [390, 1000])
def test_nothing_moves_when_the_figure_takes_the_place_of_its_still_form(browser, address, width):
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    tab.goto(address)
    still, kept = places(tab), tab.locator(".fs-kept").all_text_contents()
    texts = [text.inner_text() for text in tab.locator(".fs-text-now").all()]
    tab.unroute("**/widget-host.js*")
    tab.goto(address)
    tab.locator(".fs[data-ready]").wait_for()
    assert places(tab) == still and kept == ["be", "or"]
    assert texts == [line(0b0110, 0, row) for row in range(ROWS)]
    tab.close()
