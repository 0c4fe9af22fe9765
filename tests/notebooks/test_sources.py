"""The stored chapters: the right ones, without outputs, in short cells, each opening with the install cell."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import install_cell
import pytest
from project import ROOT, chapters

MAXIMUM, MEDIAN = 40, 10      # lines of a code cell


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def lines(cell: dict[str, Any]) -> int:
    return len("".join(cell["source"]).splitlines())


every_chapter = pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)


def test_the_chapters_are_those_of_the_contents() -> None:
    listed = re.findall(r"file: notebooks/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert [path.stem for path in chapters()] == listed


@every_chapter
def test_stored_without_outputs(path: Path) -> None:
    for cell in cells(path):
        assert cell["outputs"] == [], f"cell {cell.get('id')} holds an output"
        assert cell["execution_count"] is None, f"cell {cell.get('id')} was stored after running"
    assert "widgets" not in json.loads(path.read_text(encoding="utf-8"))["metadata"], "widget state is stored"


@every_chapter
def test_cells_are_short(path: Path) -> None:
    lengths = [lines(cell) for cell in cells(path)]
    assert max(lengths) <= MAXIMUM
    assert statistics.median(lengths) <= MEDIAN


@every_chapter
def test_opens_with_the_install_cell(path: Path) -> None:
    first = cells(path)[0]
    assert "".join(first["source"]) == install_cell.source(), "run: python tools/build.py run install_cell notebooks/*.ipynb"
    assert first["metadata"]["tags"] == install_cell.TAGS


@every_chapter
def test_cell_ids_are_unique(path: Path) -> None:
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert len(ids) == len(set(ids))


@every_chapter
def test_needs_no_file_of_the_checkout(path: Path) -> None:
    """A chapter runs in an empty folder, so that it may not reach for the folders beside it."""
    for cell in cells(path):
        assert not re.search(r"""["'](\.\./|notebooks/|book/)""", "".join(cell["source"])), cell["id"]
