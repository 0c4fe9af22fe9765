"""The exercises of chapter 14: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch14


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def two_moments(z):
    return abs(z.mean()) < 0.05 and abs(z.var() - 1) < 0.1


def solution_gaussian(z):
    kurtosis = (z - z.mean()).pow(4).mean() / z.var() ** 2
    return two_moments(z) and abs(kurtosis - 3) < 5 * (24 / len(z)) ** 0.5


def solution_guard(combine, c, u):
    return torch.allclose(combine(c, u, 1.0), c)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch14.check_is_gaussian, solution_gaussian, 1), (ch14.check_guard, solution_guard, 2),
    (ch14.check_strangers, {"A": "beta-for-root", "B": "last-noise", "C": "stops-early"}, 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch14.check_is_gaussian, two_moments, "your answers are [True, True, True, True]"),
    (ch14.check_is_gaussian, lambda z: False, "your answers are [False, False, False, False]"),
    (ch14.check_guard, lambda combine, c, u: True, "your answers are [True, True, True]"),
    (ch14.check_guard, lambda combine, c, u: torch.allclose(combine(c, c, 2.0), c), "your answers are [True, True, True]"),
    (ch14.check_strangers, dict.fromkeys("ABC", "right"), "A, B, C"),
    (ch14.check_strangers, {"A": "beta-for-root", "B": "stops-early", "C": "last-noise"}, "B, C")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    assert said(check, answer, capsys).endswith(f"not yet, {off}.")


def test_a_weight_of_zero_guards_as_well(capsys) -> None:
    assert said(ch14.check_guard, lambda combine, c, u: torch.allclose(combine(c, u, 0.0), u), capsys) == "Exercise 2 passes."


def test_the_strangers_differ_where_the_solution_says() -> None:
    """A has too little noise on the way and none at the end; B and C end with the same noise, and C with a step fewer."""
    found = ch14.strangers()
    assert all(there < 0.5 * belongs for t, there, belongs in found["A"] if t > 0) and found["A"][-1][1] < 1e-6
    assert [t for t, *_ in found["B"]] == [300, 200, 100, 0] and [t for t, *_ in found["C"]] == [400, 300, 200, 0]
    assert found["B"][-1][1] == pytest.approx(found["C"][-1][1], rel=0.03)  # 4000 numbers, each level to 1.1 %
