"""Each numbered equation is tested, and the reader can see how.

A directive, `equation-tests`, shows the source of the test of every label; a small mark beside each equation's number
leads there. A label without a test is a warning, and so fails the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from equations import ROOT, Test, displays, pages, prose, tests
from page_numbers import page_numbers
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

PAGE = "book/tested"
PREFIX = "test-of-"                # of the anchors on that page
NUMBERED = re.compile(r'(<div class="math[^>]*id="equation-(eq-[\w-]+)">\s*<span class="eqno">)\((\w+\.\d+)\)')


class EquationTests(SphinxDirective):
    """A section for each page with numbered equations, and in it the source of each test."""

    def run(self) -> list[nodes.Node]:
        known, repository = tests(), self.config.html_theme_options.get("repository_url", "")
        numbers = page_numbers(Path(self.env.srcdir))
        sections = []
        for path in pages(Path(self.env.srcdir)):
            self.env.note_dependency(str(path))
            labels = [label for _, label in displays(prose(path)) if label]
            if labels:
                section = nodes.section(ids=[nodes.make_id(f"tests-{path.stem}")])
                section += nodes.title("", heading(path, numbers[f"{path.parent.name}/{path.stem}"]))
                for label in labels:
                    if label in known:
                        section += self.entry(label, known[label], repository)
                sections.append(section)
        return sections

    def entry(self, label: str, test: Test, repository: str) -> list[nodes.Node]:
        self.env.note_dependency(str(ROOT / test.path))
        equation = addnodes.pending_xref("", nodes.literal("", label), refdomain="math", reftype="eq", reftarget=label,
                                         refdoc=self.env.docname, refexplicit=False, refwarn=True)
        place = f"{repository}/blob/{self.config.html_theme_options.get('repository_branch', 'main')}/{test.path}#L{test.line}"
        file = nodes.reference("", "", nodes.literal("", Path(test.path).name), refuri=place)
        head = nodes.paragraph("", "", nodes.Text("Equation "), equation, nodes.Text(", in "), file)
        code = nodes.literal_block(test.source, test.source, language="python")
        return [nodes.container("", head, code, ids=[PREFIX + label])]


def heading(path: Path, number: str) -> str:
    """Such as "Chapter 4, Sampling: one update, many samplers"."""
    kind = "Chapter" if number.isdigit() else "Appendix"
    return f"{kind} {number}, {re.search(r'^# (.+)$', prose(path), flags=re.MULTILINE)[1]}"


def mark(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Beside the number of each equation, a link to its test."""
    if "body" not in context or PAGE not in app.env.all_docs:
        return
    known, page = tests(), context["pathto"](PAGE)

    def link(found: re.Match[str]) -> str:
        start, label, number = found.groups()
        if label not in known:
            logging.getLogger(__name__).warning("equation %s has no test", label, location=pagename)
            return found[0]
        return (f'{start}<a class="tested" href="{page}#{PREFIX}{label}" title="The test of equation ({number})" '
                f'aria-label="The test of equation ({number})">✓</a> ({number})')

    context["body"] = NUMBERED.sub(link, context["body"])


def add_to(app: Sphinx) -> None:
    app.add_directive("equation-tests", EquationTests)
    app.add_css_file("tested.css")
    app.connect("html-page-context", mark)
