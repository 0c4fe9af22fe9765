"""`python tools/build.py run downloads`: put the PDF and the zip beside the pages, and their links on the home page.

The home page has a place for them, which is empty as long as there are none.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from project import BUILD, HTML

HOME = "book/intro.html"
NONE = '<p class="downloads" hidden></p>'
PLACE = re.compile(r'<p class="downloads".*?</p>', re.DOTALL)
FILES = {"diffusion-models-step-by-step.pdf": "the book on paper, a PDF",
         "diffusion-models-step-by-step.zip": "this site as a zip: unpack it, double-click <code>index.html</code>"}


def main() -> int:
    if not (HTML / HOME).exists():
        sys.exit("There are no pages: run `make book` first.")
    offer([BUILD / name for name in FILES if (BUILD / name).exists()], HTML)
    return 0


def offer(files: list[Path], site: Path) -> None:
    for file in files:
        shutil.copyfile(file, site / file.name)
    links = [f'<a href="../{file.name}">{FILES[file.name]}</a> ({file.stat().st_size / 1e6:.0f} MB)' for file in files]
    page = site / HOME
    offered = f'<p class="downloads">To take away: {"; ".join(links)}.</p>' if links else NONE
    text, places = PLACE.subn(lambda _: offered, page.read_text(encoding="utf-8"))
    if places != 1:
        raise ValueError(f"{page.name} has {places} places for downloads, and one is needed: {NONE}")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
