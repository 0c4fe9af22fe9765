"""The labelled equations of chapter 14, each under its label's name: facts that hold for the package, and that see mistakes."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.chapters.bugs.symptoms import kurtosis
from diffusion_utils.denoiser import Denoiser, Prediction, eps_from_x0
from diffusion_utils.guidance import guided
from diffusion_utils.noise import SampleNoise
from diffusion_utils.sampling import SAMPLERS, Sampler, sample
from diffusion_utils.schedules import cosine, linear

SCHEDULE = cosine(1000)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("schedule", [cosine(1000), linear(1000)], ids=lambda schedule: schedule.name)
def test_eq_bugs_level(sampler: str, schedule) -> None:
    def denoiser(x_t, t, cond=None) -> Prediction:
        x0_hat = torch.full_like(x_t, 0.5)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t)))

    n = 10_000
    for t, x_t, _ in sample(denoiser, schedule, (10, n // 10), Sampler(sampler, steps=7)):
        rest = x_t.double() - float(schedule.signal[t]) * 0.5
        # Five standard errors of a standard deviation, and float32 rounding where there is no noise left.
        tolerance = 5 / math.sqrt(2 * n) * float(schedule.noise[t]) + 1e-6
        assert float(rest.square().mean().sqrt()) == pytest.approx(float(schedule.noise[t]), abs=tolerance)


@pytest.mark.parametrize("clip", [None, (-1.0, 1.0)])
def test_eq_bugs_pair(clip) -> None:
    denoiser = Denoiser(lambda x, time, cond: 3 * torch.sin(5 * x), SCHEDULE, "v", clip=clip)
    x_t = torch.randn((4, 50), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for t in (1, 300, 999):
        x0_hat, eps_hat, _ = denoiser(x_t, t)
        signal, noise = SCHEDULE.at(t, like=x_t)
        torch.testing.assert_close(signal * x0_hat + noise * eps_hat, x_t, rtol=0, atol=1e-12)


def test_eq_bugs_kurtosis() -> None:
    n = 40_000
    z = SampleNoise(0, range(20), (n // 20,))()
    assert kurtosis(z) == pytest.approx(3, abs=5 * math.sqrt(24 / n))  # five standard errors
    assert kurtosis(4 * z) == pytest.approx(kurtosis(z), rel=1e-6)  # in units of the squared variance


def test_eq_bugs_weight() -> None:
    def denoiser(x_t, t, cond=None) -> Prediction:
        x0_hat = torch.tanh(x_t) if cond is None else torch.cos(x_t)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *SCHEDULE.at(t, like=x_t)))

    x_t = torch.linspace(-2, 2, 9)
    conditional, difference = torch.cos(x_t), torch.cos(x_t) - torch.tanh(x_t)
    assert torch.equal(guided(denoiser, SCHEDULE, 1.0)(x_t, 400, 3).x0_hat, conditional)
    # It is no exception to the rule: beside w = 1 the general formula leads there, but for float32 rounding.
    for weight in (0.99, 1.01):
        wanted = conditional + (weight - 1) * difference
        near = guided(denoiser, SCHEDULE, weight)(x_t, 400, 3).x0_hat
        torch.testing.assert_close(near, wanted, rtol=0, atol=1e-6)
