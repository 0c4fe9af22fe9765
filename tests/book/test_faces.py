"""Figures whose face is no canvas: text, a drawing, sound; and faces that take their time to show a position."""

import json

import pytest

from diffusion_utils.widgets import Axis, Curve, TextScrubber, front_end
from diffusion_utils.widgets.figure import Figure, axis_state
from diffusion_utils.widgets.words import WORDS

from .small_book import build, sphinx
from .test_explorable import places
from .test_pages import violations
from .test_translated import TRANSLATE
from .widget_page import press, two_sliders, values

TEXTS = [["to be or not to be", "to be & <b>not</b> to be"], ["t_ b_ _r n_t to b_", "t_ b_\n_r n_t"],
         ["__ __ __ ___ __ __", "___"]]

# A figure made of the shared front end and of a few lines of its own, as one of another modality would be.
TOY = """
function render({ model, el }) {
  const quiet = () => {};
  const direction = () => 1;
  const frame = { width: 300, below: [], beside: [], quiet, direction };
  %s
}
export default { render };
"""
CIRCLE = ('<svg class="fs-face fs-picture" viewBox="0 0 100 50" role="img" aria-label="A ball">'
          '<circle cx="10" cy="25" r="5"/></svg>')
DRAWING = """
  const ball = svg("circle", { r: 5, cy: 25 });
  const face = svg("svg", { viewBox: "0 0 100 50", role: "img", "aria-label": "A ball" }, ball);
  const show = ([i]) => { ball.setAttribute("cx", 10 + 20 * i); return [`at ${i}`]; };
  %s
  return renderFigure({ model, el }, { ...frame, face, show, toPng });"""
SOUND = """
  const face = html("audio", { controls: "", "aria-label": "A tone" });
  const show = ([i]) => { face.src = `data:audio/wav;base64,UklGRg==#${i}`; };
  return renderFigure({ model, el }, { ...frame, face, show });"""
# Each position comes when the test says so: settle[i](), or with an error, settle[i]("what is wrong").
SLOW = """
  const face = html("p", {});
  window.settle = {};
  window.asked = [];
  const show = ([i]) => new Promise((resolve, reject) => {
    window.asked.push(i);
    window.settle[i] = (error) => {
      if (error) return reject(new Error(error));
      face.textContent = `shown ${i}`;
      resolve([`number ${i}`]);
    };
  });
  return renderFigure({ model, el }, { ...frame, face, show });"""


def toy(body: str, still: str = "") -> Figure:
    class Toy(Figure):
        _esm = front_end.source(*front_end.FIGURE) + TOY % body

        def still_form(self):
            return {"text/html": still}, {}

    return Toy(title="A toy", alt="A toy", name="fig-a-toy", width=300, axes=axis_state([Axis("t", range(5))]))


def text_figure(**options) -> TextScrubber:
    return TextScrubber.from_texts(TEXTS, axes=[Axis("t", [0, 50, 100]), Axis("draft", ["one", "two"])], title="Letters of x_t",
                                   readouts={"left": [[0, 0], [5, 4], [13, 9]]}, captions=[["a", "b"], ["c", "d"], ["e", "f"]],
                                   **options)


def shown(page) -> str:
    return page.locator(".fs-text-now").text_content()


def test_a_text_follows_both_sliders_and_is_read_aloud_unless_it_plays(open_page):
    page = open_page(text_figure(interval_ms=400))
    assert shown(page) == TEXTS[0][0]
    press(page, 0, "ArrowRight")
    press(page, 1, "ArrowRight")
    assert shown(page) == TEXTS[1][1] and values(page) == ["50", "two"]
    press(page, 0, "Home")
    assert shown(page) == TEXTS[0][1]  # what looks like markup is text
    assert page.get_by_role("slider", name="t", exact=True).get_attribute("aria-valuetext") == "0, left 0"
    text = page.locator(".fs-text-now")
    assert text.get_attribute("aria-live") == "polite"
    page.get_by_role("button", name="Play").click()
    assert text.get_attribute("aria-live") == "off"


def test_a_text_is_selected_and_not_dragged(open_page):
    page = open_page(text_figure())
    box = page.locator(".fs-text-now").bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 5, steps=5)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()") == TEXTS[0][0]
    assert values(page) == ["0", "one"]
    page.keyboard.press("Control+a")
    assert page.evaluate("getSelection().toString()").count(TEXTS[0][0]) == 1  # and not the hidden copies


def test_only_what_can_be_saved_as_a_picture_offers_it(open_page):
    page = open_page(text_figure(), two_sliders())
    tools = [figure.locator(".fs-tools > :not(.fs-said)").all_text_contents() for figure in page.locator(".fs").all()]
    assert tools[0] == ["Speed 1×", "Full screen", "Link to this frame"]
    assert tools[1] == ["Speed 1×", "Save PNG", "Full screen", "Link to this frame"]


def test_texts_of_any_length_keep_the_page_still_and_a_phone_needs_no_scrolling_sideways(open_page):
    texts = ["short", "a\nb\nc\nd\ne", "word " * 60, "W" * 200]
    page = open_page(TextScrubber.from_texts(texts, axes=[Axis("t", range(4))], title="Letters"),
                     viewport={"width": 360, "height": 740})
    heights = set()
    for _ in texts:
        heights.add(page.locator(".fs").bounding_box()["height"])
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        press(page, 0, "ArrowRight")
    assert len(heights) == 1


@pytest.mark.parametrize("style", ["", "html { color-scheme: dark; background: #111; color: #eee }"])
def test_axe_finds_nothing_wrong_with_a_text_or_a_drawing(open_page, style):
    page = open_page(text_figure(companions=[Curve("left", [0, 50, 100], [0, 5, 13])]), toy(DRAWING % "const toPng = null;"),
                     style=style)
    assert [rule for rule in violations(page) if rule[0] not in ("landmark-one-main", "page-has-heading-one", "region")] == []


def test_a_text_follows_the_sliders_of_a_translated_page(open_page):
    page = open_page(text_figure())
    page.evaluate(TRANSLATE)
    assert shown(page) == f"«{TEXTS[0][0]}»"
    press(page, 0, "ArrowRight")
    assert shown(page) == TEXTS[1][0]
    page.evaluate(TRANSLATE)
    press(page, 1, "ArrowRight")
    assert shown(page) == TEXTS[1][1]


def test_a_text_is_large_in_full_screen(open_page):
    page = open_page(text_figure(), viewport={"width": 1280, "height": 720})
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement !== null")
    assert page.locator(".fs-text-now").evaluate("text => parseFloat(getComputedStyle(text).fontSize)") >= 24
    page.keyboard.press("PageDown")
    assert shown(page) == TEXTS[1][0]


def test_a_drawing_is_dragged_and_follows_its_slider(open_page):
    page = open_page(toy(DRAWING % "const toPng = null;"))
    assert page.get_by_role("button", name="Save PNG").count() == 0
    press(page, 0, "ArrowRight")
    assert page.locator("circle").get_attribute("cx") == "30"
    assert page.locator("input").get_attribute("aria-valuetext") == "1, at 1"
    box = page.locator("svg.fs-face").bounding_box()
    assert box["width"] == 300 and box["height"] == 150
    page.mouse.move(box["x"] + 150, box["y"] + 70)
    page.mouse.down()
    page.mouse.move(box["x"] + 299, box["y"] + 70, steps=5)
    page.mouse.up()
    assert page.locator("circle").get_attribute("cx") == "70"


def test_a_drawing_that_makes_a_picture_of_itself_can_be_saved(open_page):
    page = open_page(toy(DRAWING % 'const toPng = async () => html("canvas", { width: 20, height: 10 });'))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "fig-a-toy-t-0.png"


def test_a_sound_keeps_its_own_controls(open_page):
    page = open_page(toy(SOUND))
    press(page, 0, "End")
    assert page.locator("audio").get_attribute("src").endswith("#4")
    assert page.locator(".fs-picture").count() == 0  # no drag, and no pointer that promises one


def start_slow(open_page):
    page = open_page(toy(SLOW), ready=False)
    page.wait_for_function("window.settle && 0 in window.settle")
    page.evaluate("settle[0]()")
    page.locator(".fs[data-ready]").wait_for()
    return page


def test_of_positions_that_take_their_time_the_latest_is_shown_and_none_comes_back(open_page):
    page = start_slow(open_page)
    spoken = page.locator("input")
    assert spoken.get_attribute("aria-valuetext") == "0, number 0"
    press(page, 0, "ArrowRight", "ArrowRight", "ArrowRight")
    assert values(page) == ["3"] and spoken.get_attribute("aria-valuetext") == "3"  # the slider waits for nothing
    assert page.locator(".fs-face").text_content() == "shown 0"  # and what is seen stays until the next is there
    assert page.evaluate("asked") == [0, 1] and page.locator(".fs-face").get_attribute("aria-busy") == "true"
    page.evaluate("settle[1]()")
    page.wait_for_function("asked.length === 3")
    assert page.evaluate("asked") == [0, 1, 3]  # 2 was overtaken
    assert values(page) == ["3"]
    page.evaluate("settle[3]()")
    page.wait_for_function("document.querySelector('input').ariaValueText === '3, number 3'")
    assert page.locator(".fs-face").text_content() == "shown 3"
    assert page.locator(".fs-face").get_attribute("aria-busy") is None and page.problems == []


def test_a_position_that_fails_says_so_until_another_is_shown(open_page):
    page = start_slow(open_page)
    press(page, 0, "ArrowRight")
    page.evaluate("settle[1]('out of memory')")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").text_content() == "This position could not be shown (out of memory)."
    assert page.locator(".fs-face").text_content() == "shown 0" and values(page) == ["1"]
    press(page, 0, "ArrowRight")
    page.evaluate("settle[2]()")
    page.wait_for_function("document.querySelector('.fs-face').textContent === 'shown 2'")
    assert page.get_by_role("alert").count() == 0 and page.problems == []


def test_a_position_that_fails_at_once_says_so_too(open_page):
    face = """
      const face = html("p", {});
      const show = ([i]) => { if (i === 1) throw new Error("no such thing"); face.textContent = i; return []; };
      return renderFigure({ model, el }, { ...frame, face, show });"""
    page = open_page(toy(face))
    press(page, 0, "ArrowRight")
    assert page.get_by_role("alert").text_content() == "This position could not be shown (no such thing)."
    press(page, 0, "ArrowRight")
    assert page.get_by_role("alert").count() == 0 and page.problems == []


def test_where_the_first_position_fails_the_still_figure_stays(open_page):
    page = open_page(toy(SLOW), ready=False)
    page.wait_for_function("window.settle && 0 in window.settle")
    page.evaluate("settle[0]('out of memory')")
    page.get_by_role("alert").wait_for()
    assert "could not start (out of memory)" in page.get_by_role("alert").text_content()
    assert page.locator(".fs").count() == 0


def in_german(state):
    """With a second table, all of whose words are their names."""
    table = {**WORDS, "de": {name: f"{name} {{}}" for name in WORDS["en"]}}
    written = front_end.source("words.json")
    for model in state["state"].values():
        if written in model["state"].get("_esm", ""):
            model["state"]["_esm"] = model["state"]["_esm"].replace(written, f"const WORDS = {json.dumps(table)};")
    return state


@pytest.mark.parametrize(("language", "play"), [("de-AT", "play {}"), ("en-GB", "Play"), ("fr", "Play")])
def test_the_interface_speaks_the_language_of_the_page(open_page, language, play):
    page = open_page(two_sliders(), language=language, change=in_german)
    assert page.locator(".fs-play").get_attribute("aria-label") == play
    if language == "de-AT":
        tools = page.locator(".fs-tools > :not(.fs-said)").all_text_contents()
        assert tools == ["speed 1", "save {}", "full_screen {}", "link {}"]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A page with a figure of text, and with one whose still form is a drawing."""
    return build(tmp_path_factory.mktemp("book"), [text_figure(), toy(DRAWING % "const toPng = null;", CIRCLE)])


def test_without_javascript_the_text_and_the_drawing_are_there(book, browser):
    for page in (book, book.parent / "embed" / "fig-letters-of-x-t.html", book.parent / "embed" / "fig-a-toy.html"):
        tab = browser.new_page(java_script_enabled=False)
        tab.goto(page.as_uri())
        assert all("needs JavaScript" in still.inner_text() for still in tab.locator(".widget-poster").all())
        if "toy" not in page.name:
            text = tab.get_by_text(TEXTS[0][0]).locator("visible=true")
            assert text.count() == 1 and tab.locator(".widget-poster .fs-text").bounding_box()["width"] == 560
        if "letters" not in page.name:
            assert tab.locator(".widget-poster svg.fs-face").bounding_box()["width"] == 300
        tab.close()


@pytest.mark.parametrize("width", [360, 1000])
def test_nothing_moves_when_a_figure_takes_the_place_of_its_text_or_its_drawing(book, browser, width):
    tab = browser.new_page(viewport={"width": width, "height": 700})
    tab.route("**/widget-host.js*", lambda route: route.fulfill(body="window.widgetFiles = {};"))  # and starts nothing
    tab.goto(book.as_uri())
    still = places(tab)
    assert len(still) == 2
    tab.unroute("**/widget-host.js*")
    tab.goto(book.as_uri())
    tab.locator(".fs[data-ready]").nth(1).wait_for()
    assert places(tab) == still and tab.locator(".widget-poster").count() == 0
    tab.close()


def test_each_has_a_page_of_its_own_that_moves(book, browser):
    for name in ("fig-letters-of-x-t", "fig-a-toy"):
        tab = browser.new_page()
        tab.goto((book.parent / "embed" / f"{name}.html").as_uri())
        tab.locator(".fs[data-ready]").wait_for()
        tab.locator("input").first.press("End")
        assert tab.locator(".fs-value").first.text_content() in ("100", "4")
        tab.close()


def test_the_text_is_in_the_pdf(book):
    folder = sphinx(book.parent.parent, "latex")
    assert TEXTS[0][0] in next(folder.glob("*.tex")).read_text(encoding="utf-8")
