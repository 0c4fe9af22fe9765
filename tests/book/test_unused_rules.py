"""The rules that style sheets are sent without are those of nothing: in small, and on a page after all its scripts have run."""

from pathlib import Path

import pydata_sphinx_theme
import pytest
from page_polish.theme import STYLES
from page_polish.unused import RULE, can_match, without_unused, words

from .conftest import SITE

CHAPTER = "notebooks/02_reverse_process.html"
SHEET = "styles/pydata-sphinx-theme.css"
KNOWN = words(['<p class="here me-1" id="top">', 'list.add("later")'])


@pytest.mark.parametrize("selectors", [
    "p", "*", ".here", ".here.me-1 > a", "#top", ".gone, .here", ".later", "p:not(.gone)", ":is(.gone, .here, p:not(.lost))",
    "p::after", 'a[href$=".pdf"]', r".w-1\/2", ".bs-tooltip-auto"])
def test_a_rule_for_what_may_be_there_stays(selectors):
    assert can_match(selectors, KNOWN)
    assert without_unused(f"{selectors}{{color: red}}", KNOWN) == f"{selectors}{{color: red}}"


@pytest.mark.parametrize("selectors", [".gone", "p.gone", ".here .gone", "#lost", ".gone, .here > .lost", ".me"])
def test_a_rule_for_what_is_nowhere_goes(selectors):
    assert without_unused(f"a{{}}{selectors}{{color: red}}b{{}}", KNOWN) == "a{}b{}"


def test_what_is_no_such_rule_stays():
    """A notice, above all; a block for a kind of screen goes with the last of its rules."""
    css = ('@charset "UTF-8";/*! A notice, .gone { } */.here{}@media print{.here{}}@font-face{font-family:a}'
           "@keyframes k{0%{top:0}to{top:1px}}")
    assert without_unused(css.replace(".here{}", ".here{}.gone{}") + "@media (min-width:9px){.gone{}.lost{}}", KNOWN) == css
    assert without_unused(".gone{}", KNOWN) == "" and without_unused("/*! Notice */.gone{}", KNOWN) == "/*! Notice */"


# The selectors of which the page has an element, in whatever state it is: hovered, checked …
MATCHED = """all => all.filter((selectors) => {
    try {
        return document.querySelector(selectors.replace(/(?<=[\\w\\])*])::?[a-z-]+(?![a-z(-])/g, ""));
    } catch {
        return false; // no selector of this browser's
    }
})"""


@pytest.mark.skipif(not (SITE / CHAPTER).exists(), reason=f"no pages in {SITE}; `make book` builds them")
def test_what_the_theme_is_sent_without_matches_nothing(browser, site_url):
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static" / SHEET
    sent = (SITE / "_static" / SHEET).read_text(encoding="utf-8")
    kept = {rule[2] for rule in RULE.finditer(sent)}
    gone = {rule[2] for rule in RULE.finditer(STYLES.sub("", theme.read_text(encoding="utf-8")))} - kept
    assert len(gone) > 1000
    page = browser.new_page()
    page.set_default_timeout(120_000)       # far more than a page takes, because the machine may be busy
    page.goto(f"{site_url}/{CHAPTER}")
    page.locator(".fs[data-ready]").first.wait_for()
    assert page.evaluate(MATCHED, ["article", *gone]) == ["article"]
    page.close()
