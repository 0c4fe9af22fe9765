"""The numbered equations of the pages, and their tests. Standard library only: tests of the package use it, too.

The test of the label `eq-forward-step` is the function `test_eq_forward_step`, anywhere below tests/.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "tests" / "equations").is_dir())
CODE = re.compile(r"^```\w.*?^```\s*$|`[^`\n]*`", flags=re.MULTILINE | re.DOTALL)   # is no equation
DISPLAY = re.compile(r"\$\$(.+?)\$\$[ \t]*(?:\((eq-[\w-]+)\))?", flags=re.DOTALL)


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
