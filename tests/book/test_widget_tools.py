"""The tools under a figure: its speed, its picture to save, the link to a frame, the whole screen."""

import numpy as np
import pytest
from PIL import Image

from diffusion_utils.widgets import Explorable

from .widget_page import COLOUR, N, one_slider, press, two_sliders, values


def test_speed_changes_the_time_of_a_frame_also_while_it_plays(open_page):
    page = open_page(two_sliders(interval_ms=40_000))  # it must not come to its end before we have clicked
    page.evaluate(RECORD_DELAYS)
    page.get_by_role("button", name="Play").click()
    for text in ("Speed 1×", "Speed 2×", "Speed 4×", "Speed ½×"):
        page.get_by_role("button", name=text).click()
    assert page.evaluate("window.delays") == [40_000, 20_000, 10_000, 80_000, 40_000]


RECORD_DELAYS = """() => {
    window.delays = [];
    const real = window.setInterval;
    window.setInterval = (call, delay) => { window.delays.push(delay); return real(call, delay); };
}"""


def test_less_motion_means_at_most_two_frames_a_second(open_page):
    page = open_page(two_sliders(interval_ms=20), reduced_motion="reduce")
    page.evaluate(RECORD_DELAYS)
    page.get_by_role("button", name="Speed").click()
    page.get_by_role("button", name="Play").click()
    assert page.evaluate("window.delays") == [500]


def test_the_frame_is_saved_four_times_as_large_with_the_words_that_belong_to_it(open_page):
    """Every pixel of the picture as it is; title above, and below it the setting, the numbers and the sentence."""
    page = open_page(one_slider(scale=3, readouts={"λ_t": range(N)}, captions=[f"Sentence {k}." for k in range(N)]))
    page.evaluate(RECORD_WORDS)
    press(page, 0, "ArrowRight", "ArrowRight")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "fig-colour-step-2.png"
    assert page.evaluate("window.words") == ["Colour", "step = 2", "λ", "t", " 2", "Sentence 2."]
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    picture = COLOUR[2].repeat(12, axis=0).repeat(12, axis=1)
    height, width = picture.shape[:2]
    tops = [top for top in range(len(saved) - height) if np.array_equal(saved[top : top + height, 64 : 64 + width], picture)]
    assert len(tops) == 1
    above, below = saved[: tops[0]], saved[tops[0] + height :]
    assert above.min() == below.min() == 0 and above[0].min() == below[-1].min() == 255    # black words on white paper


RECORD_WORDS = """() => {
    window.words = [];
    const real = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        if (text) window.words.push(text);
        real.call(this, text, ...place);
    };
}"""


def test_a_drawing_is_saved_as_fine_as_its_size_allows(open_page):
    """Drawn anew and not enlarged: its lines have edges that the canvas in the page has not the pixels for."""
    page = open_page(Explorable.schedules(title="Schedules", alt="Two curves"), style="html { background: white }")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    saved = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    assert saved.shape[1] == 4 * (440 + 2 * 16)
    doubled = np.abs(np.diff(saved, axis=1)).sum((0, 2))    # change from each column to the next
    assert min(doubled[::2].sum(), doubled[1::2].sum()) > 0.2 * doubled.sum()


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("?fig-two-sliders.t=70&fig-two-sliders.schedule=cosine#fig-two-sliders", ["70", "cosine"]),
        ("?fig-two-sliders.t=68", ["70", "linear"]),  # the nearest there is
        ("?fig-two-sliders.t=1e9", ["110", "linear"]),
        ("?fig-two-sliders.t=abc&fig-two-sliders.schedule=3", ["0", "linear"]),  # nonsense is passed over
        ("?fig-other.t=70&t=50", ["0", "linear"]),
    ],
)
def test_an_address_leads_to_a_frame(open_page, query, place):
    page = open_page(two_sliders(), query=query)
    assert values(page) == place


def test_the_link_to_a_frame_is_copied_and_leads_back_to_it(open_page):
    page = open_page(two_sliders(), permissions=["clipboard-read", "clipboard-write"])
    press(page, 0, "End")
    press(page, 1, "ArrowRight")
    link = page.locator(".fs-tools a").first
    link.click()
    page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    assert link.text_content() == "Copied"
    page.wait_for_function("document.querySelector('.fs-tools a').textContent === 'Link to this frame'")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    page.locator(".fs[data-ready]").wait_for()
    assert "t=110" in page.url and page.url.endswith("#fig-two-sliders")
    assert values(page) == ["110", "cosine"]


def test_where_nothing_can_be_copied_the_link_leads_to_the_frame(open_page):
    page = open_page(two_sliders())
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    press(page, 0, "End")
    page.get_by_role("link", name="Link to this frame").click()
    page.wait_for_url("**/*#fig-two-sliders")
    page.locator(".fs[data-ready]").wait_for()
    assert values(page) == ["110", "linear"]


def test_full_screen_is_large_and_obeys_a_remote_control(open_page):
    page = open_page(two_sliders(interval_ms=400))
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement !== null")
    texts = ["dd", "dt", ".fs-value", ".fs-name", ".fs-caption-text"]
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    assert min(page.locator(name).first.evaluate(size) for name in texts) >= 24
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    assert values(page) == ["10", "linear"]
    page.keyboard.press("b")
    assert page.get_by_role("button", name="Pause").count() == 1
    page.keyboard.press("b")
    press(page, 1, "ArrowRight")  # arrows on a slider are the slider's
    assert values(page)[1] == "cosine"
    page.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("document.fullscreenElement === null")
    assert page.locator(".fs-projector").count() == 0


@pytest.mark.parametrize("screen", [{"width": 1280, "height": 720}, {"width": 1920, "height": 1080}])
def test_full_screen_shows_all_of_a_figure_at_once(open_page, screen):
    """Its picture undistorted: beside two plots at least a third as high as the screen; a tall one without plots stands
    beside its four sliders, at least four fifths as high."""
    page = open_page(two_sliders(), Explorable.schedules(title="Schedules", alt="Two curves"), viewport=screen)
    for figure, least in zip(page.locator(".fs").all(), (1 / 3, 4 / 5), strict=True):
        figure.get_by_role("button", name="Full screen").click()
        page.wait_for_function("document.fullscreenElement !== null")
        assert figure.evaluate("figure => figure.scrollHeight - figure.clientHeight") == 0
        box, shape = figure.locator("canvas").bounding_box(), figure.locator("canvas").evaluate("c => c.width / c.height")
        assert box["height"] > screen["height"] * least
        assert box["width"] / box["height"] == pytest.approx(shape, rel=0.01)
        figure.get_by_role("button", name="Leave full screen").click()
        page.wait_for_function("document.fullscreenElement === null")


def test_where_full_screen_is_refused_the_figure_fills_the_window(open_page):
    page = open_page(two_sliders())
    page.evaluate("() => { Element.prototype.requestFullscreen = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("button", name="Full screen").click()
    box = page.locator(".fs").bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, page.viewport_size["width"])
    page.keyboard.press("Escape")
    assert page.locator(".fs-projector").count() == 0 and page.problems == []


def test_the_link_to_a_frame_follows_the_sliders(open_page):
    page = open_page(two_sliders())
    link = page.get_by_role("link", name="Link to this frame")
    assert "fig-two-sliders.t=0&" in link.get_attribute("href")
    press(page, 0, "ArrowRight", "ArrowRight")
    page.wait_for_function("link => link.href.includes('fig-two-sliders.t=20&')", arg=link.element_handle())


def without_name(state):
    """A notebook's page holds no place of the figure's name."""
    for model in state["state"].values():
        model["state"]["name"] = "fig-elsewhere"
    return state


def test_a_notebook_offers_no_link_to_a_frame(open_page):
    page = open_page(two_sliders(), change=without_name)
    assert page.get_by_role("link").count() == 0
