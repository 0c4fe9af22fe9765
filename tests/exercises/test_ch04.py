"""The exercises of chapter 4: the solution passes, the stub and a typical mistake do not; its puzzle is what it says it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.exercises import ch04
from diffusion_utils.sampling import Sampler, sample, timesteps, update
from diffusion_utils.schedules import cosine


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def beta_tilde(schedule, t):
    return schedule.beta[t] * (1 - schedule.alpha_bar[t - 1]) / (1 - schedule.alpha_bar[t])


def my_ddim(denoise, schedule, x, times):
    for t, s in zip(times[:-1], times[1:], strict=True):
        x = update(schedule, x, t, s, denoise(x, t).x0_hat)
    return x


def with_a_stride(denoise, schedule, x, times):
    """The published mistake: the next time is computed and not read."""
    for t in times[:-1]:
        x = update(schedule, x, t, max(t - 1000 // 7, 0), denoise(x, t).x0_hat)
    return x


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch04.check_beta_tilde, beta_tilde, 1), (ch04.check_my_ddim, my_ddim, 2),
    (ch04.check_order_of, lambda steps, errors: -np.polyfit(np.log(steps), np.log(errors), 1)[0], 3)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch04.check_beta_tilde, lambda schedule, t: torch.zeros(len(t), dtype=torch.float64), "off by up to"),
    (ch04.check_beta_tilde, lambda schedule, t: schedule.beta[t], "at t = "),  # the larger variance
    (ch04.check_my_ddim, lambda denoise, schedule, x, times: x, "after 7 steps"),
    (ch04.check_my_ddim, with_a_stride, "after 7 steps"),
    (ch04.check_order_of, lambda steps, errors: 0.0, "yours is 0"),
    (ch04.check_order_of, lambda steps, errors: np.polyfit(np.log(steps), np.log(errors), 1)[0], "yours is -1")])  # the sign
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    text = said(check, answer, capsys)
    assert "not yet" in text and off in text


def test_the_four_mistakes_are_what_they_are_said_to_be() -> None:
    schedule, data = cosine(1000), GaussianMixture([[-0.5], [0.5]], [0.1, 0.1])
    denoise, x_T = data.denoiser(schedule), torch.linspace(-2, 2, 4000, dtype=torch.float64)[:, None]
    found, times = ch04.four_mistakes(denoise, schedule, x_T), timesteps(schedule, 10)
    *_, good = sample(denoise, schedule, x_start=x_T, sampler=Sampler("ddim"), times=times)
    assert list(found) == ["as it should be", "row 1", "row 2", "row 3", "row 4"]
    assert torch.equal(found["as it should be"], good.x_t)
    begun_late = my_ddim(denoise, schedule, x_T, [t for t in times if t <= 700])
    torch.testing.assert_close(found["row 1"], begun_late)
    # row 2 is x at the last time but one: a last step from there ends where the right walk does
    torch.testing.assert_close(my_ddim(denoise, schedule, found["row 2"], times[-2:]), good.x_t)
    added = found["row 3"] - good.x_t  # noise of the level of that time; 4,000 draws
    assert float(added.std()) == pytest.approx(float(schedule.noise[times[-2]]), rel=0.05)
    assert float(found["row 4"].std()) < 0.1 < float(good.x_t.std())  # one and the same for all
