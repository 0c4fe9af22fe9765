"""Leave out of the theme's style sheet, and of MyST-NB's, the rules for what is on no page.

Most of the theme's rules are Bootstrap's, for things that the book never shows, and nothing of a page is seen before all of
them have arrived. A rule stays if all classes and ids that one of its selectors names occur as words somewhere in the pages
or in the scripts, which may add them later. What stands in brackets, as in `:not(.this)`, is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

SHEETS = ("styles/pydata-sphinx-theme.css", "mystnb.*.css")
# What comes before a rule, such as a notice or a line that begins with @; its selectors; what it says.
RULE = re.compile(r"((?:\s|/\*.*?\*/|@[\w-]+ [^;{}]*;)*+)([^{}@]+)\{[^{}]*\}", re.DOTALL)
EMPTY = re.compile(r"@media[^{};]*\{\s*\}")
BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
NAME = re.compile(r"[.#]([\w-]+)")
WORD = re.compile(r"[\w-]+")
PUT_TOGETHER = {"bs-tooltip-auto", "bs-popover-auto"}  # by Bootstrap's script, from parts


def words(texts: Iterable[str]) -> set[str]:
    """All that may be the name of a class or an id in these texts."""
    return PUT_TOGETHER.union(*(WORD.findall(text) for text in texts))


def can_match(selectors: str, known: set[str]) -> bool:
    """Whether one of the selectors names nothing but what is known."""
    while (outside := BRACKETS.sub("", selectors)) != selectors:
        selectors = outside
    return "\\" in selectors or any(known.issuperset(NAME.findall(one)) for one in selectors.split(","))


def without_unused(css: str, known: set[str]) -> str:
    """A style sheet without the rules that match nothing."""
    return EMPTY.sub("", RULE.sub(lambda rule: rule[0] if can_match(rule[2], known) else rule[1], css))


def lighten(site: Path, pages: Iterable[str]) -> None:
    """Do so to the sheets of a built site, of which these are the pages' texts."""
    known = words([*pages, *(path.read_text(encoding="utf-8") for path in site.rglob("*.js"))])
    for sheet in SHEETS:
        for path in (site / "_static").glob(sheet):
            css = path.read_text(encoding="utf-8")
            path.write_text(without_unused(css, known), encoding="utf-8")
