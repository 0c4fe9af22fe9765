"""The exercises of chapter 3: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.exercises import ch03


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch03.check_weight_from_beta, lambda beta, alpha, before: beta / (2 * alpha * (1 - before)), 1),
    (ch03.check_eps_from_v, lambda v, x_t, signal, noise: noise * x_t + signal * v, 2),
    (ch03.check_min_snr_weight_for_v, lambda snr: torch.clamp(snr, max=5.0) / (snr + 1), 3),
    (ch03.check_half_life, lambda d: np.log(0.5) / np.log(d), 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch03.check_weight_from_beta, lambda beta, alpha, before: beta, "times the weight at t = 2"),
    (ch03.check_weight_from_beta, lambda beta, alpha, before: beta / (alpha * (1 - before)), "yours is 2 times"),
    (ch03.check_eps_from_v, lambda v, x_t, signal, noise: v, "at t = 1 yours is off"),
    (ch03.check_eps_from_v, lambda v, x_t, signal, noise: noise * x_t - signal * v, "yours is off"),  # the sign
    (ch03.check_min_snr_weight_for_v, lambda snr: torch.clamp(snr, max=5.0), "at t = 30"),  # that for x₀
    (ch03.check_min_snr_weight_for_v, lambda snr: (torch.clamp(snr, max=5.0) + 1) / (snr + 1), "at t = 30"),  # as published
    (ch03.check_half_life, lambda d: 1.0, "with d = 0.9 it takes 7 steps"),
    (ch03.check_half_life, lambda d: 1 / (1 - d), "yours says 10")])  # the time constant, to 1/e
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text
