"""The labelled equations of chapter 12, each under its label's name: the package against the formula written out."""

from __future__ import annotations

import math

import torch

from diffusion_utils.data.windows import scale_of
from diffusion_utils.denoiser import Prediction
from diffusion_utils.forecast import frame_of
from diffusion_utils.guidance import observed
from diffusion_utils.losses import diffusion_loss
from diffusion_utils.metrics.series import fair_crps
from diffusion_utils.networks.window_gaussian import WindowGaussian
from diffusion_utils.schedules import cosine

SHAPE = (3, 2, 8)  # windows, series, hours
G = torch.Generator().manual_seed(0)
KNOWN, X_T, GUESS = (torch.randn(SHAPE, generator=G, dtype=torch.float64) for _ in range(3))
MASK = (torch.rand(SHAPE, generator=G) < 0.6).double()
SCHEDULE = cosine(1000)
USUAL = torch.tensor([0.7, 1.6])  # standard deviation of a window of either series


def test_eq_observed() -> None:
    told = observed(lambda x, t, cond: Prediction(GUESS, x), SCHEDULE, KNOWN, MASK)(X_T, 400)
    x0_hat = MASK * KNOWN + (1 - MASK) * GUESS
    signal, noise = float(SCHEDULE.signal[400]), float(SCHEDULE.noise[400])
    torch.testing.assert_close(told.x0_hat, x0_hat, rtol=0, atol=0)
    torch.testing.assert_close(told.eps_hat, (X_T - signal * x0_hat) / noise, rtol=1e-12, atol=1e-12)


def test_eq_series_loss() -> None:
    """Of a network that answers what it is told as `known`, with the target x0: only missing values count, each as much."""
    missing, t = 1 - MASK, torch.tensor([5, 400, 990])
    loss = diffusion_loss(lambda x, time, cond: cond, SCHEDULE, "x0", GUESS, t, X_T, KNOWN, missing)
    wanted = (missing * (GUESS - KNOWN) ** 2).sum() / missing.sum()
    torch.testing.assert_close(loss.double(), wanted, rtol=1e-6, atol=0)  # some of it is float32


def test_eq_window_scale() -> None:
    mean, std = scale_of(KNOWN, MASK)
    for window in range(3):
        for series in range(2):
            seen = KNOWN[window, series][MASK[window, series] > 0]
            level = seen.mean()
            wanted = math.sqrt((float(((seen - level) ** 2).sum()) + 8 * 0.25) / (len(seen) + 8))
            torch.testing.assert_close(mean[window, series, 0], level, rtol=1e-12, atol=1e-12)
            assert math.isclose(float(std[window, series, 0]), wanted, rel_tol=1e-12)


def learnt() -> WindowGaussian:
    gaussian = WindowGaussian(2, 8)
    wave = torch.sin(torch.arange(400.0) / 3)
    gaussian.learn(torch.stack([wave, wave.roll(2)]) + 0.3 * torch.randn(2, 400, generator=G), USUAL)
    return gaussian


def test_eq_window_gaussian() -> None:
    gaussian, mask = learnt(), MASK[:1]
    mean, std = gaussian.fill((mask * KNOWN[:1]).float(), mask.float())
    K, o = gaussian.covariance(), mask[0].flatten() > 0
    weights = K[~o][:, o] @ torch.linalg.inv(K[o][:, o])
    covariance = K[~o][:, ~o] - weights @ K[o][:, ~o]
    # The answers are float32, of a covariance whose values are of order 1 to 10 and whose nugget is 0.01.
    torch.testing.assert_close(mean.flatten()[~o].double(), weights @ KNOWN[0].flatten()[o], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(std.flatten()[~o].double(), covariance.diagonal().sqrt(), rtol=1e-4, atol=1e-4)


def test_eq_residual() -> None:
    """The Gaussian's mean and standard deviation, the latter by half as large as the window's own is unusually large."""
    gaussian, mask = learnt(), MASK.float()
    frame = frame_of((MASK * KNOWN).float(), mask, torch.zeros(3, 4, 8), gaussian)
    level, scale = scale_of((MASK * KNOWN).float(), mask)
    mean, std = gaussian.fill(mask * (KNOWN.float() - level), mask)
    missing = mask == 0
    torch.testing.assert_close(frame.centre[missing], (level + mean)[missing])
    torch.testing.assert_close(frame.spread[missing], (std * (scale / USUAL[:, None]).sqrt())[missing])
    x0 = GUESS.float()
    torch.testing.assert_close(frame.centre + frame.spread * frame.state(x0), x0)


def test_eq_crps() -> None:
    """Against the closed form of a normal distribution, y·(2Φ(y) − 1) + 2φ(y) − 1/√π (Gneiting & Raftery 2007, section 4.2)."""
    y = torch.tensor([-1.5, 0.0, 0.4, 2.0], dtype=torch.float64)
    samples = torch.randn(200_000, 1, generator=G, dtype=torch.float64).expand(-1, 4)
    normal = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)
    wanted = y * (2 * normal.cdf(y) - 1) + 2 * normal.log_prob(y).exp() - math.pi**-0.5
    torch.testing.assert_close(fair_crps(samples, y), wanted, rtol=0, atol=5 * 200_000**-0.5)  # |X − y| varies by about 1


def test_eq_fair_crps() -> None:
    samples, truth = GUESS, X_T[0]
    pairs = sum((samples[i] - samples[j]).abs() for i in range(3) for j in range(3) if i != j)
    wanted = (samples - truth).abs().mean(0) - pairs / 6 / 2
    torch.testing.assert_close(fair_crps(samples, truth), wanted, rtol=1e-12, atol=1e-12)
