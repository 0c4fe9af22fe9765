"""FrameScrubber's front end and its kernel-free host: frames, sliders, play, and what happens when the page is damaged."""

import base64

import numpy as np
import pytest

from diffusion_utils.widgets import Axis, Curve, FrameScrubber

from .widget_page import COLOUR, GREY, M, N, one_slider, pixels, press, two_sliders, values


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
    chosen = page.get_by_role("radiogroup", name="schedule").get_by_role("radio", checked=True)
    assert chosen.get_attribute("aria-label") == "cosine, Σ θ 2.1"
    assert page.get_by_role("group", name="Two sliders").count() == 1
    assert page.locator("dt sub").text_content() == "θ"


def test_an_underscore_in_a_title_makes_a_subscript(open_page):
    widget = FrameScrubber.from_arrays(COLOUR, axes=[Axis("step", range(N))], title="Only x_t",
                                       companions=[Curve("λ_t", range(N), range(N))])
    page = open_page(widget)
    assert page.locator(":is(.fs-title, .fs-plot-title) sub").all_text_contents() == ["t", "t"]
    assert page.get_by_role("group", name="Only x t").count() == page.get_by_role("img", name="λ t").count() == 1


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


def test_a_finger_across_the_picture_runs_through_the_frames_and_up_scrolls_the_page(open_page):
    page = open_page(two_sliders(), has_touch=True, viewport={"width": 360, "height": 500})
    browser = page.context.new_cdp_session(page)
    box = page.locator("canvas").bounding_box()
    left, right, middle = box["x"] + 2, box["x"] + box["width"] - 2, box["y"] + box["height"] / 2

    def touch(kind, points):
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(*places):
        for k, (x, y) in enumerate(places):
            touch("touchMove" if k else "touchStart", [{"x": x, "y": y}])
        touch("touchEnd", [])

    swipe((left, middle), ((left + right) / 2, middle), (right, middle))
    assert values(page)[0] == "110"
    swipe((right, middle), (right, middle - 60), (right, middle - 120))
    page.wait_for_function("scrollY > 0")
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


def test_three_controls_choose_a_frame_together(open_page):
    """With the numbers and the line that belong to it."""
    frames, numbers = GREY[:, :2].reshape(3, N // 3, 2, *GREY.shape[2:]), np.arange(2 * N).reshape(3, N // 3, 2)
    lines = np.arange(N // 3 * 2 * 3).reshape(N // 3, 2, 3)
    widget = FrameScrubber.from_arrays(
        frames, title="Three", axes=[Axis("t", range(3)), Axis("T", range(N // 3)), Axis("kind", ["one", "two"])],
        readouts={"frame": numbers}, companions=[Curve("lines", [0, 1, 2], lines)])
    page = open_page(widget)
    press(page, 0, "End")
    press(page, 1, "ArrowRight")
    press(page, 2, "ArrowRight")
    assert values(page) == ["2", "1", "two"]
    assert page.locator("dd").text_content() == str(numbers[2, 1, 1])
    assert np.array_equal(pixels(page), frames[2, 1, 1][..., None].repeat(3, -1))
    drawn = page.locator("path.fs-line").evaluate_all("all => all.findIndex((line) => line.classList.contains('fs-now'))")
    assert drawn == 1 * 2 + 1


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
    [(without_pictures, "pictures are damaged"), (without_models, "missing from the page"), (with_broken_code, "Unexpected")],
)
def test_a_widget_that_cannot_start_says_so_and_keeps_its_picture(open_page, damage, reason):
    page = open_page(one_slider(), change=damage, ready=False)
    message = page.get_by_role("alert")
    message.wait_for(timeout=5000)
    assert "could not start" in message.text_content() and reason in message.text_content()
    assert page.locator(".widget-poster img").is_visible()
    assert page.locator("#text").text_content() == "The rest of the page."


def test_a_figure_starts_where_pictures_may_come_from_data_addresses_alone(open_page, tmp_path):
    """As in the notebooks of VS Code, whose rule for pictures names no blob."""
    page = open_page(one_slider())
    file = tmp_path / "page.html"
    rule = "default-src 'none'; script-src 'unsafe-inline' file: blob:; style-src 'unsafe-inline'; img-src https: data:"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{rule}">'
    file.write_text(file.read_text(encoding="utf-8").replace("<title>", f"{meta}<title>"), encoding="utf-8")
    page.goto(file.as_uri())
    page.locator(".fs[data-ready]").wait_for(timeout=10_000)
    assert np.array_equal(pixels(page), COLOUR[0]) and page.problems == []


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
