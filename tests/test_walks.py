"""Walks: where they start and end, their spacings, and the steps that go up again."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from cases import ALL, VP, ZERO_SNR, elementwise_gaussian, last_of, name
from torch import Tensor

from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.sampling import (
    SAMPLERS,
    SPACINGS,
    Sampler,
    sample,
    timesteps,
)
from diffusion_utils.schedules import Schedule, cosine, flow, linear, sigmoid

# Walks


@pytest.mark.parametrize("schedule", [cosine(60), linear(60, 2e-3, 0.3), flow(60), sigmoid(60)], ids=name)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_walk_starts_at_its_start_and_ends_at_the_data(schedule: Schedule, spacing: str) -> None:
    for start in (1, 2, 7, 59, 60):
        for steps in range(1, start + 1):
            walk = timesteps(schedule, steps, spacing, start)
            assert walk[0] == start and walk[-1] == 0 and len(walk) == steps + 1
            assert all(t > s for t, s in itertools.pairwise(walk)), walk


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 30, 999, 1000])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_walks_of_long_schedules(schedule: Schedule, spacing: str, steps: int) -> None:
    walk = timesteps(schedule, steps, spacing)
    assert walk[0] == 1000 and walk[-1] == 0 and len(set(walk)) == steps + 1


def test_log_snr_spacing_has_equal_strides_of_lambda() -> None:
    schedule = linear(1000)
    lam = schedule.log_snr[timesteps(schedule, 10, "log_snr")[:-1]]
    strides = lam.diff()
    # Whole t: near t = 1 neighbours are up to 0.4 apart in λ, so a stride is off by at most half of that at either end.
    assert float((strides - strides.mean()).abs().max()) < 0.4


@pytest.mark.parametrize("start", [1000, 700])
@pytest.mark.parametrize("schedule", [linear(1000), flow(1000), ZERO_SNR], ids=name)
def test_log_snr_times_are_the_nearest_to_equal_strides(schedule: Schedule, start: int) -> None:
    """From λ at the start, or at the time before where no signal is left there, to λ_1, and in the last step to the data."""
    lam = schedule.log_snr.tolist()
    first = lam[start] if math.isfinite(lam[start]) else lam[start - 1]
    wanted = [first + (lam[1] - first) * i / 9 for i in range(10)]
    nearest = [min(range(1, start), key=lambda t: abs(lam[t] - w)) for w in wanted[1:]]
    assert timesteps(schedule, 10, "log_snr", start) == [start, *nearest, 0]


def test_times_that_round_to_the_same_are_pushed_apart_by_one() -> None:
    """60 equal strides of λ are 0.16 long, and near the data neighbouring t lie up to 0.4 apart: there each t is taken."""
    assert timesteps(linear(1000), 60, "log_snr")[-9:] == list(range(8, -1, -1))
    assert timesteps(cosine(1000), 50, "late")[:4] == [1000, 999, 998, 996]  # from 1000, 999.6, 998.4, 996.4


def test_late_spacing_has_strides_that_grow_evenly() -> None:
    """The times fall as 1 − u² does: strides of 1, 3, 5, … hundredths of the way in ten steps."""
    walk = timesteps(cosine(1000), 10, "late")
    assert [t - s for t, s in itertools.pairwise(walk)] == [10, 30, 50, 70, 90, 110, 130, 150, 170, 190]
    assert timesteps(cosine(1000), 10, "late", 500) == [500, 495, 480, 455, 420, 375, 320, 255, 180, 95, 0]
    assert timesteps(cosine(1000), 10, 2.0) == walk and timesteps(cosine(1000), 10, 1) == timesteps(cosine(1000), 10)
    assert timesteps(cosine(1000), 10, np.float32(2)) == timesteps(cosine(1000), 10, np.int64(2)) == walk
    assert timesteps(cosine(1000), 4, 1.5) == [1000, 875, 646, 350, 0]  # 1 − (i/4)^1.5: 1/8, 0.3536, 0.6495 of the way


def test_the_states_are_those_of_the_walk() -> None:
    states = list(sample(elementwise_gaussian(VP[0]), VP[0], (2, 3), Sampler(steps=7)))
    assert [state.t for state in states] == timesteps(VP[0], 7)
    assert torch.equal(states[-1].x_t, states[-1].x0_hat)
    assert all(state.x_t.shape == state.x0_hat.shape == (2, 3) for state in states)
    torch.testing.assert_close(states[0].x0_hat, elementwise_gaussian(VP[0])(states[0].x_t, 1000).x0_hat)


def test_after_step_is_told_where_it_is_and_has_the_last_word() -> None:
    seen = []

    def write_in(x: Tensor, s: int) -> Tensor:
        seen.append(s)
        return torch.full_like(x, 0.5) if s == 0 else x

    found = last_of(elementwise_gaussian(VP[0]), VP[0], (2, 3), steps=4, after_step=write_in)
    assert torch.equal(found, torch.full((2, 3), 0.5))
    assert seen == [750, 500, 250, 0]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_walk_may_go_up_again(sampler: str) -> None:
    """The forward kernel keeps marginals, so walking up and down again changes the digits, not their distribution."""
    schedule, mean, std, n = cosine(1000), 0.4, 0.5, 10_000
    walk = timesteps(schedule, 50)
    walk = walk[:41] + walk[30:41] + walk[30:]  # down to t = 200, twice up to 400, and on to 0
    found = last_of(elementwise_gaussian(schedule, mean, std), schedule, (10, n // 10), sampler=sampler, times=walk).double()
    # Five standard errors, and 1/50 for fifty first-order steps.
    assert float(found.mean()) == pytest.approx(mean, abs=5 * std / n**0.5 + 0.02)
    assert float(found.var()) == pytest.approx(std**2, abs=5 * std**2 * (2 / n) ** 0.5 + 0.02)


@pytest.mark.parametrize("schedule", [flow(1000), ZERO_SNR], ids=name)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("variance", ["posterior", "large"])
def test_no_signal_at_all_at_the_start(schedule: Schedule, sampler: str, spacing: str, variance: str) -> None:
    points = torch.cartesian_prod(*2 * [torch.tensor([-1.0, 0.0, 1.0])]).double()
    for steps in (1, 2, 5, 50):
        found = last_of(ExactDenoiser(points, schedule), schedule, (8, 2), sampler=sampler, steps=steps, spacing=spacing,
                        variance=variance)
        assert torch.isfinite(found).all()
        assert float(found.abs().max()) < 1 + 1e-5  # the last step returns an average of points
