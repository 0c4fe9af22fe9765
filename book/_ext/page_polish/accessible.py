"""Five faults of accessibility in what the theme, Sphinx and IPython write, repaired in the built pages.

* The sidebar's logo and title lie in no landmark, so readers who move by landmarks never meet them
  (pydata-sphinx-theme, pull request 1454, "Fix landmarks").
* Markdown gives every table a row of heads; a head without text is read aloud as nothing, and becomes a plain cell.
* Below such a cell stand the names of the rows, which become their heads.
* docutils gives each entry of a bibliography the role doc-biblioentry, which ARIA has withdrawn, inside a list, which wants
  list items (DPUB-ARIA 1.1).
* Code that a cell shows is not marked as code, which page translators would translate; Sphinx marks all other code.
"""

from __future__ import annotations

import re

SIDEBAR = '<div id="pst-primary-sidebar" class='
REPAIRS = (
    (re.compile(re.escape(SIDEBAR)), '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" class='),
    (re.compile(r'<th class="head[^"]*">(?:<p></p>|\s*)</th>'), "<td></td>"),
    (re.compile('role="doc-biblioentry"'), 'role="listitem"'),
    (re.compile('<div class="highlight"><pre>'), '<div class="highlight"><pre translate="no">'),
)
NAMED_ROWS = re.compile(r"<thead>\s*<tr[^>]*><td></td>.*?</table>", re.DOTALL)
FIRST_CELL = re.compile(r"(<tr[^>]*>)<td>(?!</td>)(.*?)</td>", re.DOTALL)


def repair(text: str) -> str:
    """A page's text without these faults."""
    for pattern, replacement in REPAIRS:
        text = pattern.sub(replacement, text)
    return NAMED_ROWS.sub(lambda table: FIRST_CELL.sub(r'\1<th scope="row">\2</th>', table[0]), text)
