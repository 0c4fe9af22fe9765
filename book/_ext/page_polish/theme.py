"""Leave out of the built pages what the theme sends and nobody uses: icons as JavaScript, their fonts, the search index.

The theme's fontawesome.js (540 kB as sent) carries 2000 icons and draws the twenty that a page has once it has run. Here
those twenty are drawn when the book is built, from that same file and in the same form, an <svg> in place of the <i>.

The search index is for finding while one types, which is off; the search page, which needs it, keeps it.
"""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

from sphinx.errors import ExtensionError

ICON = re.compile(r'<(i|span)( [^<>]*class="[^"]*\bfa(?:[bsr]|-solid|-regular|-brands)? [^<>]*)></\1>')
SCRIPT = re.compile(r"\s*<script [^>]*scripts/fontawesome\.js[^>]*></script>")
SEARCH = re.compile(r'\s*<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js"></script>')
PACKS = {"fab": "fab", "fa-brands": "fab", "far": "far", "fa-regular": "far", "fas": "fas", "fa-solid": "fas"}
NOT_NAMES = {*PACKS, "fa-lg", "fa-fw"}

# In the theme's style sheet, from the first notice of Font Awesome to the rules that come after its icons.
STYLES = re.compile(r"(/\*!\s*\* Font Awesome.*?\*/).*?(?=html\{--pst-header-height)", re.DOTALL)
OURS = """
.svg-inline--fa { display: inline-block; height: 1em; overflow: visible; vertical-align: -0.125em; }
.svg-inline--fa.fa-lg { font-size: 1.25em; line-height: 0.05em; vertical-align: -0.2em; }
"""


@functools.cache
def packs(script: Path) -> dict[str, str]:
    """The part of fontawesome.js that holds each pack of icons."""
    text = script.read_text(encoding="utf-8")
    parts, start = {}, 0
    for pack in ("fab", "far", "fas"):  # their order in the file
        end = text.find(f'("{pack}",p)', start)
        if end < 0:
            raise ExtensionError(f"page_polish: {script.name} holds no pack {pack!r}; another version of the theme?")
        parts[pack], start = text[start:end], end
    return parts


@functools.cache
def drawing(script: Path, pack: str, name: str) -> tuple[str, str, str]:
    """Width, height and path of an icon, found by its name or by an alias."""
    part, word = packs(script)[pack], re.escape(name)
    entry = r':\[(\d+),(\d+),\[{aliases}\],"[0-9a-f]+","([^"]+)"\]'
    found = (re.search(rf'[{{,]"?{word}"?' + entry.format(aliases=r"[^\]]*"), part)
             or re.search(entry.format(aliases=rf'[^\]]*"{word}"[^\]]*'), part))
    if not found:
        raise ExtensionError(f"page_polish: the theme's icons hold no {name!r} in {pack!r}")
    return found.group(1), found.group(2), found.group(3)


def inline(script: Path, tag: re.Match[str]) -> str:
    """The <svg> in place of an icon's empty element, with the same classes and attributes."""
    attributes = tag.group(2)
    classes = re.search(r'class="([^"]*)"', attributes).group(1).split()
    pack = next(PACKS[name] for name in classes if name in PACKS)
    icon = next(name for name in classes if name.startswith("fa-") and name not in NOT_NAMES)
    width, height, path = drawing(script, pack, icon.removeprefix("fa-"))
    rest = re.sub(r'\s*(class|title)="[^"]*"', "", attributes)
    return (f'<svg class="svg-inline--fa {" ".join(name for name in classes if name not in PACKS)}" aria-hidden="true" '
            f'viewBox="0 0 {width} {height}"{rest}><path fill="currentColor" d="{path}"/></svg>')


def take_icons(site: Path) -> Path | None:
    """Take the icons out of the site's style sheet, its scripts and its fonts. Returns the theme's own script that holds them.

    None if an earlier build took them out, and Sphinx found nothing to copy.
    """
    script, styles = site / "_static" / "scripts" / "fontawesome.js", site / "_static" / "styles" / "pydata-sphinx-theme.css"
    if not script.exists():
        return None
    css, count = STYLES.subn(lambda block: block.group(1) + OURS, styles.read_text(encoding="utf-8"))
    if count != 1:
        raise ExtensionError(f"page_polish: {styles.name} is not as expected; another version of the theme?")
    packs(script)       # reads it, as it is removed
    styles.write_text(css, encoding="utf-8")
    for file in script.parent.glob("fontawesome.js*"):
        if not file.name.endswith(".LICENSE.txt"):
            file.unlink()
    shutil.rmtree(site / "_static" / "vendor" / "fontawesome", ignore_errors=True)
    return script


def lighten(text: str, name: str, script: Path | None) -> str:
    """The text of the page of this file name with its icons drawn, and without the search index that it does not use."""
    if script is None:
        return text
    light = ICON.sub(lambda tag: inline(script, tag), SCRIPT.sub("", text))
    return light if name == "search.html" else SEARCH.sub("", light)
