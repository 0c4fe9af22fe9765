"""Recognise the questions of a page and check that each is whole; a fault is a warning, and so fails the build.

A question is a run of siblings: a paragraph in bold that begins with "N.", a list of options or nothing, and the raw HTML
of <details> around its answer. Only cells tagged `questions` hold any: myst-nb gives a node of a notebook the line
10000 (cell + 1) + line, which leads back to the cell.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from .key import RANGES, formula_key, number_key
from .nodes import question, question_text

NUMBERED = re.compile(r"\d+\.\s+")
LETTER = re.compile(r"\(([a-z])\)\s*")
LINES_OF_A_CELL = 10_000
SLUG_LENGTH = 40  # characters


class FindQuestions(SphinxTransform):
    """Put each question of the tagged cells into one node."""

    default_priority = 500

    def apply(self, **kwargs: object) -> None:
        tagged = tagged_cells(Path(self.env.doc2path(self.env.docname)))
        found: dict[int, list[question]] = {cell: [] for cell in tagged}
        for start in list(self.document.findall(nodes.paragraph)):
            cell = (start.line or 0) // LINES_OF_A_CELL - 1
            if cell in tagged and begins_question(start):
                try:
                    found[cell].append(self.whole(start, "prediction" in tagged[cell]))
                except ValueError as error:
                    warn(f"question {start.astext()[:60]!r}: {error}", start)
        for cell, questions in found.items():
            if not questions:
                warn(f"{self.env.docname}: cell {cell} is tagged 'questions' and holds none", self.document)
        names = [one["question"] for questions in found.values() for one in questions]
        for name in {name for name in names if names.count(name) > 1}:
            warn(f"two questions of the page are both called {name!r}: let one begin with other words", self.document)

    def whole(self, start: nodes.paragraph, prediction: bool) -> question:
        """The question that begins with this paragraph, in its place in the document."""
        parent, place = start.parent, start.parent.index(start)
        end = next((i for i in range(place, len(parent)) if is_raw(parent[i], "</details>")), None)
        middle = parent[place + 1 : end]
        options = middle.pop(0) if middle and isinstance(middle[0], nodes.bullet_list) else None
        if end is None or not middle or not is_raw(middle[0], "<summary>Answer</summary>"):
            raise ValueError("after it and its options must stand <details> with <summary>Answer</summary>, and an empty line")
        answer = middle[1:]
        kind, key = choice_key(options, answer) if options else ("", {})
        if not options:
            kind, key = typed_key(answer)
        name = slug(" ".join(text for text in start.findall(nodes.Text) if not isinstance(text.parent, nodes.math)))
        chapter = self.env.docname.rpartition("/")[2]
        node = question(kind=kind, key=key, prediction=prediction, question=f"{chapter}/{name}", ids=[f"question-{name}"])
        node.line, node.source = start.line, start.source
        parts = parent[place + 1 : end + 1]
        parent[place : end + 1] = [node]
        node += [question_text("", "", *start.children), *parts]
        return node


def warn(message: str, where: nodes.Node) -> None:
    logging.getLogger(__name__).warning("%s", message, location=where)


def tagged_cells(path: Path) -> dict[int, list[str]]:
    """Number of a cell → its tags, for the cells tagged `questions`."""
    if path.suffix != ".ipynb":
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tags = {number: cell["metadata"].get("tags", []) for number, cell in enumerate(cells)}
    return {number: names for number, names in tags.items() if "questions" in names}


def begins_question(node: nodes.paragraph) -> bool:
    """Whether a paragraph is all in bold and begins with a number."""
    parts = without_empty(node)
    return len(parts) == 1 and isinstance(parts[0], nodes.strong) and bool(NUMBERED.match(node.astext()))


def without_empty(words: nodes.Element) -> nodes.Element:
    """The same element; bold text at its beginning or end has an empty text beside it, which is taken out."""
    words.children = [part for part in words.children if part.astext()]
    return words


def is_raw(node: nodes.Node, html: str) -> bool:
    return isinstance(node, nodes.raw) and html in node.astext()


def slug(text: str) -> str:
    """The words of a question, for its name: without its number and formulas, cut at a word."""
    words = re.sub(r"[^a-z0-9]+", "-", NUMBERED.sub("", text, count=1).lower()).strip("-")
    return words if len(words) <= SLUG_LENGTH else words[:SLUG_LENGTH].rpartition("-")[0]


def choice_key(options: nodes.bullet_list, answer: list[nodes.Node]) -> tuple[str, dict[str, str]]:
    """The key of a choice: the letter that is bold in the answer. The letters are marked, so that the page can set them."""
    if len(answer) != 1 or not isinstance(answer[0], nodes.bullet_list):
        raise ValueError("its answer must be one list, with a reason for every option")
    letters, reasons = take_letters(options), take_letters(answer[0])
    wanted = [chr(ord("a") + k) for k in range(len(letters))]
    if [letter for letter, _ in letters] != wanted:
        raise ValueError(f"its options must be lettered {', '.join(f'({letter})' for letter in wanted)}")
    if [letter for letter, _ in reasons] != wanted:
        raise ValueError(f"its reasons must be lettered as its options are: {', '.join(f'({letter})' for letter in wanted)}")
    right = [letter for letter, bold in reasons if bold]
    if len(right) != 1:
        raise ValueError(f"one letter of its answer must be bold, the right one; these are: {', '.join(right) or 'none'}")
    options["classes"].append("question-options")
    answer[0]["classes"].append("question-reasons")
    return "choice", {"right": right[0]}


def take_letters(items: nodes.bullet_list) -> list[tuple[str, bool]]:
    """The letter with which each item begins, and whether it is bold; it becomes an element of its own."""
    return [take_letter(item) for item in items]


def take_letter(item: nodes.list_item) -> tuple[str, bool]:
    words = without_empty(item[0]) if len(item) else nodes.paragraph()
    first = words[0] if len(words) else nodes.Text("")
    found = LETTER.match(first.astext())
    if not found:
        raise ValueError(f"{item.astext()[:40]!r} does not begin with a letter such as (a)")
    if not words.astext()[found.end():].strip():
        raise ValueError(f"({found[1]}) stands there without a word")
    if isinstance(first, nodes.strong):
        first["classes"].append("question-letter")
        return found[1], True
    mark = nodes.inline("", f"({found[1]})", classes=["question-letter"])
    words.replace(first, [mark, nodes.Text(" " + first.astext()[found.end():])])
    return found[1], False


def typed_key(answer: list[nodes.Node]) -> tuple[str, dict[str, str]]:
    """Kind and key of a question that the reader answers by writing."""
    words = without_empty(answer[0]) if answer and isinstance(answer[0], nodes.paragraph) else nodes.paragraph()
    if not len(words) or not isinstance(words[0], nodes.strong):
        raise ValueError("without options its answer must begin with a number or a formula in bold")
    right, rest = words[0].astext(), "".join(part.astext() for part in words[1:])
    wrong = []
    if len(answer) > 1 and isinstance(answer[-1], nodes.bullet_list):
        answer[-1]["classes"].append("question-reasons")
        wrong = [take_wrong(item) for item in answer[-1]]
    if isinstance(words[0][0], nodes.literal):
        key = formula_key(right, rest, wrong)
        words.replace(words[1], nodes.Text(RANGES.sub("", words[1].astext(), count=1)))  # a reader has no use for it
        return "formula", key
    return "number", number_key(right, rest, wrong)


def take_wrong(item: nodes.list_item) -> str:
    """The wrong answer before the colon with which an item begins; it becomes an element of its own, as a letter does."""
    words = without_empty(item[0])
    is_code = isinstance(words[0], nodes.literal)
    before = words[:2] if is_code else words[:1]
    wrong, colon, reason = "".join(part.astext() for part in before).partition(":")
    if not colon or len(item.astext()) == len(f"{wrong}:"):
        raise ValueError(f"{item.astext()[:40]!r} does not begin with a wrong answer, a colon and a reason")
    shown = nodes.literal(wrong, wrong) if is_code else nodes.Text(wrong)
    words[: len(before)] = [nodes.inline("", "", shown, nodes.Text(":"), classes=["question-letter"]), nodes.Text(reason)]
    return wrong
