"""What a question is in the page: a <fieldset> with its text as <legend>, then its options and its folded answer.

Other formats than HTML see a container and a paragraph, as if nothing were there.
"""

from __future__ import annotations

from docutils import nodes as docutils
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


class question(docutils.container):  # noqa: N801 (docutils names its nodes so)
    """Attributes: `question`, its id in the book; `kind`, choice, number or formula; `key`, what questions.js has to know."""


class question_text(docutils.paragraph):  # noqa: N801
    """The question itself."""


def visit_question(translator: HTML5Translator, node: question) -> None:
    data = {f"data-{name}": str(value) for name, value in node["key"].items()}
    attributes = {"data-question": node["question"], "data-kind": node["kind"], **data}
    classes = "question prediction" if node["prediction"] else "question"
    translator.body.append(translator.starttag(node, "fieldset", CLASS=classes, **attributes))


def depart_question(translator: HTML5Translator, node: question) -> None:
    translator.body.append("</fieldset>\n")


def visit_text(translator: HTML5Translator, node: question_text) -> None:
    translator.body.append(translator.starttag(node, "legend", ""))


def depart_text(translator: HTML5Translator, node: question_text) -> None:
    translator.body.append("</legend>\n")


def add_to(app: Sphinx) -> None:
    app.add_node(question, html=(visit_question, depart_question))
    app.add_node(question_text, html=(visit_text, depart_text))
