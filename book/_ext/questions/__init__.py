"""Questions that answer back: the quizzes and predictions of the chapters, checked in the reader's browser.

A question is written once, as Markdown in a notebook's cell tagged `questions` (CONTRIBUTING.md says how), and is readable as
it stands: in Jupyter, in Colab, and on the page without JavaScript. Here it is recognised and checked when a page is read
(find.py, key.py) and written as one <fieldset> that carries its key (nodes.py). The scripts in page/ do the rest; they are
written into one file together with what they have to know of the whole book.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector

from . import nodes
from .find import FindQuestions

SCRIPT = "questions.js"
PARTS = ("store", "arithmetic", "judge", "question", "progress", "start")
WORDS = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))


class Collect(EnvironmentCollector):
    """Which questions each page has: the contents say on every page how many of them the reader has answered."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        known(env).pop(docname, None)

    def merge_other(self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
        known(env).update({name: ids for name, ids in known(other).items() if name in docnames})

    def process_doc(self, app: Sphinx, doctree: nodes.docutils.document) -> None:
        if found := [node["question"] for node in doctree.findall(nodes.question)]:
            known(app.env)[app.env.docname] = found


def known(env: BuildEnvironment) -> dict[str, list[str]]:
    """Page → the ids of its questions, in its order."""
    if not hasattr(env, "book_questions"):
        env.book_questions = {}
    return env.book_questions


def write_script(app: Sphinx, error: Exception | None) -> None:
    """For all pages together: in the contents each says how far the reader is in the others."""
    if error or app.builder.format != "html":
        return
    words = WORDS.get((app.config.language or "").split("-")[0], WORDS["en"])
    facts = {"home": app.config.root_doc, "pages": known(app.env), "words": words}
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    parts = [(Path(__file__).parent / "page" / f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    script = "\n".join([f"(function () {{\nconst book = {text};", *parts, "})();\n"])
    script = re.sub(r"^ *//.*\n", "", script, flags=re.MULTILINE)      # comments are for whoever reads the source
    (Path(app.outdir) / "_static" / SCRIPT).write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool | int]:
    nodes.add_to(app)
    app.add_transform(FindQuestions)
    app.add_env_collector(Collect)
    app.add_js_file(SCRIPT, loading_method="defer")
    app.add_css_file("questions.css")
    app.connect("build-finished", write_script)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
