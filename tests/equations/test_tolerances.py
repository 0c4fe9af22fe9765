"""What the page "How the equations are tested" says of tolerances: rounding, or a reason beside it."""

from __future__ import annotations

import ast

import equations
import pytest

ROUNDING = 1e-7  # wider than this is more than float64 needs, integrals and differences of its numbers included
FOUND = equations.tests()


def wide_without_a_reason(source: str) -> list[str]:
    """The lines with a tolerance wider than ROUNDING that have no comment on them or on the five lines before.

    A tolerance that is computed, 5/√n for one, says itself where it comes from."""
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in ("abs", "rel", "atol", "rtol"):
            last, value = node.value.lineno, node.value
            if isinstance(value, ast.Constant) and value.value > ROUNDING:
                if not any("#" in line for line in lines[max(0, last - 6):last]):
                    found.append(lines[last - 1].strip())
    return found


@pytest.mark.parametrize("label", FOUND)
def test_a_tolerance_wider_than_rounding_has_its_reason_beside_it(label: str) -> None:
    assert wide_without_a_reason(FOUND[label].source) == []


def test_a_wide_tolerance_without_a_word_is_noticed() -> None:
    assert wide_without_a_reason("def test_eq_a():\n    assert 1 == approx(1, rel=1e-3)")
    assert not wide_without_a_reason("def test_eq_a():\n    # The next term is 1/1000.\n    assert 1 == approx(1, rel=1e-3)")
