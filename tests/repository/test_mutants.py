"""The table of planted mistakes fits the package as it is. `make mutants` plants them and runs the tests they name."""

from __future__ import annotations

import mutants
import pytest

MISTAKES = mutants.mistakes()
every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake["seen"][:60] for mistake in MISTAKES])


@every_mistake
def test_the_mistake_can_be_planted_and_names_a_test(mistake: dict[str, str]) -> None:
    source = (mutants.PACKAGE / mistake["file"]).read_text(encoding="utf-8")
    wrong = mutants.planted(source, mistake)
    assert wrong != source
    compile(wrong, mistake["file"], "exec")
    assert mutants.find_test(mistake["caught_by"])


def test_text_that_is_gone_or_not_unique_is_named() -> None:
    mistake = {"file": "a.py", "right": "x = 1", "wrong": "x = 2"}
    for text in ("y = 1", "x = 1\nx = 1"):
        with pytest.raises(ValueError, match="a.py holds . times"):
            mutants.planted(text, mistake)
    with pytest.raises(ValueError, match="there are 0 tests called test_of_nothing"):
        mutants.find_test("test_of_nothing")
