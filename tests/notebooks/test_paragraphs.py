"""Prose that can be read on a phone: no paragraph outside a fold is longer than 120 words."""

import json
import re

import pytest
from project import chapters

MOST = 120
NOT_PROSE = r"(?s)<details>.*?</details>|\$\$.*?\$\$"
ITEM = r"\n(?=- |\d+\. |\|)"  # of a list, or a row of a table


def paragraphs(text: str) -> list[str]:
    """The paragraphs and the items of lists of a Markdown text, each formula as one word."""
    prose = re.sub(r"\$[^$]*\$", "x", re.sub(NOT_PROSE, "", text))
    return [part for block in prose.split("\n\n") for part in re.split(ITEM, block)]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_no_paragraph_is_too_long(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = [part for cell in cells if cell["cell_type"] == "markdown" for part in paragraphs("".join(cell["source"]))]
    assert [f"{len(part.split())} words: {part[:60]} …" for part in found if len(part.split()) > MOST] == []
