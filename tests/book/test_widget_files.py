"""Data of figures in files of their own, and each figure's own page, on a book of one notebook."""

import re

import numpy as np
import pytest
from widgets.files import share_code
from widgets.state import PageState

from diffusion_utils.widgets import Axis, FrameScrubber

from .small_book import build

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 5, 30, 40), dtype=np.uint8)
FAR = "\n\n".join(["a line"] * 200)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The built folder of a page with a figure at its beginning and, screens below, a second one, in a file."""
    figures = [FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title=title)
               for frames, title in zip(FRAMES, ("First", "Second"), strict=True)]
    room = 1.5 * len(figures[0].sprite) * 4 / 3 + 4000    # of bytes as text: for one of them, not for two
    return build(tmp_path_factory.mktemp("book"), [figures[0], FAR, figures[1]], f"widget_inline_limit = {room:.0f}").parent


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 800, "height": 600})
    yield context.new_page()
    context.close()


def data_file(book):
    files = [file for file in (book / "_static" / "widgets").glob("*.js") if '"buffers"' in file.read_text(encoding="utf-8")]
    assert len(files) == 1
    return files[0]


def reach_second(tab):
    tab.locator("#fig-second").scroll_into_view_if_needed()


def test_a_figure_loads_its_file_when_the_reader_comes_near(book, tab):
    requests = []
    tab.on("request", lambda request: requests.append(request.url.split("/")[-1]))
    tab.goto((book / "index.html").as_uri())
    tab.locator("#fig-first .fs[data-ready]").wait_for()
    assert data_file(book).name not in requests and tab.locator("#fig-second .widget-poster img").count() == 1
    reach_second(tab)
    tab.locator("#fig-second .fs[data-ready]").wait_for()
    assert requests.count(data_file(book).name) == 1
    slider = tab.locator("#fig-second input")
    slider.press("End")
    pixels = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 40, 30).data].filter((v, k) => k % 4 === 0)"
    shown = np.array(tab.locator("#fig-second canvas").evaluate(pixels)).reshape(30, 40)
    assert np.array_equal(shown, FRAMES[1, 4])


def test_the_file_of_the_first_figure_is_asked_for_at_once(tmp_path, tab):
    """The reader looks there first; the text does not wait for it."""
    figures = [FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title=title)
               for frames, title in zip(FRAMES, ("First", "Second"), strict=True)]
    page = build(tmp_path, [FAR, figures[0], FAR, figures[1]], "widget_inline_limit = 0")
    files = {name: file.stem for file in (page.parent / "_static" / "widgets").glob("*.js")
             for name in ("First", "Second") if re.search(f'"title": ?"{name}"', file.read_text(encoding="utf-8"))}
    requests = []
    tab.on("request", lambda request: requests.append(request.url.split("/")[-1].removesuffix(".js")))
    tab.goto(page.as_uri())
    tab.locator("#fig-first .fs[data-ready]").wait_for()
    assert requests.count(files["First"]) == 1 and files["Second"] not in requests


def test_the_code_is_in_one_file_and_the_style_in_the_page_once(book):
    page = (book / "index.html").read_text(encoding="utf-8")
    files = [file.read_text(encoding="utf-8") for file in (book / "_static" / "widgets").glob("*.js")]
    assert ["async function render(" in text for text in [page, *files]].count(True) == 1 and "function render(" not in page
    assert page.count('class="widget-poster"') == 2 and len(re.findall(r"<style>[^<]*\.fs-face", page)) == 1


def test_what_has_no_place_in_the_page_is_left_out(tmp_path):
    """Such as the controls of a cell whose output the page does not show."""
    models = {"shown": {"state": {"_esm": "code"}}, "not shown": {"state": {}}}
    page = PageState(script=None, data={"state": models}, shown=["shown"])
    share_code(page, tmp_path)
    [file] = tmp_path.iterdir()
    assert list(page.models) == ["shown"] and page.data["ahead"] == page.data["shared"] == [file.stem]
    assert '"code"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("damage", "reason"), [
    (lambda file: file.unlink(), "missing"),
    (lambda file: file.write_text(file.read_text()[:-100]), "damaged"),
    (lambda file: file.write_text(""), "damaged"),
])
def test_a_file_that_is_missing_or_cut_off_is_reported_in_its_place(book, tab, damage, reason):
    file = data_file(book)
    whole = file.read_text()
    try:
        damage(file)
        tab.goto((book / "index.html").as_uri())
        reach_second(tab)
        message = tab.locator("#fig-second [role=alert]")
        message.wait_for()
        assert "could not start" in message.text_content() and reason in message.text_content()
        assert tab.locator("#fig-second .widget-poster img").is_visible()
        assert tab.locator("#fig-first .fs[data-ready]").count() == 1
    finally:
        file.write_text(whole)


@pytest.mark.parametrize("name", ["fig-first", "fig-second"])
def test_each_figure_has_a_page_of_its_own_that_works_in_a_frame(book, tab, tmp_path, name):
    alone = tmp_path / "slides" / f"{name}.html"    # carried away from the book
    alone.parent.mkdir()
    alone.write_bytes((book / "embed" / f"{name}.html").read_bytes())
    tag = f'<iframe src="slides/{name}.html" width="700" height="600" allow="fullscreen *"></iframe>'    # as teachers are told
    (tmp_path / "slides.html").write_text(tag)
    problems = []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    own = ("file:", "blob:", "data:")
    tab.on("request", lambda request: None if request.url.startswith(own) else problems.append(request.url))
    tab.goto((tmp_path / "slides.html").as_uri())
    frame = tab.frame_locator("iframe")
    frame.locator(".fs[data-ready]").wait_for()
    frame.locator("input").press("End")
    assert frame.locator(".fs-value").text_content() == "4"
    frame.get_by_role("button", name="Full screen").click()
    tab.wait_for_function("document.fullscreenElement?.tagName === 'IFRAME'")
    assert problems == []


def test_a_page_of_its_own_shows_the_picture_without_javascript(book, browser):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto((book / "embed" / "fig-first.html").as_uri())
    assert tab.locator(".widget-poster img").bounding_box()["width"] == 440
    tab.close()


def test_two_figures_of_one_name_are_refused(tmp_path):
    figures = [FrameScrubber.from_arrays(frames, axes=[Axis("t", range(5))], title="Same") for frames in FRAMES]
    with pytest.raises(AssertionError, match="two figures are called 'fig-same'"):
        build(tmp_path, figures)
