"""What chapters show of the package's source, and that a page has room for it: 76 columns."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import chapter_calls
import pytest
from project import chapters

from diffusion_utils.chapters.show import WIDTH, show_source


def short_guard(x):
    """A docstring."""
    if x < 0:
        raise ValueError("x < 0")
    return x


def long_guard(x):
    """A docstring that is not shown."""
    if x < 0:
        raise ValueError("x must be at least 0, for what is computed here is "
                         f"its root, got {x}")
    if x > 9: raise OverflowError(f"x must lie below 9 and above 0, for whatever reason, got {x}")  # noqa: E701
    return x


def test_docstrings_and_the_words_of_long_errors_are_left_out() -> None:
    assert show_source(short_guard).data == (
        'def short_guard(x):\n    if x < 0:\n        raise ValueError("x < 0")\n    return x')
    assert show_source(long_guard).data == (
        "def long_guard(x):\n    if x < 0:\n        raise ValueError(...)\n"
        "    if x > 9: raise OverflowError(...)  # noqa: E701\n    return x")
    assert '"""A docstring."""' in show_source(short_guard, docstrings=True).data


def shown(chapter: Path) -> Iterator[str]:
    """What each call of show_source in a chapter shows."""
    trees = [tree for _, tree in chapter_calls.trees(chapter)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names = dict(pair for node in imports for pair in chapter_calls._imports(node))
    for call in nodes:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "show_source":
            yield show_source(*(chapter_calls._resolved(argument, names) for argument in call.args)).data


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_code_that_a_reader_sees_fits_the_page(path: Path) -> None:
    """The cells of a chapter and the source that it shows; code in its prose, such as a solution, too."""
    texts = list(shown(path))
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        texts += re.findall(r"```python\n(.*?)```", source, re.DOTALL) if cell["cell_type"] == "markdown" else [source]
    wide = [line for text in texts for line in text.splitlines() if len(line) > WIDTH]
    assert not wide, f"{len(wide)} lines are wider than {WIDTH} columns:\n" + "\n".join(wide)
