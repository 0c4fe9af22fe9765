"""Each line of code in an element of its own, which knows how far it is indented.

So a line that is wider than a phone goes on below itself and not at the left edge (book.css), and rather behind a bracket than
within a word. What a cell printed does so, too, but for lines whose words stand in columns.
"""

from __future__ import annotations

import re

# What was printed or not, the code between; not what has its lines already, on a page of an earlier build.
CODE = re.compile(r'(highlight-myst-ansi notranslate">)?'
                  r'(<div class="highlight"><pre[^>]*>(?:<span></span>)?+)(?!<span class="code-line)(.*?)(</pre>)', re.DOTALL)
TAG = re.compile(r"<[^>]*>")
COLUMNS = re.compile(r"\S {2,}\S")
FITS = 30       # letters, on any phone
# Where a word that is too long is rather divided: behind an opening bracket or a comma, and before the name of a method.
BEHIND = re.compile(r"([(\[{,](?:<[^>]*>)*)(?=[^\s)\]}<])")
BEFORE = re.compile(r"\.(?=(?:<[^>]*>)*[A-Za-z_])")


def with_lines(text: str) -> str:
    """A page's text with `<span class="code-line">` around each line of code; the code itself is as before."""
    return CODE.sub(in_lines, text)


def in_lines(block: re.Match[str]) -> str:
    printed, start, code, end = block.groups(default="")
    return printed + start + "".join(line(text, bool(printed)) for text in code.splitlines(keepends=True)) + end


def line(html: str, printed: bool = False) -> str:
    """One line; Pygments closes its own elements at the end of each."""
    code = TAG.sub("", html)
    indent = len(code) - len(code.lstrip(" "))
    style = f' style="--indent:{indent}ch"' if indent else ""
    kind = "code-line columns" if printed and COLUMNS.search(code) else "code-line"
    if len(code) > FITS and not printed:
        html = BEFORE.sub("<wbr>.", BEHIND.sub(r"\1<wbr>", html))
    return f'<span class="{kind}"{style}>{html}</span>'
