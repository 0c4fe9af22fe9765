"""Each numbered equation is tested, and the reader can see how.

A directive, `equation-tests`, shows the source of the test of every label; a small mark beside each equation's number
leads there. The test of the label `eq-forward-step` is the function `test_eq_forward_step`, anywhere below tests/.
A label without a test is a warning, and so fails the build.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "tests" / "equations").is_dir())
PAGE = "book/tested"
PREFIX = "test-of-"                # of the anchors on that page
CODE = re.compile(r"^```\w.*?^```\s*$|`[^`\n]*`", flags=re.MULTILINE | re.DOTALL)   # is no equation
DISPLAY = re.compile(r"\$\$(.+?)\$\$[ \t]*(?:\((eq-[\w-]+)\))?", flags=re.DOTALL)
NUMBERED = re.compile(r'(<div class="math[^>]*id="equation-(eq-[\w-]+)">\s*<span class="eqno">)\(([\d.]+)\)')


class Test(NamedTuple):
    """Where the test of a label stands, and its source with decorators."""

    path: str
    line: int
    source: str


def displays(text: str) -> list[tuple[str, str | None]]:
    """The display equations of a page in MyST Markdown, in order, each with its label or None."""
    return [(found[1].strip(), found[2]) for found in DISPLAY.finditer(CODE.sub("", text))]


def prose(path: Path) -> str:
    """The Markdown of a page or of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")


def pages(source: Path) -> list[Path]:
    """The chapters and the prose that may hold equations, in reading order."""
    return sorted((source / "notebooks").glob("[0-9]*.ipynb")) + sorted((source / "book").glob("*.md"))


def tests() -> dict[str, Test]:
    """label → the function test_eq_… that tests it. Raises ValueError where a label has two tests."""
    found: dict[str, Test] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "def test_eq_" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_eq_"):
                label = node.name.removeprefix("test_").replace("_", "-")
                if label in found:
                    raise ValueError(f"{label} has two tests: in {found[label].path} and {path.name}")
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                source = "\n".join(text.splitlines()[first - 1:node.end_lineno])
                found[label] = Test(path.relative_to(ROOT).as_posix(), first, source)
    return found


class EquationTests(SphinxDirective):
    """A section for each page with numbered equations, and in it the source of each test."""

    def run(self) -> list[nodes.Node]:
        known, repository = tests(), self.config.html_theme_options.get("repository_url", "")
        sections = []
        for path in pages(Path(self.env.srcdir)):
            self.env.note_dependency(str(path))
            labels = [label for _, label in displays(prose(path)) if label]
            if labels:
                title = re.search(r"^# (.+)$", prose(path), flags=re.MULTILINE)
                section = nodes.section(ids=[nodes.make_id(f"tests-{path.stem}")])
                section += nodes.title("", title[1] if title else path.stem)
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
        file = nodes.reference("", "", nodes.literal("", test.path), refuri=place)
        head = nodes.paragraph("", "", nodes.Text("Equation "), equation, nodes.Text(", in "), file)
        code = nodes.literal_block(test.source, test.source, language="python")
        return [nodes.container("", head, code, ids=[PREFIX + label])]


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


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("equation-tests", EquationTests)
    app.add_css_file("tested.css")
    app.connect("html-page-context", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
