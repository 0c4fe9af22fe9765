"""The exercises of chapter 13: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.exercises import ch13


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def solution_column(values, like):
    return values.reshape(-1, *[1] * (like.ndim - 1))


def solution_steps(schedule, error=1e-3, largest=3.4e38):
    growth = (schedule.noise[1:] / schedule.signal[1:]).flip(0).log10().cumsum(0)
    return int((np.log10(error) + growth > np.log10(largest)).nonzero()[0]) + 1


def solution_kept(schedule, t, s):
    fraction = schedule.signal[t] / schedule.signal[s]
    return fraction * schedule.noise[s] ** 2 / schedule.noise[t] ** 2


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch13.check_as_column, solution_column, 1), (ch13.check_steps_to_overflow, solution_steps, 2),
    (ch13.check_kept, solution_kept, 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch13.check_as_column, lambda values, like: values, "the shapes are [(3,), (3,), (3,)]"),
    (ch13.check_as_column, lambda values, like: values[:, None], "the shapes are [(3, 1), (3, 1), (3, 1)]"),
    (ch13.check_as_column, lambda values, like: 0 * solution_column(values, like), "the values are others"),
    (ch13.check_steps_to_overflow, lambda schedule: 0, "your answer is 0"),
    (ch13.check_steps_to_overflow, lambda schedule: solution_steps(schedule) - 1, "your answer is 19"),  # counts from 0
    (ch13.check_kept, lambda schedule, t, s: torch.ones(len(t), dtype=torch.float64), "1.0000 is left and not 0.0209"),
    (ch13.check_kept, lambda schedule, t, s: schedule.noise[s] / schedule.noise[t], "0.9599 is left and not 0.0209")])  # DDIM
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    assert said(check, answer, capsys).endswith(f"not yet, {off}.")
