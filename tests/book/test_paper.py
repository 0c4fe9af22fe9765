"""Pages on paper: what a reader prints, and the PDF of the book. Text and places are read by PDFium."""

import re

import pdf
import pypdfium2
import pytest

from .conftest import ROOT, SITE

CHAPTER = "notebooks/14_bugs_that_look_fine"
pytestmark = pytest.mark.skipif(not (SITE / f"{CHAPTER}.html").exists(), reason=f"no pages in {SITE}; `make book` builds them")


def texts(path) -> list[str]:
    return [sheet.get_textpage().get_text_range() for sheet in pypdfium2.PdfDocument(path)]


@pytest.fixture(scope="module")
def book(browser, tmp_path_factory):
    """The PDF of one chapter and a page of the appendix, with what it shall hold."""
    path = tmp_path_factory.mktemp("paper") / "book.pdf"
    return path, pdf.make(browser, SITE, path, [CHAPTER, "book/notation"])


def test_every_line_of_code_can_be_read_on_paper(book):
    path, code = book
    assert len(code) > 10
    assert pdf.missing(code, path) == []


def test_no_line_is_cut_in_two_by_the_end_of_a_sheet(browser, book, tmp_path):
    assert pdf.cut(book[0]) == []
    page, path = browser.new_page(), tmp_path / "lines.pdf"
    css = (ROOT / "book" / "_static" / "print.css").read_text(encoding="utf-8")
    lines = "".join(f"<div>line {k}</div>" for k in range(45))
    for style, found in (("", set()), ("display: inline-block", {"line 32"})):  # which is divided at any height
        page.set_content(f"<style>{css} @page {{ size: A4 }}</style><div style='font: 28px/30px serif; {style}'>{lines}</div>")
        page.pdf(path=path, prefer_css_page_size=True)
        assert set(pdf.cut(path)) == found
    page.close()


def test_contents_and_bookmarks_lead_to_the_pages_they_name(book):
    path, _ = book
    sheets, places = texts(path), pdf.destinations(path)
    marks = [(mark.get_title(), mark.get_dest().get_index() + 1) for mark in pypdfium2.PdfDocument(path).get_toc()]
    named = re.findall(r"^(\w+(?:\.\d+)?\. .*?)\s(\d+)\s*$", sheets[1], flags=re.MULTILINE)
    assert len(named) > 5
    assert [line for line in named if (line[0], int(line[1])) not in marks] == []
    assert [title for title, sheet in marks if title.split()[-1] not in sheets[sheet - 1]] == []
    assert [title for title, _ in marks if re.fullmatch(r"(\S+ )?(.+)\2", title)] == []     # as Chromium has some
    assert ("Answers", places["answers"]) in marks and places["notebooks-14_bugs_that_look_fine"] == 3


def test_answers_stand_at_the_end_alone(book):
    path, _ = book
    sheets, first = texts(path), pdf.destinations(path)["answers"] - 1
    assert re.search(r"Answer on page \d+", "".join(sheets[:first]))
    assert not re.search(r"^Solution$", "".join(sheets), flags=re.MULTILINE)
    assert len("".join(sheets[first:])) > 2000


def test_code_that_is_cut_off_is_noticed(browser, tmp_path):
    page, path = browser.new_page(), tmp_path / "cut.pdf"
    long = "x = " + " + ".join(f"number_{k}" for k in range(40))
    for style, lost in (("overflow: hidden", [long]), ("white-space: pre-wrap; overflow-wrap: anywhere", [])):
        page.set_content(f"<style>@page {{ size: A4; margin: 20mm }} pre {{ {style} }}</style><pre>{long}</pre>")
        page.pdf(path=path, prefer_css_page_size=True)
        assert pdf.missing([long], path) == lost
    page.close()


def test_a_page_prints_in_the_light_with_three_states_of_each_figure(browser, site_url, tmp_path):
    """And looks as before when it has been printed."""
    page, path = browser.new_page(color_scheme="dark"), tmp_path / "page.pdf"
    page.goto(f"{site_url}/{CHAPTER}.html")
    page.evaluate("() => { window.asked = 0; const { prepare } = window.print; window.print = () => { window.asked++; }; "
                  "window.print.prepare = prepare; }")
    page.keyboard.press("Control+p")
    assert page.evaluate("window.asked") == 1     # not the browser's own, which waits for nothing
    page.evaluate("window.print.prepare(60_000)")
    states = page.locator(".widget-figure").evaluate_all(STATES)
    assert states and all(len(set(three)) == 3 for three in states), states
    page.pdf(path=path, prefer_css_page_size=True)
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.locator(".fs-paper, article details[open]").count() == 0
    page.close()
    sheets = texts(path)
    assert [k for k, text in enumerate(sheets) if f"{CHAPTER}.html" not in text] == []
    assert not re.search("Full screen|Speed 1|Copy|Solution|Your answers", "".join(sheets))


STATES = """places => places.map(place => [...place.querySelectorAll(".fs-paper > .fs")].map(state =>
    document.documentElement.dataset.theme === "light" && state.querySelector(".fs-settings").textContent))"""


def test_it_is_known_which_characters_no_font_here_has(browser):
    """Two places of Unicode that no script has, and two letters."""
    assert pdf.are_boxes(browser, "\u0378\u0379")
    assert not pdf.are_boxes(browser, "ab")


LONG = "Title {} that is so long that on paper it goes on in a second line of its own, as one of the appendix does"
SECTION = """<section><h2>Section</h2><div style="height: {}px"></div><section><h3>{}</h3><p>One line.</p>
<div style="height: 150px; break-inside: avoid"></div></section></section>"""


def test_a_heading_stays_on_one_sheet(browser, tmp_path):
    """Wherever on a sheet it begins, between two things of which none may be divided."""
    page, path = browser.new_page(), tmp_path / "headings.pdf"
    css = (ROOT / "book" / "_static" / "print.css").read_text(encoding="utf-8")
    sections = "".join(SECTION.format(500 + 7 * k, LONG.format(k)) for k in range(40))
    page.set_content(f"<style>{css} @page {{ size: A4 }}</style>{sections}")
    page.pdf(path=path, prefer_css_page_size=True)
    page.close()
    sheets = [" ".join(text.split()) for text in texts(path)]
    assert [k for k in range(40) if not any(LONG.format(k) in text for text in sheets)] == []
