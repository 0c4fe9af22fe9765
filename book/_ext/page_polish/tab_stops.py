"""What can be scrolled gets its tab stop when it comes near the screen, not when the page arrives.

The theme asks every block of code and every output whether it is wider than its box. For an answer the browser has to lay out
all of them, also those in closed folds and far down the page, which it would else leave for later: half of what a phone does
with a chapter.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.errors import ExtensionError

SCRIPT = Path("_static", "scripts", "pydata-sphinx-theme.js")
ASK = "e.tabIndex=e.scrollWidth>e.clientWidth||e.scrollHeight>e.clientHeight?0:-1"
THEIRS = "forEach(e=>{" + ASK + "})"
OURS = "forEach(e=>{whenNear.unobserve(e);whenNear.observe(e)})"     # which asks anew also what is near already
WATCH = ("const whenNear=new IntersectionObserver(all=>all.forEach(({target:e,isIntersecting})=>{if(isIntersecting)" + ASK
         + '}),{rootMargin:"100%"});\n')


def wait(site: Path) -> None:
    """Make the script of a built site's theme wait, if there is one and an earlier build did not."""
    path = site / SCRIPT
    text = path.read_text(encoding="utf-8") if path.exists() else OURS
    if OURS in text:
        return
    if text.count(THEIRS) != 1:
        raise ExtensionError(f"page_polish: {path.name} is not as expected; another version of the theme?")
    path.write_text(WATCH + text.replace(THEIRS, OURS), encoding="utf-8")
