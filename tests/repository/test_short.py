"""The short run of a chapter: its table of short values fits the chapter as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project import chapters
from short import shortened


def notebook(short: dict, *sources: str) -> dict:
    cells = [{"cell_type": "markdown", "source": ["N = 1"]}]
    cells += [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return {"metadata": {"short": short}, "cells": cells}


def code(content: dict) -> list[str]:
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def test_values_are_replaced_where_they_are_assigned() -> None:
    whole = notebook({"N": 5, "WAYS": ["a"]}, "N = 2000  # samples\nx = N\n  N = 3", 'WAYS = ["a", "b"]\nWAYS == N')
    assert code(shortened(whole)) == ["N = 5  # samples\nx = N\n  N = 3", "WAYS = ['a']\nWAYS == N"]
    assert code(whole)[0].startswith("N = 2000")


def test_a_notebook_without_a_table_stays_as_it_is() -> None:
    whole = {"metadata": {}, "cells": [{"cell_type": "code", "source": "N = 2000"}]}
    assert shortened(whole) == whole


@pytest.mark.parametrize("sources, count", [(["M = 1"], 0), (["N = 1", "N = 1"], 2), (["N = 1\nN = 2"], 2), (["f(N = 1)"], 0)])
def test_a_name_that_is_not_there_once_is_an_error(sources: list[str], count: int) -> None:
    with pytest.raises(ValueError, match=f"begin with 'N = '; there are {count}"):
        shortened(notebook({"N": 5}, *sources))


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_the_tables_of_the_chapters_fit(path: Path) -> None:
    shortened(json.loads(path.read_text(encoding="utf-8")))
