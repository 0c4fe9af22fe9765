"""The labelled equations of chapter 4, each under its label's name: the package against the formula written out.

tests/test_sampling.py compares whole samplers with the papers.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import Sampler, fresh_std, sample, step_std, update
from diffusion_utils.schedules import cosine, flow, linear

SCHEDULES = [cosine(1000), linear(1000), flow(1000)]
PAIRS = [(999, 998), (900, 400), (400, 30), (2, 1)]
DATA = GaussianMixture([[-1.0], [0.2], [0.9]], [0.3, 0.3, 0.3])
every_step = pytest.mark.parametrize(("schedule", "t", "s"), [(a, t, s) for a in SCHEDULES for t, s in PAIRS],
                                     ids=lambda value: getattr(value, "name", str(value)))


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def levels(schedule, t: int, s: int) -> tuple[float, float, float, float]:
    """signal_t, noise_t, signal_s, noise_s."""
    return tuple(float(column[k]) for k in (t, s) for column in (schedule.signal, schedule.noise))


@every_step
def test_eq_sampling_mix(schedule, t: int, s: int) -> None:
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    x_t, D, z = random(3, 20)
    u = 0.6 * noise_s
    mixed = signal_s * D + math.sqrt(noise_s**2 - u**2) * (x_t - signal_t * D) / noise_t + u * z
    torch.testing.assert_close(update(schedule, x_t, t, s, D, u=u, z=z), mixed, rtol=1e-12, atol=1e-12)


@every_step
def test_eq_sampling_update(schedule, t: int, s: int) -> None:
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    x_t, D, z = random(3, 20)
    u = 0.6 * noise_s
    d = math.sqrt(noise_s**2 - u**2)
    wanted = d / noise_t * x_t + (signal_s - signal_t * d / noise_t) * D + u * z
    torch.testing.assert_close(update(schedule, x_t, t, s, D, u=u, z=z), wanted, rtol=1e-12, atol=1e-12)


@every_step
def test_eq_sampling_ddim(schedule, t: int, s: int) -> None:
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    x0_hat, eps_hat = random(2, 20)
    x_s = update(schedule, signal_t * x0_hat + noise_t * eps_hat, t, s, x0_hat)
    torch.testing.assert_close(x_s, signal_s * x0_hat + noise_s * eps_hat, rtol=1e-12, atol=1e-12)


@every_step
def test_eq_sampling_eta(schedule, t: int, s: int) -> None:
    """At η = 1 u makes x_t and x_s as related as the forward process does: the covariance of the two, given x_0."""
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    for eta in (0.0, 0.3, 1.0):
        u = eta * noise_s * math.sqrt(1 - (signal_t / noise_t) ** 2 / (signal_s / noise_s) ** 2)
        assert float(fresh_std(schedule, t, s, eta)) == pytest.approx(u, rel=1e-9)  # the bracket may lose three digits
    assert math.sqrt(noise_s**2 - u**2) * noise_t == pytest.approx(noise_s**2 * signal_t / signal_s, rel=1e-9)


@every_step
def test_eq_sampling_large(schedule, t: int, s: int) -> None:
    """The variance that turns noise_s², scaled to t, into noise_t²."""
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    assert (signal_t / signal_s * noise_s) ** 2 + float(step_std(schedule, t, s)) ** 2 == pytest.approx(noise_t**2, abs=1e-12)
    if schedule.is_variance_preserving and s == t - 1:
        assert float(step_std(schedule, t, s)) ** 2 == pytest.approx(float(schedule.beta[t]), abs=1e-12)


@every_step
def test_eq_sampling_euler(schedule, t: int, s: int) -> None:
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    sigma_t, sigma_s = noise_t / signal_t, noise_s / signal_s
    x_t, x0_hat = random(2, 20)
    x_bar = x_t / signal_t + (sigma_s - sigma_t) * (x_t / signal_t - x0_hat) / sigma_t
    # x̄ near T is x divided by a signal of 1e-3, and the comparison is made in x.
    torch.testing.assert_close(update(schedule, x_t, t, s, x0_hat), signal_s * x_bar, rtol=1e-9, atol=1e-11)


def test_eq_sampling_flow() -> None:
    """The exact curves, from quantiles, have the slope ε̂: a central difference in σ."""
    schedule, levels_of_crowd = cosine(1000, offset=0.0), torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    for t in (50, 300, 700):
        x_bar, sigma = {}, {}
        for k in (t - 1, t, t + 1):
            signal, noise = float(schedule.signal[k]), float(schedule.noise[k])
            x_bar[k], sigma[k] = DATA.marginal(signal, noise).quantile(levels_of_crowd) / signal, noise / signal
        slope = (x_bar[t + 1] - x_bar[t - 1]) / (sigma[t + 1] - sigma[t - 1])
        eps_hat = DATA.denoiser(schedule)(x_bar[t] * schedule.signal[t], t).eps_hat
        # The strides to either side differ by about a hundredth, and the second derivative is of order 1.
        torch.testing.assert_close(slope, eps_hat, rtol=0, atol=1e-3)


def heun_step(schedule, x_t: Tensor, t: int, s: int) -> Tensor:
    """What the package's Heun sampler makes of one step: the state it yields at s."""
    states = list(sample(DATA.denoiser(schedule), schedule, x_start=x_t, sampler=Sampler("heun"), times=[t, s, 0]))
    return states[1].x_t


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_eq_sampling_slopes(t: int, s: int) -> None:
    schedule, denoise = linear(1000), DATA.denoiser(linear(1000))
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    sigma_t, sigma_s = noise_t / signal_t, noise_s / signal_s
    x_t = random(20, 1)
    slope = (x_t / signal_t - denoise(x_t, t).x0_hat) / sigma_t
    euler = x_t / signal_t + (sigma_s - sigma_t) * slope
    slope_there = (euler - denoise(signal_s * euler, s).x0_hat) / sigma_s
    wanted = signal_s * (x_t / signal_t + (sigma_s - sigma_t) * (slope + slope_there) / 2)
    torch.testing.assert_close(heun_step(schedule, x_t, t, s), wanted, rtol=1e-9, atol=1e-9)  # σ up to 150 cancels


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_eq_sampling_heun(t: int, s: int) -> None:
    schedule, denoise = linear(1000), DATA.denoiser(linear(1000))
    signal_t, noise_t, signal_s, noise_s = levels(schedule, t, s)
    x_t = random(20, 1)
    D = denoise(x_t, t).x0_hat
    there = denoise(update(schedule, x_t, t, s, D), s).x0_hat
    D = D + noise_t / signal_t / (2 * noise_s / signal_s) * (there - D)
    torch.testing.assert_close(heun_step(schedule, x_t, t, s), update(schedule, x_t, t, s, D), rtol=1e-12, atol=1e-12)


def test_eq_sampling_integral() -> None:
    """The exact curves again: x̄_s from x̄_t and the integral of e^λ·x̂₀ along the curve, by the trapezium rule."""
    schedule, t, s = cosine(1000, offset=0.0), 600, 200
    crowd = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    times = list(range(t, s - 1, -1))
    signal, noise, lam = schedule.signal[times], schedule.noise[times], schedule.log_snr[times]
    curve = [DATA.marginal(float(a), float(b)).quantile(crowd) for a, b in zip(signal, noise, strict=True)]
    estimates = torch.stack([DATA.denoiser(schedule)(x, k).x0_hat for x, k in zip(curve, times, strict=True)])
    integral = torch.trapezoid(lam.exp()[:, None, None] * estimates, lam, dim=0)
    sigma_t, sigma_s = noise[0] / signal[0], noise[-1] / signal[-1]
    wanted = sigma_s / sigma_t * curve[0] / signal[0] + sigma_s * integral
    # 400 intervals of about 0.004 in λ: the rule's error is of order 0.004²/12 times a second derivative of order 10.
    torch.testing.assert_close(curve[-1] / signal[-1], wanted, rtol=0, atol=1e-4)


def test_eq_sampling_two_step() -> None:
    schedule, times = cosine(1000), [800, 610, 333, 0]
    lam, x = schedule.log_snr, random(20, 1)
    states = list(sample(DATA.denoiser(schedule), schedule, x_start=x, sampler=Sampler("dpmpp_2m"), times=times))
    r = float((lam[610] - lam[800]) / (lam[333] - lam[610]))
    D = states[1].x0_hat + (states[1].x0_hat - states[0].x0_hat) / (2 * r)
    torch.testing.assert_close(states[2].x_t, update(schedule, states[1].x_t, 610, 333, D), rtol=1e-12, atol=1e-12)

    # For estimates that are a straight line in λ, D is that line's value in the middle of the step.
    def straight(x_t: Tensor, t: int, cond=None) -> Prediction:
        return Prediction(torch.full_like(x_t, 0.3 + 0.1 * float(lam[t])), x_t)

    states = list(sample(straight, schedule, x_start=x, sampler=Sampler("dpmpp_2m"), times=times))
    middle = torch.full_like(x, 0.3 + 0.1 * float(lam[610] + lam[333]) / 2)
    torch.testing.assert_close(states[2].x_t, update(schedule, states[1].x_t, 610, 333, middle), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_eq_sampling_order(sampler: str, order: int) -> None:
    """As chapter 4 measures it: from 10 to 40 steps the error falls by about 4^order."""
    schedule = cosine(1000, offset=0.0)
    crowd = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    start = DATA.marginal(float(schedule.signal[-1]), float(schedule.noise[-1])).quantile(crowd)
    ends = [list(sample(DATA.denoiser(schedule), schedule, x_start=start, sampler=Sampler(sampler, steps=n)))[-1].x_t
            for n in (10, 40)]
    few, many = (float((end - DATA.quantile(crowd)).abs().mean()) for end in ends)
    assert math.log(few / many, 4) == pytest.approx(order, abs=1 / 3)  # 10 steps are few for the law to hold exactly
