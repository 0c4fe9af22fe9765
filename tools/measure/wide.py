"""What is wider than its box on the built pages: `python tools/build.py run wide [PAGE ...]`, such as `run wide 04_*`.

Opens each page as a phone, a laptop and a large screen show it, with all folds open, and lists every formula, block of code,
printed text and table that has to be scrolled sideways: by how many pixels, and how it begins. The exit status is 1 if there
is any. A preview, book/_build/preview, is looked at where it is newer than the book.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from local_site import NO_BROWSER, launch
from playwright.sync_api import Browser, Page, sync_playwright
from project import BUILD, HTML

WIDTHS = (390, 1300, 1920)

# The side bars glide to their places when the width changes; here nothing does.
AT_ONCE = """() => document.head.append(Object.assign(document.createElement("style"),
    { textContent: "* { transition: none !important }" }))"""

# Each wide thing of the page: its kind, how many pixels of it are hidden, and its text. The last pixel may be rounding.
WIDE = """() => {
    document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    const kinds = { 'mjx-container[display="true"]': "formula", "span.math": "formula in a line",
                    ".output.stream pre, .output.text_plain pre": "printed", pre: "code", table: "table" };
    const seen = new Set(), found = [];
    for (const [selector, kind] of Object.entries(kinds))
        for (const box of document.querySelectorAll(`.bd-article :is(${selector})`)) {
            if (seen.has(box)) continue;
            seen.add(box);
            const hidden = box.scrollWidth - box.clientWidth;
            if (hidden > 1) found.push([kind, hidden, name(box)]);
        }
    return found;
    function name(box) {
        const label = box.closest("[id^=equation-]")?.id.replace("equation-", "");
        const lines = box.textContent.trim().split("\\n");
        const longest = box.matches("pre") ? lines.reduce((a, b) => b.length > a.length ? b : a) : lines[0];
        return `${label ? label + ": " : ""}${longest.slice(0, 90)}`;
    }
}"""


def wide(page: Page, address: str) -> list[tuple[int, str, int, str]]:
    """(width of the screen, kind, pixels hidden, beginning of the text) of all that is too wide on the page there."""
    found = []
    page.goto(address)
    page.evaluate("document.fonts.ready.then(() => 0)")
    page.evaluate(AT_ONCE)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        while not page.evaluate(f"matchMedia('(width: {width}px)').matches"):      # the page hears of it a moment later
            time.sleep(0.01)
        found += [(width, *thing) for thing in page.evaluate(WIDE)]
    return found


def pages(patterns: list[str]) -> Iterator[Path]:
    """The newest built page of each name that one of the patterns matches."""
    newest: dict[str, Path] = {}
    for site in (HTML, *BUILD.glob("preview/*/_build/html")):
        for path in (*site.glob("notebooks/*.html"), *site.glob("book/*.html")):
            if path.stem not in newest or path.stat().st_mtime > newest[path.stem].stat().st_mtime:
                newest[path.stem] = path
    for name, path in sorted(newest.items()):
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            yield path


def report(browser: Browser, path: Path) -> int:
    """Print what is too wide on a page; how many things that is."""
    page = browser.new_page(java_script_enabled=False)      # widgets fit by themselves, and fill no page before they run
    found = wide(page, path.resolve().as_uri())
    page.close()
    print(f"{path.stem}: {len(found) or 'nothing'} too wide")
    for width, kind, hidden, text in found:
        print(f"  {width:>5} px  {kind:<17} +{hidden:<4} {text}")
    return len(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=["*"], metavar="PAGE", help="name or pattern, such as 04_* or notation")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        if (browser := launch(playwright)) is None:
            sys.exit(NO_BROWSER)
        return int(sum([report(browser, path) for path in pages(arguments.pages)]) > 0)


if __name__ == "__main__":
    sys.exit(main())
