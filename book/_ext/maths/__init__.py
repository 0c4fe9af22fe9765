"""Formulas are HTML and CSS when a page arrives: no script for them, and nothing moves when they appear.

`html_math_renderer: prerendered` in _config.yml chooses this. A formula that MathJax cannot read is a warning, and so fails
the build. Each numbered formula has a mark that leads to its test (tested.py).
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from . import tested
from .style import slim, symbols
from .tex import mathjax_folder, stylesheet, to_html

CLASSES = "math notranslate nohighlight"  # those of Sphinx's own renderer
STYLE = "maths.css"
# A formula in a line, with the brackets, quotation marks and punctuation that stand against it.
INLINE = re.compile(r'([(“‘]*)(<span class="math[^>]*><mjx-container.*?</mjx-container></span>)([,.;:!?)’”-]*)', re.DOTALL)


def rendered(node: nodes.Element, tex: str, display: bool) -> str:
    """The formula as HTML; where that fails, a warning and the formula's source."""
    try:
        return to_html(tex, display)
    except ValueError as error:
        logging.getLogger(__name__).warning("formula %r: %s", tex, error, location=node)
        return escape(tex)


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    html = rendered(node, node.astext(), display=False)
    translator.body.append(f"{translator.starttag(node, 'span', '', CLASS=CLASSES)}{html}</span>")
    raise nodes.SkipNode


def visit_displaymath(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS=CLASSES))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    tex = node.astext().strip()
    if r"\\" in tex and not node.get("nowrap"):
        tex = rf"\begin{{split}}{tex}\end{{split}}"  # or MathJax passes over the break; Sphinx's own renderers do the same
    html = rendered(node, tex, display=True)
    scrollable = html.replace("<mjx-container ", '<mjx-container tabindex="0" ', 1)  # with the arrow keys, where it is too wide
    translator.body.append(f"{scrollable}</div>\n")
    raise nodes.SkipNode


def keep_together(found: re.Match[str]) -> str:
    """No line begins with the comma after a formula; browsers would break there, as beside a picture."""
    before, formula, after = found.groups()
    return f'<span class="maths-unbroken">{found[0]}</span>' if before or after else formula


def finish(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "<mjx-container" in context.get("body", ""):
        context["body"] = INLINE.sub(keep_together, context["body"])
        app.add_css_file(STYLE)


def write_style(app: Sphinx, error: Exception | None) -> None:
    """For all pages of the site together, also those that this build did not write anew."""
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    used = symbols(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    fonts = mathjax_folder() / "output" / "chtml" / "fonts" / "woff-v2"
    (site / "_static" / STYLE).write_text(slim(stylesheet(), used, fonts), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("prerendered", (visit_math, None), (visit_displaymath, None))
    app.connect("html-page-context", finish)
    app.connect("build-finished", write_style)
    tested.add_to(app)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
