"""The walk up: where it ends is known exactly for a mixture in one dimension, and it comes nearer as its steps get shorter."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.inversion import invert
from diffusion_utils.sampling import Sampler, sample, timesteps
from diffusion_utils.schedules import cosine, flow

DATA = GaussianMixture(torch.tensor([[-1.5], [1.0]]), torch.tensor([0.3, 0.5]), torch.tensor([0.4, 0.6]))
TOP = 800  # of 1,000: noise 0.95, above it a step of the cosine schedule is long in the signal-to-noise ratio
X0 = DATA.quantile(torch.tensor([0.1, 0.3, 0.5, 0.75, 0.95]))


def up(x0: Tensor, steps: int, schedule=None, top: int = TOP) -> Tensor:
    schedule = schedule or cosine(1000)
    *_, last = invert(DATA.denoiser(schedule), schedule, x0, timesteps(schedule, steps, start=top)[::-1])
    assert last.t == top
    return last.x_t


def exact(x0: Tensor, schedule=None, top: int = TOP) -> Tensor:
    """In one dimension no two points overtake each other: the quantile of x_0 is that of x_t."""
    schedule = schedule or cosine(1000)
    return DATA.marginal(float(schedule.signal[top]), float(schedule.noise[top])).quantile(DATA.cdf(x0))


@pytest.mark.parametrize("schedule", [cosine(1000), flow(1000)], ids=["cosine", "flow"])
def test_it_goes_where_the_equation_leads_and_is_of_first_order(schedule):
    """Twice the steps, half the error."""
    wanted = exact(X0, schedule)
    errors = [float((up(X0, steps, schedule) - wanted).abs().mean()) for steps in (25, 50, 100, 200)]
    assert errors[-1] < 0.02
    for coarse, fine in zip(errors, errors[1:], strict=False):
        assert 1.6 < coarse / fine < 2.4, errors


def test_up_and_down_again_is_the_same_picture_as_nearly_as_steps_are_short():
    schedule, errors = cosine(1000), []
    for steps in (25, 50, 100, 200):
        times = timesteps(schedule, steps, start=TOP)
        *_, back = sample(DATA.denoiser(schedule), schedule, x_start=up(X0, steps), sampler=Sampler("ddim"), times=times)
        errors.append(float((back.x_t - X0).abs().mean()))
    assert errors[-1] < 0.02
    for coarse, fine in zip(errors, errors[1:], strict=False):
        assert 1.5 < coarse / fine < 2.6, errors


def test_steps_go_up_from_0_and_the_network_is_never_asked_below_1():
    asked, schedule = [], cosine(100)

    def denoiser(x, t, cond):
        asked.append((t, cond))
        return DATA.denoiser(schedule)(x, t)

    states = list(invert(denoiser, schedule, X0, [0, 20, 60, 100], cond="told"))
    assert [state.t for state in states] == [0, 20, 60, 100] and asked == [(1, "told"), (20, "told"), (60, "told")]
    torch.testing.assert_close(states[0].x_t, X0)
    torch.testing.assert_close(states[0].x0_hat, X0)


@pytest.mark.parametrize("times", [[100, 50, 0], [0], [10, 50], [0, 50, 50], [-1, 50]])
def test_times_that_do_not_rise_from_0_are_refused(times):
    with pytest.raises(ValueError, match="rise|0…100"):
        list(invert(DATA.denoiser(cosine(100)), cosine(100), X0, times))


def test_two_walks_up_are_the_same():
    """There is no chance in it, or a picture would have no noise of its own."""
    assert torch.equal(up(X0, 10), up(X0, 10))
