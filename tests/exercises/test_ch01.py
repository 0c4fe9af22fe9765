"""The exercises of chapter 1: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exercises import ch01
from diffusion_utils.schedules import linear


def said(check, *answer, capsys) -> str:
    check(*answer)
    return capsys.readouterr().out.strip()


def jump(x_s, s, t, z, schedule):
    r = schedule.signal[t] / schedule.signal[s]
    return r * x_s + (schedule.noise[t]**2 - (r * schedule.noise[s])**2).sqrt() * z


def jump_as_from_x0(x_s, s, t, z, schedule):
    return schedule.signal[t] / schedule.signal[s] * x_s + schedule.noise[t] * z


def jump_of_variance_preserving(x_s, s, t, z, schedule):
    r = schedule.signal[t] / schedule.signal[s]
    return r * x_s + (1 - r**2).sqrt() * z


def left_behind(x0, schedule):
    a = schedule.alpha_bar[-1]
    return (a * x0.square().sum() - x0.numel() * (a + torch.log1p(-a))) / 2


def shortened(T):
    return linear(T, allow_signal_left=True)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch01.check_two_steps, (0.849, 0.529), 1),  # as one writes them by hand
    (ch01.check_two_steps, (0.72**0.5, 0.28**0.5), 1),
    (ch01.check_jump, (jump,), 2),
    (ch01.check_left_behind, (left_behind,), 3),
    (ch01.check_repaired, (lambda T: linear(T, beta_first=0.1 / T, beta_last=20 / T),), 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, *solution, capsys=capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch01.check_two_steps, (0.0, 0.0), "the factor of the data and the factor of the noise are off"),
    (ch01.check_two_steps, (0.849, 0.3**0.5), "the factor of the noise is off, and your squares add up to 1.021"),
    (ch01.check_jump, (lambda x_s, s, t, z, schedule: x_s,), "with the linear schedule the data comes out"),
    (ch01.check_jump, (jump_as_from_x0,), "with the linear schedule old and fresh noise together"),
    (ch01.check_jump, (jump_of_variance_preserving,), "with the flow schedule old and fresh noise together"),
    (ch01.check_left_behind, (lambda x0, schedule: 0.0,), "at T = 1000 yours is 0 nats"),
    (ch01.check_left_behind, (lambda x0, schedule: schedule.alpha_bar[-1] * x0.square().sum() / 2,), "at T = 1000"),
    (ch01.check_repaired, (shortened,), "with T = 50 the signal left is 0.776, Σβ is 0.50 and the ratio 200"),
    (ch01.check_repaired, (lambda T: linear(T, 1e-4, 20 / T),), "with T = 50")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, *answer, capsys=capsys)
    assert "not yet" in text and off in text
