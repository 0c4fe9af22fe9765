"""The style sheet of the formulas: of MathJax's rules and letters only those that the pages use.

The letters are in the style sheet itself. So they are there when the page is first drawn, and also on a page opened from a
file, where Firefox loads no font of another folder.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset

RULE = re.compile(r"""([^{}]+)\{((?:[^{}"]|"[^"]*")*)\}""")      # selector and body; a brace between quotes is a symbol
SYMBOL = re.compile(r"\.(mjx-c[0-9A-F]+(?:\.TEX-\w+)?)")          # in a rule: which symbol it is for, and of which font
USED = re.compile(r'class="(mjx-c[0-9A-F]+)(?: (TEX-\w+))?"')      # in a page: the same
CONTENT = re.compile(r'content: "((?:[^"\\]|\\.)*)"')
CHARACTER = re.compile(r"\\([0-9A-F]{1,6}) ?|(.)")                 # in a style sheet: by its number, or itself
FONT = re.compile(r"font-family: (MJX[\w-]+);\s*src: url\(\"/(MathJax_[\w-]+\.woff)\"\)")
TALL = {"MJXTEX-S1", "MJXTEX-S4", "MJXTEX-A"}                      # with MJXTEX the fonts of what grows, such as a brace

NOTICE = "/* Formulas: rules and letters of MathJax 3 (mathjax.org), Apache License 2.0. */\n"
OURS = """
mjx-container { position: relative; }
.maths-unbroken { white-space: nowrap; }
/* x is as tall in a formula as in the text around it; 0.442 is its height in MathJax's fonts. */
mjx-container[jax="CHTML"] { font-size: calc(1ex / 0.442); }
"""


def symbols(pages: Iterable[str]) -> set[str]:
    """The symbols in these pages, named as in the style sheet."""
    return {".".join(filter(None, found)) for page in pages for found in USED.findall(page)}


def characters(rule: str) -> set[str]:
    """What a rule writes."""
    texts = CONTENT.findall(rule)
    return {chr(int(number, 16)) if number else itself for text in texts for number, itself in CHARACTER.findall(text)}


def woff(path: Path, letters: set[str]) -> bytes:
    """The font with these letters only; empty if it has none of them."""
    options = subset.Options(flavor="woff", layout_features=[], drop_tables=["FFTM"])
    font = subset.load_font(str(path), options)
    if not letters & set(map(chr, font.getBestCmap())):
        return b""
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(letters))
    subsetter.subset(font)
    written = io.BytesIO()
    subset.save_font(font, written, options)
    return written.getvalue()


def slim(stylesheet: str, used: set[str], fonts: Path) -> str:
    """MathJax's whole style sheet, cut down to what these symbols need, with the letters from the folder `fonts`."""
    letters = {"MJXZERO": {"\uEFFC"}}  # of each font; this one is there to keep lines low, and holds one empty letter
    rules = []
    for selector, body in RULE.findall(stylesheet):
        wanted = set(SYMBOL.findall(selector))
        if selector.strip().startswith("@font-face") or wanted and not wanted & used:
            continue
        rules.append(f"{selector.strip()} {{{body}}}\n")
        families = {"MJXTEX"} | (TALL if "stretchy" in selector else set())
        families |= {f"MJX{name.partition('.')[2]}" for name in wanted if "." in name}
        for family in families:
            letters.setdefault(family, set()).update(characters(body))
    return NOTICE + "".join(rules) + OURS + font_faces(stylesheet, letters, fonts)


def font_faces(stylesheet: str, letters: dict[str, set[str]], fonts: Path) -> str:
    """The fonts that hold any of the letters wanted of them."""
    faces = ""
    for family, file in FONT.findall(stylesheet):
        if data := woff(fonts / file, letters.get(family, set())):
            address = "data:font/woff;base64," + base64.b64encode(data).decode()
            faces += f'@font-face {{ font-family: {family}; src: url("{address}") format("woff"); }}\n'
    return faces
