"""The exercises of chapter 18: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_utils.exercises import ch18


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def solution_flop(conv, batch, side):
    return 2 * batch * side**2 * conv.out_channels * conv.in_channels * conv.kernel_size[0] ** 2


def solution_both(p, r, q, u):
    return 1 / (1 - p - q + p / r + q / u)


def solution_batch(batches, seconds):
    rate = batches / seconds
    return batches[np.argmax(rate >= 0.9 * rate.max())]


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch18.check_conv_flop, solution_flop, 1), (ch18.check_both, solution_both, 2),
    (ch18.check_large_enough, solution_batch, 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch18.check_conv_flop, lambda conv, batch, side: 0, "you count 0, PyTorch 86,400"),
    (ch18.check_conv_flop, lambda *of: solution_flop(*of) // 2, "you count 43,200, PyTorch 86,400"),  # MACs
    (ch18.check_both, lambda p, r, q, u: r * u, "you say 8"),
    (ch18.check_both, lambda p, r, q, u: 1 / (1 - p + p / r) / (1 - q + q / u), "you say 1.641"),  # one, then the other
    (ch18.check_large_enough, lambda batches, seconds: batches[-1], "you say 256"),
    (ch18.check_large_enough, lambda batches, seconds: batches[np.argmin(seconds)], "you say 1")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    assert "not yet" in (text := said(check, answer, capsys)) and text.endswith(f"{off}.")
