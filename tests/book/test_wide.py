"""On every page, formulas, code, printed texts and tables fit their boxes: on a phone, a laptop and a large screen."""

import io

import numpy as np
import pytest
import wide
from PIL import Image

from .conftest import ROOT
from .small_book import build
from .test_pages import PAGES, SITE

CONF = """
extensions += ["maths", "page_polish"]
html_math_renderer = "prerendered"
myst_enable_extensions = ["dollarmath"]
html_css_files = ["book.css"]
html_theme = "sphinx_book_theme"
"""
LONG = " + ".join(f"x_{{{k}}}" for k in range(30))


@pytest.mark.parametrize("page_name", PAGES)
def test_nothing_is_wider_than_its_box(browser, page_name):
    page = browser.new_page(java_script_enabled=False)
    found = wide.wide(page, (SITE / page_name).resolve().as_uri())
    page.close()
    assert found == [], "scrolled sideways: split the formula, put its conditions into the text, show a table"


@pytest.fixture(scope="module")
def wide_page(tmp_path_factory):
    """A page of what is too wide, and of what is not."""
    texts = [f"$$\n{LONG}\n$$", f"In a line, ${LONG}$, too.", "```\n" + "word " * 60 + "\n```",
             "$$\ny = x\n$$ (eq-short)\n\n$$\ny = " + LONG + "\n$$ (eq-long)",
             "| a | b |\n|---|---|\n| " + "unbroken" * 20 + " | $" + LONG + "$ |"]
    return build(tmp_path_factory.mktemp("wide"), texts, CONF)


def test_what_is_too_wide_is_found_and_only_that(browser, wide_page):
    page = browser.new_page(java_script_enabled=False)
    found = wide.wide(page, wide_page.as_uri())
    page.close()
    on_a_phone = [(kind, text[:8]) for width, kind, _, text in found if width == 390]
    assert [kind for kind, _ in on_a_phone].count("formula") == 2 and ("formula", "eq-long:") in on_a_phone
    assert {kind for kind, _ in on_a_phone} == {"formula", "formula in a line", "table"}  # code goes on below itself
    assert all(hidden > 50 for _, _, hidden, _ in found)


def place(page, label: str) -> list[dict]:
    """Where a formula and its number are."""
    box = page.locator(f"#equation-{label}")
    return [box.locator(part).bounding_box() for part in ("mjx-math", ".eqno")]


def test_the_number_stands_beside_a_formula_or_below_it(browser, wide_page):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(wide_page.as_uri())
    formula, number = place(page, "eq-short")
    assert abs(formula["y"] + formula["height"] / 2 - number["y"] - number["height"] / 2) < 8 and number["x"] > formula["x"]
    formula, number = place(page, "eq-long")
    assert number["y"] >= formula["y"] + formula["height"] and number["x"] + number["width"] <= 390
    page.close()


FADED = "box => [getComputedStyle(box).getPropertyValue('--more-left'), getComputedStyle(box).getPropertyValue('--more-right')]"


def test_a_formula_that_scrolls_fades_at_the_edge_beyond_which_there_is_more(browser, wide_page):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(wide_page.as_uri())
    long, short = (page.locator(f"#equation-{label} mjx-container") for label in ("eq-long", "eq-short"))
    assert [short.evaluate(FADED), long.evaluate(FADED)] == [["0px", "0px"], ["0px", "40px"]]
    long.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    page.wait_for_function("box => getComputedStyle(box).getPropertyValue('--more-right') === '0px'", arg=long.element_handle())
    assert long.evaluate(FADED) == ["40px", "0px"]
    page.close()


def edges(page, box) -> list[bool]:
    """Whether the first and the last columns of a box, beside its formula, are shaded."""
    picture = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("L"))
    return [bool(picture[:2, columns].mean() < 240) for columns in (slice(0, 3), slice(-3, None))]


def test_without_animations_that_scroll_a_shadow_says_the_same(browser, wide_page):
    """The rules for other browsers, tried in this one."""
    css = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    others = css[css.index("@supports not (animation-timeline"):]
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="light")
    page.goto(wide_page.as_uri())
    page.add_style_tag(content=others[others.index("{") + 1:others.index("}\n}")] + "mask: none !important; animation: none; }")
    long, short = (page.locator(f"#equation-{label} mjx-container") for label in ("eq-long", "eq-short"))
    assert [edges(page, short), edges(page, long)] == [[False, False], [False, True]]
    long.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    assert edges(page, long) == [True, False]
    page.close()
