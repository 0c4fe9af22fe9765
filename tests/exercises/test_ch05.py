"""The exercises of chapter 5: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exercises import ch05
from diffusion_utils.schedules import cosine

SCHEDULE = cosine(1000)


def said(check, *answer, capsys) -> str:
    check(*answer)
    return capsys.readouterr().out.strip()


def my_guidance(eps_c, eps_u, w):
    return eps_u + w * (eps_c - eps_u)


def tilted(w, mu=1.0, a=1.0, b=2.0):
    v = 1 / (w / a**2 + (1 - w) / b**2)
    return v * w * mu / a**2, v


def jump_std(schedule, s, t):
    kept = schedule.signal[t] / schedule.signal[s]
    return (schedule.noise[t] ** 2 - (kept * schedule.noise[s]) ** 2).sqrt()


def difference_of_stds(schedule, s, t):
    """As published, and as the stub has it."""
    return schedule.noise[t] - schedule.signal[t] / schedule.signal[s] * schedule.noise[s]


class BlackPictures:
    """A denoiser that answers −1, a black picture, whatever it is given."""

    schedule = SCHEDULE

    def __call__(self, x_t, t, cond=None):
        signal, noise = SCHEDULE.at(t, like=x_t)
        return Prediction(-torch.ones_like(x_t), (x_t + signal) / noise)


def start_of(noised_to_the_start_of_the_walk):
    def mismatched(x0, extra):
        start = 500 - extra if noised_to_the_start_of_the_walk else 500
        times = [*range(500 - extra, 0, -25), 0]
        eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(2))
        return SCHEDULE.add_noise(x0, start, eps), times
    return mismatched


DRAWINGS = -torch.ones(4, 1, 28, 28)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch05.check_guidance, (my_guidance, lambda paper: 1 + paper), 1), (ch05.check_tilted, (tilted,), 2),
    (ch05.check_jump_std, (jump_std,), 3), (ch05.check_start, (start_of(True), BlackPictures(), DRAWINGS), 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, *solution, capsys=capsys).splitlines()[-1] == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch05.check_guidance, (lambda c, u, w: c, lambda paper: paper), "w = 0 gives"),
    (ch05.check_guidance, (lambda c, u, w: (1 + w) * c - w * u, lambda paper: paper), "w = 0 gives"),  # the paper's own
    (ch05.check_guidance, (my_guidance, lambda paper: paper), "the paper's 0"),
    (ch05.check_guidance, (my_guidance, lambda paper: 1 - paper), "the paper's 2"),
    (ch05.check_tilted, (lambda w: (1.0, 1.0),), "at w = 3 yours has mean 1.000"),
    (ch05.check_tilted, (lambda w: (tilted(w)[0], tilted(w)[1] ** 0.5),), "at w = 3"),  # the standard deviation
    (ch05.check_jump_std, (difference_of_stds,), "from 100 up to 200"),
    (ch05.check_start, (start_of(False), BlackPictures(), DRAWINGS), "disagree for extra = -200, 200")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, *answer, capsys=capsys)
    assert "not yet" in text and off in text
