"""A page translator wraps each text in elements of its own; the figures go on to say what they show."""

import numpy as np

from diffusion_utils.widgets import Axis, Curve, Explorable, FrameScrubber

from .test_explorable import MIXTURE
from .widget_page import press, two_sliders, values

# What Google Translate does to a page: each text node gives way to two nested <font>, except where the page forbids it. The
# texts are the same words with a mark, so that one sees which were translated.
TRANSLATE = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode);
    for (const text of found) {
        if (!text.data.trim() || text.parentElement.closest("script, style, [translate=no], .notranslate")) continue;
        const [outer, inner] = ["font", "font"].map((tag) => document.createElement(tag));
        inner.textContent = `«${text.data}»`;
        outer.append(inner);
        text.replaceWith(outer);
    }
}"""


def test_readouts_caption_and_values_follow_the_sliders_of_a_translated_page(open_page):
    page = open_page(two_sliders())
    page.evaluate(TRANSLATE)
    assert page.locator(".fs-caption-text").text_content() == "«Sentence 0 0.»"
    press(page, 0, "ArrowRight", "ArrowRight")
    press(page, 1, "ArrowRight")
    assert values(page) == ["20", "«cosine»"]  # a name on a button keeps its translation
    assert page.locator("dd").text_content() == "2.1"
    assert page.locator(".fs-caption-text").text_content() == "Sentence 2 1."
    page.evaluate(TRANSLATE)  # it translates what is new, too
    press(page, 0, "ArrowRight")
    assert page.locator(".fs-caption-text").text_content() == "Sentence 3 1."
    assert [text.strip("«»") for text in values(page)] == ["30", "cosine"]


def test_worded_readouts_follow_the_sliders_of_a_translated_page(open_page):
    page = open_page(Explorable.schedules(title="Schedules", alt="Two curves"))
    page.evaluate(TRANSLATE)
    length = page.get_by_role("slider", name="T", exact=True)
    length.press("Home")
    assert page.locator("dd").last.text_content().endswith(", too much")
    page.evaluate(TRANSLATE)
    length.press("End")
    assert page.locator("dd").last.text_content() == "0.00635"


def test_buttons_say_what_they_do_in_a_translated_page(open_page):
    page = open_page(two_sliders())
    page.evaluate(TRANSLATE)
    speed, _, screen = page.locator(".fs-tools button").all()
    speed.click()
    assert speed.text_content() == "Speed 2×"
    screen.click()
    assert screen.text_content() == "Leave full screen"


def test_a_translator_is_kept_from_numbers_symbols_and_drawings(open_page):
    widget = FrameScrubber.from_arrays(
        np.zeros((2, 4, 5), np.uint8), axes=[Axis("t / T", [0.5, 1])], title="Only x_t of λ_t",
        readouts={"ᾱ_t": ["0.1", "1e−5"]}, companions=[Curve("λ_t", [0, 1], [0, 1], x_label="t")])
    page = open_page(widget, Explorable.points(MIXTURE, title="Points", alt="Points"))
    page.evaluate(TRANSLATE)
    assert page.locator("svg font").count() == 0  # it would not be seen
    translated = set(page.locator(".fs :not(font) > font").all_text_contents())
    tools = {"«Speed 1×»", "«Save PNG»", "«Full screen»", "«Link to this frame»"}
    assert translated - tools == {"«Only »", "«Points»", "«way»", "«forward»", "«back, DDPM»", "«back, DDIM»", "«spread»"}
