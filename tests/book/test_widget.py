"""FrameScrubber's front end and its kernel-free host, on a small page of its own."""

import base64
import json

import numpy as np
import pytest
from ipywidgets.embed import embed_data
from PIL import Image

from diffusion_utils.widgets import Axis, Curve, FrameScrubber, Histogram

from .conftest import ROOT

HOST = ROOT / "book" / "_static" / "widget-host.js"
N, M = 12, 3
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (N, M, 6, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (N, 6, 8, 3), dtype=np.uint8)
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def two_sliders(**options) -> FrameScrubber:
    return FrameScrubber.from_arrays(
        GREY,
        axes=[Axis("t", [10 * k for k in range(N)]), Axis("schedule", ["linear", "cosine", "sigmoid"])],
        title="Two sliders",
        readouts={"Σ_θ": [[f"{i}.{j}" for j in range(M)] for i in range(N)]},
        captions=[[f"Sentence {i} {j}." for j in range(M)] for i in range(N)],
        companions=[
            Curve("curve", np.arange(N), np.outer(np.arange(1, M + 1), np.arange(N)), x_label="t"),
            Histogram("bars", [0, 1, 2, 3], RNG.integers(1, 9, (N, M, 3)), reference=[4, 4, 4]),
        ],
        **options,
    )


def one_slider(**options) -> FrameScrubber:
    return FrameScrubber.from_arrays(COLOUR, axes=[Axis("step", list(range(N)))], title="Colour", **options)


def page_of(widgets: list, change=lambda state: state, style: str = "") -> str:
    """A page as myst-nb and widget_posters write it, with a view and a poster for each widget."""
    state = embed_data(views=list(dict.fromkeys(widgets)), drop_defaults=False)["manager_state"]
    state = json.dumps(change(state)).replace("</", "<\\/")
    views = ""
    for widget in widgets:
        views += f'<div class="widget-figure" id="{getattr(widget, "name", "")}">'
        if isinstance(widget, FrameScrubber):
            poster = base64.b64encode(widget.poster_png()).decode()
            views += f'<div class="widget-poster"><img alt="still" src="data:image/png;base64,{poster}"></div>'
        views += f'<script type="{VIEW}">{json.dumps({"model_id": widget.model_id})}</script></div>'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><style>{style}</style>'
        f'<body><p id="text">The rest of the page.</p>{views}'
        f'<script type="{STATE}">{state}</script><script src="{HOST.as_uri()}"></script>'
    )


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page with the widgets given, from a file; page.problems collects what the console and the page report."""
    contexts = []

    def open_page(*widgets, change=lambda state: state, style="", ready=True, query="", **options):
        file = tmp_path / "page.html"
        file.write_text(page_of(list(widgets), change, style), encoding="utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(file.as_uri() + query)
        if ready:
            page.locator(".fs[data-ready]").nth(len(widgets) - 1).wait_for(timeout=10_000)
            assert page.problems == []
        return page

    yield open_page
    for context in contexts:
        context.close()


def pixels(page, which: int = 0) -> np.ndarray:
    """What the canvas shows, (H, W, 3)."""
    shape, values = page.evaluate(
        """(which) => {
            const canvas = document.querySelectorAll("canvas")[which];
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [[canvas.height, canvas.width, 4], [...data.data]];
        }""",
        which,
    )
    return np.array(values, np.uint8).reshape(shape)[..., :3]


def press(page, slider: int, *keys: str) -> None:
    page.locator("input[type=range]").nth(slider).focus()
    for key in keys:
        page.keyboard.press(key)


def values(page) -> list[str]:
    return page.locator(".fs-value").all_text_contents()


def test_every_frame_is_shown_exactly_as_python_made_it(open_page):
    page = open_page(two_sliders(), one_slider())
    for i in range(N):
        assert np.array_equal(pixels(page, 1), COLOUR[i])
        press(page, 2, "ArrowRight")
    press(page, 0, *["ArrowRight"] * 4)
    for j in range(M):
        assert np.array_equal(pixels(page), GREY[4, j][..., None].repeat(3, -1))
        press(page, 1, "ArrowRight")


def test_the_keyboard_moves_the_slider_and_nothing_else(open_page):
    page = open_page(two_sliders())
    page.evaluate("window.heard = 0; document.addEventListener('keydown', () => window.heard++)")
    press(page, 0, "ArrowRight", "ArrowUp")
    assert values(page) == ["20", "linear"]
    press(page, 0, "ArrowLeft")
    assert values(page) == ["10", "linear"]
    press(page, 0, "End")
    assert values(page) == ["110", "linear"]
    press(page, 0, "PageDown")
    assert int(values(page)[0]) < 110
    press(page, 0, "Home")
    assert values(page) == ["0", "linear"]
    press(page, 0, "PageUp")
    assert int(values(page)[0]) > 0
    press(page, 1, "End")
    assert values(page)[1] == "sigmoid"
    assert page.evaluate("window.heard") == 0  # JupyterLab listens there, and would take the arrows for itself


def test_numbers_sentence_and_spoken_text_follow_both_sliders(open_page):
    page = open_page(two_sliders())
    press(page, 0, "ArrowRight", "ArrowRight")
    press(page, 1, "ArrowRight")
    assert page.locator("dd").text_content() == "2.1"
    assert page.locator(".fs-caption-text").text_content() == "Sentence 2 1."
    assert page.get_by_role("img", name="Sentence 2 1.").count() == 1
    t = page.get_by_role("slider", name="t", exact=True)
    assert t.get_attribute("aria-valuetext") == "20, Σ θ 2.1"
    assert page.get_by_role("slider", name="schedule").get_attribute("aria-valuetext") == "cosine, Σ θ 2.1"
    assert page.get_by_role("group", name="Two sliders").count() == 1
    assert page.locator("dt sub").text_content() == "θ"


def test_pointer_and_touch(open_page):
    page = open_page(two_sliders(), has_touch=True, viewport={"width": 360, "height": 740})
    slider = page.locator("input[type=range]").first
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] - 4, "y": box["height"] / 2})
    assert values(page)[0] == "110"
    slider.tap(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert values(page)[0] in ("50", "60")


def test_dragging_across_the_picture_runs_through_the_frames(open_page):
    page = open_page(two_sliders())
    box = page.locator("canvas").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    assert values(page)[0] in ("50", "60")
    page.mouse.move(box["x"] + 3 * box["width"], middle)
    assert values(page)[0] == "110"
    page.mouse.up()
    page.mouse.move(box["x"], middle)
    assert values(page)[0] == "110"


def test_plots_follow_the_sliders(open_page):
    page = open_page(two_sliders())
    dot, bars = page.locator("circle"), page.locator(".fs-bars")

    def place():
        return float(dot.get_attribute("cx")), float(dot.get_attribute("cy"))

    start, first_bars = place(), bars.get_attribute("d")
    press(page, 0, "End")
    end = place()
    assert end[0] > start[0] and end[1] < start[1]  # to the right and up (the y of a screen points down)
    assert bars.get_attribute("d") != first_bars
    press(page, 1, "End")
    assert place()[0] == end[0] and place()[1] < end[1]
    strong = page.locator(".fs-plot .fs-line.fs-now")
    assert strong.count() == 1
    # The dot ends where the strong line ends.
    last_x, last_y = map(float, strong.get_attribute("d").split("L")[-1].split())
    assert place() == pytest.approx((last_x, last_y), abs=0.06)  # the path is written with one decimal


def test_play_runs_to_the_end_and_stops_and_starts_over(open_page):
    page = open_page(two_sliders(interval_ms=20))
    # Written down as they happen, because on a busy machine it may be over before we look.
    page.evaluate(
        """() => {
            window.seen = [];
            const [button, caption] = [".fs-play", ".fs-caption-text"].map((name) => document.querySelector(name));
            const note = () => window.seen.push([button.ariaLabel, caption.ariaLive].join());
            new MutationObserver(note).observe(button, { attributes: true });
        }"""
    )
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("window.seen.length === 2", timeout=10_000)
    assert page.evaluate("window.seen") == ["Pause,off", "Play,polite"]
    assert values(page) == ["110", "linear"]
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("window.seen.length === 4", timeout=10_000)  # it would stop at once if it did not start over
    assert values(page) == ["110", "linear"]


def test_pause_and_a_hand_on_the_slider_stop_it(open_page):
    page = open_page(two_sliders(interval_ms=400))
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    before = values(page)
    page.wait_for_timeout(900)  # two frames' time
    assert values(page) == before
    page.get_by_role("button", name="Play").click()
    press(page, 0, "End")
    assert page.get_by_role("button", name="Play").count() == 1


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(open_page, motion):
    page = open_page(two_sliders(interval_ms=20), reduced_motion=motion)
    page.wait_for_timeout(200)
    assert values(page) == ["0", "linear"]


def test_it_starts_where_python_left_it(open_page):
    widget = two_sliders()
    widget.index, widget.index2 = 7, 2
    page = open_page(widget)
    assert values(page) == ["70", "sigmoid"]
    assert np.array_equal(pixels(page), GREY[7, 2][..., None].repeat(3, -1))


def test_two_views_of_one_widget_move_together(open_page):
    widget = one_slider()
    page = open_page(widget, widget)
    press(page, 0, "End")
    assert values(page) == ["11", "11"]


def test_text_and_lines_take_the_colours_of_a_dark_page(open_page):
    page = open_page(two_sliders(), style="body { background: #111; color: rgb(1, 2, 3) }")
    texts = [".fs-title", ".fs-name", ".fs-value", ".fs-caption-text", ".fs-play"]
    drawn = [".fs-plot text", ".fs-play path"]
    style = "element => getComputedStyle(element)"
    colours = [page.locator(name).first.evaluate(f"{style}.color") for name in texts]
    colours += [page.locator(name).first.evaluate(f"{style}.fill") for name in drawn]
    assert set(colours) == {"rgb(1, 2, 3)"}


def test_a_phone_needs_no_scrolling_sideways(open_page):
    page = open_page(two_sliders(), one_slider(scale=100), viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_captions_of_any_length_keep_the_page_still(open_page):
    captions = ["word " * (1 + 9 * (k % 2)) for k in range(N)]
    page = open_page(one_slider(captions=captions), viewport={"width": 360, "height": 740})
    heights = set()
    for _ in range(3):
        heights.add(page.locator(".fs").bounding_box()["height"])
        press(page, 0, "ArrowRight")
    assert len(heights) == 1


def test_the_picture_gives_way_to_the_widget(open_page):
    page = open_page(two_sliders(), one_slider())
    assert page.locator(".widget-poster").count() == 0


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


def test_the_frame_is_saved_as_a_picture(open_page, tmp_path):
    page = open_page(one_slider(scale=3))
    press(page, 0, "ArrowRight", "ArrowRight")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "fig-colour-step-2.png"
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    assert np.array_equal(saved, COLOUR[2].repeat(3, axis=0).repeat(3, axis=1))


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


def test_the_link_to_a_frame_leads_back_to_it(open_page):
    page = open_page(two_sliders())
    press(page, 0, "End")
    press(page, 1, "ArrowRight")
    page.get_by_role("link", name="Link to this frame").click()
    page.locator(".fs[data-ready]").wait_for()
    assert "t=110" in page.url and page.url.endswith("#fig-two-sliders")
    assert values(page) == ["110", "cosine"]


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
    link.click()
    page.locator(".fs[data-ready]").wait_for()
    assert values(page) == ["20", "linear"]


def test_a_notebook_offers_no_link_to_a_frame(open_page):
    page = open_page(two_sliders(), change=without_name)
    assert page.get_by_role("link").count() == 0


def without_name(state):
    """A notebook's page holds no place of the figure's name."""
    for model in state["state"].values():
        model["state"]["name"] = "fig-elsewhere"
    return state


def without_pictures(state):
    for model in state["state"].values():
        for buffer in model.get("buffers", []):
            buffer["data"] = base64.b64encode(b"not a picture").decode()
    return state


def without_models(state):
    return {**state, "state": {}}


def with_broken_code(state):
    for model in state["state"].values():
        if "_esm" in model["state"]:
            model["state"]["_esm"] = "export default {"
    return state


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(without_pictures, "decode"), (without_models, "missing from the page"), (with_broken_code, "Unexpected")],
)
def test_a_widget_that_cannot_start_says_so_and_keeps_its_picture(open_page, damage, reason):
    page = open_page(one_slider(), change=damage, ready=False)
    message = page.get_by_role("alert")
    message.wait_for(timeout=5000)
    assert "could not start" in message.text_content() and reason in message.text_content()
    assert page.locator(".widget-poster img").is_visible()
    assert page.locator("#text").text_content() == "The rest of the page."


def test_a_page_cut_off_in_the_data_says_so(open_page, tmp_path):
    page = open_page(one_slider())
    file = tmp_path / "page.html"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"version_major"', '"version_major', 1), encoding="utf-8")
    page.goto(file.as_uri())
    assert "damaged" in page.get_by_role("alert").text_content()
    assert page.locator(".widget-poster img").is_visible()


def test_one_broken_widget_leaves_the_other_alone(open_page):
    good, bad = two_sliders(), one_slider()

    def damage(state):
        state["state"][bad.model_id]["buffers"][0]["data"] = base64.b64encode(b"no").decode()
        return state

    page = open_page(good, bad, change=damage, ready=False)
    page.get_by_role("alert").wait_for(timeout=5000)
    page.locator(".fs[data-ready]").wait_for(timeout=5000)
    press(page, 0, "End")
    assert values(page)[0] == "110"


def test_core_widgets_in_the_page_are_left_alone(open_page):
    import ipywidgets

    slider = ipywidgets.IntSlider()
    page = open_page(one_slider(), slider, ready=False)
    page.locator(".fs[data-ready]").wait_for(timeout=5000)
    assert page.problems == [] and page.get_by_role("alert").count() == 0
