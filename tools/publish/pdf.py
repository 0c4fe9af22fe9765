"""`make pdf`: the built book as one PDF, printed by Chromium, with contents, and with every line of its code.

It is printed twice: the first copy tells on which sheet each heading lies.
"""

from __future__ import annotations

import ctypes
import re
import sys
import tomllib
import unicodedata
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import pypdfium2
from local_site import NO_BROWSER, launch, serve
from outline import give_outline
from playwright.sync_api import Browser, sync_playwright
from project import BUILD, HTML, ROOT
from whole_book import LOADING_MS, document, gather

PDF = BUILD / "diffusion-models-step-by-step.pdf"
LARGEST = 40        # MB
MARGIN = 45         # points: a little less than any of print.css, which are
ABOVE, BELOW = 51, 57
FOOT = 40           # points: what stands in the foot of a sheet is lower
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((heading) => heading.getClientRects().length).map((heading) => heading.innerText)"""
CHINESE = "扩散模型"      # of the glossary and of a reference
NO_FONT = """NOTE: no font here has Chinese characters, so the glossary shows boxes in their place. Debian and Ubuntu have one:
      sudo apt-get install fonts-wqy-microhei"""
DRAWN = """(text) => [...text].map((character) => {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    context.font = "32px sans-serif";
    context.fillText(character, 4, 40);
    return canvas.toDataURL();
})"""
CODE = """() => [...document.querySelectorAll("pre")].map((block) => block.textContent)"""


def main() -> int:
    if not (HTML / "index.html").exists():
        sys.exit("There are no pages to print: run `make book` first.")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            sys.exit(NO_BROWSER)
        if are_boxes(browser, CHINESE):
            print(NO_FONT)
        code = make(browser, HTML, PDF)
    lost, size = missing(code, PDF), PDF.stat().st_size / 1e6
    for block in lost:
        print(f"NOT WHOLE IN THE PDF:\n{block}\n")
    halves = cut(PDF)
    for line in halves:
        print(f"CUT IN TWO BY THE END OF A SHEET: {line}")
    print(f"{PDF.relative_to(ROOT)}: {len(pypdfium2.PdfDocument(PDF))} sheets, {size:.1f} MB, {len(code)} blocks of code")
    return int(bool(lost or halves) or size > LARGEST)


def make(browser: Browser, folder: Path, target: Path, only: list[str] | None = None) -> list[str]:
    """Print the site in this folder, or `only` these pages of it; returns the blocks of code that the PDF shall hold."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    with serve(folder) as address, browser.new_context(color_scheme="light") as context:
        tab = context.new_page()
        tab.set_default_timeout(LOADING_MS)
        book = gather(tab, address, only)
        numbers: dict[str, int] = {}
        tab.route("**/paper/book.html", lambda route: route.fulfill(
            body=document(book, version, numbers), content_type="text/html; charset=utf-8"))
        for _ in range(2):
            tab.goto(f"{address}/paper/book.html")
            tab.pdf(path=target, prefer_css_page_size=True, outline=True, tagged=True, print_background=True)
            numbers = destinations(target)
        tab.emulate_media(media="print")
        give_outline(target, [" ".join(heading.split()) for heading in tab.evaluate(HEADINGS)])
        return tab.evaluate(CODE)


def are_boxes(browser: Browser, text: str) -> bool:
    """Whether this machine has no font for the text, whose characters are then all drawn alike."""
    with browser.new_context() as context:
        return len(set(context.new_page().evaluate(DRAWN, text))) == 1


def destinations(path: Path) -> dict[str, int]:
    """On which sheet, from 1, lies each element that a link leads to, by its id."""
    pdf, raw = pypdfium2.PdfDocument(path), pypdfium2.raw
    found = {}
    for place in range(raw.FPDF_CountNamedDests(pdf)):
        size = ctypes.c_long(0)
        raw.FPDF_GetNamedDest(pdf, place, None, size)
        name = ctypes.create_string_buffer(size.value)
        target = raw.FPDF_GetNamedDest(pdf, place, name, size)
        sheet = raw.FPDFDest_GetDestPageIndex(pdf, target)
        found[name.raw[: size.value].decode("utf-16-le").rstrip("\0")] = sheet + 1
    return found


def missing(blocks: list[str], path: Path) -> list[str]:
    """Those of these texts that cannot be read between the margins of one sheet of the PDF, or of two that follow."""
    sheets = [letters(text) for text in read(path, MARGIN, -MARGIN)]
    return [block for block in blocks if not is_shown(letters(block), [*sheets, ""])]


def cut(path: Path) -> list[str]:
    """Lines that the end of a sheet cuts in two: such a line reaches into the margin, above the page or below."""
    beyond = [*read(path, 1 - ABOVE, 0), *read(path, FOOT, BELOW - 1)]
    return [" ".join(text.split()) for text in beyond if re.search(r"\w{3}", text)]     # and no tall bracket


def read(path: Path, low: float, high: float) -> list[str]:
    """What can be read on each sheet between two heights in points, counted from the upper edge where they are not above 0."""
    def on(sheet: pypdfium2.PdfPage) -> str:
        width, height = sheet.get_size()
        low_up, high_up = (up if up > 0 else height + up for up in (low, high))
        return sheet.get_textpage().get_text_bounded(MARGIN, low_up, width - MARGIN, high_up)

    return [on(sheet) for sheet in pypdfium2.PdfDocument(path)]


def is_shown(text: str, sheets: list[str]) -> bool:
    """Whether what one sheet holds of the text, from its first letter on, leaves nothing that the next does not hold."""
    return any(text[start_on(text, sheet):] in following for sheet, following in pairwise(sheets))


def start_on(text: str, sheet: str) -> int:
    """How many letters of the text, from the first on, stand together on this sheet."""
    return bisect_left(range(1, len(text) + 1), True, key=lambda length: text[:length] not in sheet)


def letters(text: str) -> str:
    """What is compared: without what a PDF's reader makes up or leaves out: spaces, ends of lines, letters with a hat.

    A minus at the end of a line is read as \\x02, a hyphen."""
    return re.sub(r".[\u0300-\u036f]+|[\s\ufffe\u200b\u00ad]+", "", unicodedata.normalize("NFKC", text.replace("\x02", "-")))


if __name__ == "__main__":
    sys.exit(main())
