"""Each line of code in an element of its own, which knows how far it is indented.

So a line that is wider than a phone goes on below itself and not at the left edge (book.css).
"""

from __future__ import annotations

import re

# The code between; not what has its lines already, on a page of an earlier build.
CODE = re.compile(r'(<div class="highlight"><pre[^>]*>(?:<span></span>)?+)(?!<span class="code-line")(.*?)(</pre>)', re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def with_lines(text: str) -> str:
    """A page's text with `<span class="code-line">` around each line of code; the code itself is as before."""
    return CODE.sub(lambda block: block[1] + "".join(map(line, block[2].splitlines(keepends=True))) + block[3], text)


def line(html: str) -> str:
    """One line; Pygments closes its own elements at the end of each."""
    code = TAG.sub("", html)
    indent = len(code) - len(code.lstrip(" "))
    style = f' style="--indent:{indent}ch"' if indent else ""
    return f'<span class="code-line"{style}>{html}</span>'
