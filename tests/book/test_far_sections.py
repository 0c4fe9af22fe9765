"""What is far from the screen is not laid out, and is there all the same: for links, search, paper, and who comes back."""

import io

import pypdfium2
import pytest
from PIL import Image

from .conftest import ROOT, SITE

# Sections of quite different heights, of which a browser knows none before it lays them out.
LINES = [5 + 37 * k % 120 for k in range(12)]
SECTION = '<section id="s{0}"><h2>Section {0}</h2><p><a href="#s{0}">A link</a></p>{1}</section>'
SECTIONS = "".join(SECTION.format(k, f"<p>Words of {k}.</p>" * lines) for k, lines in enumerate(LINES))
PAGE = '<!DOCTYPE html><style>{}</style><article class="bd-article"><section><h1>Title</h1>{}</section></article>'
READY_MS = 120_000      # far more than a page takes, because the machine may be busy
PHONE = {"viewport": {"width": 390, "height": 800}}
CHAPTER = "notebooks/02_reverse_process.html"
SKIPPED = """() => [...document.querySelectorAll("section > section")].map((one) =>
    !one.querySelector("p > a").checkVisibility({ contentVisibilityAuto: true }))"""
# Where it is when the page has stood still for a quarter of a second.
STILL = """head => new Promise((resolve) => {
    let last = NaN, since = performance.now();
    requestAnimationFrame(function look(now) {
        const { top } = head.getBoundingClientRect();
        if (top !== last) [last, since] = [top, now];
        if (now - since > 250) resolve(top); else requestAnimationFrame(look);
    });
})"""


@pytest.fixture(scope="module")
def long_page(tmp_path_factory):
    file = tmp_path_factory.mktemp("long") / "page.html"
    css = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    file.write_text(PAGE.format(css, SECTIONS), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def tab(browser):
    context = browser.new_context(**PHONE)
    context.set_default_timeout(READY_MS)
    yield context.new_page()
    context.close()


def heading(tab, k: int):
    return tab.locator(f"#s{k} > h2")


def test_what_is_far_is_not_laid_out_before_it_comes_near(tab, long_page):
    tab.goto(long_page)
    skipped = tab.evaluate(SKIPPED)
    assert not skipped[0] and all(skipped[3:])
    tab.evaluate("scrollTo(0, 1e6)")
    tab.wait_for_function(f"!({SKIPPED})().at(-1)")


@pytest.mark.parametrize("k", [2, 5, 9])
def test_a_link_leads_to_its_heading(tab, long_page, k):
    """From another page, and from this one, also where what lies between was never seen."""
    tab.goto(f"{long_page}#s{k}")
    there = heading(tab, k).evaluate(STILL)
    assert -1 <= there < 80
    tab.goto(long_page)
    tab.evaluate(f"location.hash = 's{k}'")
    assert heading(tab, k).evaluate(STILL) == pytest.approx(there, abs=2)


def test_who_comes_back_is_where_he_was(tab, long_page):
    tab.goto(f"{long_page}#s7")
    heading(tab, 7).evaluate(STILL)
    tab.evaluate("scrollBy(0, 50)")
    before = heading(tab, 7).evaluate(STILL)
    tab.reload()
    assert heading(tab, 7).evaluate(STILL) == pytest.approx(before, abs=2)


def test_what_is_looked_for_is_found(tab, long_page):
    """As by the link to some words that a search engine gives."""
    tab.goto(f"{long_page}#:~:text=Words%20of%2010.")
    assert 0 < heading(tab, 10).evaluate(STILL) < PHONE["viewport"]["height"]
    tab.goto("about:blank")
    tab.goto(long_page)
    assert tab.evaluate("window.find('Words of 10.')")
    assert tab.evaluate(SKIPPED)[10] is False
    assert tab.get_by_role("heading").count() == 13      # as a screen reader lists them


def test_paper_has_all_of_it(tab, long_page, tmp_path):
    tab.goto(long_page)
    tab.pdf(path=tmp_path / "long.pdf")
    text = "".join(sheet.get_textpage().get_text_range() for sheet in pypdfium2.PdfDocument(tmp_path / "long.pdf"))
    assert [text.count(f"Words of {k}.") for k in range(12)] == LINES


def test_a_figure_fills_the_window_and_not_its_section(tab, long_page):
    tab.goto(long_page)
    tab.evaluate("""() => {
        const figure = document.createElement("div");
        figure.style = "position: fixed; inset: 0";
        figure.className = "fs-projector";
        document.querySelector("#s0 > p").append(figure);
    }""")
    box = tab.locator(".fs-projector").bounding_box()
    assert (box["x"], box["y"], box["height"]) == (0, 0, PHONE["viewport"]["height"])


def test_the_frame_around_what_has_the_focus_is_not_cut(tab, long_page):
    """It reaches to the left of the section."""
    tab.goto(long_page)
    tab.add_style_tag(content="#s0 a:focus { outline: 4px solid rgb(1, 200, 3) !important; outline-offset: 2px }")
    link = tab.locator("#s0 a")
    link.focus()
    box = link.bounding_box()
    around = tab.screenshot(clip={"x": box["x"] - 5, "y": box["y"], "width": 2, "height": box["height"] // 2})
    assert [colour for _, colour in Image.open(io.BytesIO(around)).convert("RGB").getcolors()] == [(1, 200, 3)]


@pytest.mark.skipif(not (SITE / CHAPTER).exists(), reason=f"no pages in {SITE}; `make book` builds them")
def test_no_script_of_a_chapter_has_it_laid_out_all_the_same(tab, site_url):
    """As the theme's would, which asks all code whether it can be scrolled; it is told so when the code comes near."""
    tab.goto(f"{site_url}/{CHAPTER}")
    tab.locator(".fs[data-ready]").first.wait_for()
    tab.evaluate("""() => document.querySelector("section section:last-of-type").insertAdjacentHTML("beforeend",
        "<pre id=far style='overflow: auto'><code style='display: block; width: 2000px'>wide</code></pre>")""")
    tab.wait_for_timeout(1000)      # the theme asks again when something was added, after a third of a second
    tools = tab.context.new_cdp_session(tab)
    tools.send("Performance.enable")
    measured = {metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]}
    assert measured["LayoutObjects"] < measured["Nodes"] / 4      # all of it would have about a box for each node
    far = tab.locator("#far")
    assert far.get_attribute("tabindex") is None
    far.scroll_into_view_if_needed()
    tab.wait_for_function("far.tabIndex === 0")
