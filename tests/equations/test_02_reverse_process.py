"""The labelled equations of chapter 2, each by another road than the package's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from diffusion_utils.denoiser import score_from_eps, target
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.sampling import Sampler, posterior_std, sample, step_std, update
from diffusion_utils.schedules import Schedule, cosine, flow, linear

COSINE, LINEAR, FLOW = cosine(1000), linear(1000), flow(1000)
BUMPS = GaussianMixture([[-0.9], [0.9]], [0.2, 0.2])
GRID = torch.linspace(-10, 10, 40_001, dtype=torch.float64)  # sums over it are integrals to about 1e-12
CELL = float(GRID[1] - GRID[0])
ONE = torch.ones(1, 1, dtype=torch.float64)
steps = pytest.mark.parametrize(("schedule", "t", "s"), [(COSINE, 500, 499), (COSINE, 900, 300), (LINEAR, 40, 10),
                                                         (FLOW, 700, 200), (FLOW, 500, 499)])


def table(schedule: Schedule, t: int) -> tuple[float, float]:
    return float(schedule.signal[t]), float(schedule.noise[t])


def posterior_on_grid(schedule: Schedule, t: int, s: int, x_t: float, x0: float) -> torch.Tensor:
    """q(x_s | x_t, x_0) as the normalised product of two densities, with the forward kernel from the marginals."""
    (a_t, b_t), (a_s, b_s) = table(schedule, t), table(schedule, s)
    kept = a_t / a_s
    kernel = Normal(kept * GRID, math.sqrt(b_t**2 - kept**2 * b_s**2))
    product = (kernel.log_prob(torch.tensor(x_t, dtype=torch.float64)) + Normal(a_s * x0, b_s).log_prob(GRID)).exp()
    return product / (product.sum() * CELL)


def grid_moments(density: torch.Tensor) -> tuple[float, float]:
    mean = float((density * GRID).sum() * CELL)
    return mean, float((density * (GRID - mean) ** 2).sum() * CELL)


def mean_of_update(schedule: Schedule, t: int, s: int, x_t: float, D: float) -> float:
    return float(update(schedule, x_t * ONE, t, s, D * ONE, u=posterior_std(schedule, t, s), z=0 * ONE))


def test_eq_reverse_bayes() -> None:
    """With the true q(x_t) below the line, and not just normalised."""
    t, s, x_t = 500, 300, torch.tensor([0.2], dtype=torch.float64)
    likelihood = Normal(COSINE.signal[t] / COSINE.signal[s] * GRID, step_std(COSINE, t, s)).log_prob(x_t)
    before, now = (BUMPS.marginal(*table(COSINE, k)) for k in (s, t))
    right = (likelihood + before.log_density(GRID[:, None]) - now.log_density(x_t[None])).exp()
    left = BUMPS.step_back(COSINE, x_t, t, s).log_density(GRID[:, None]).exp()
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-12)


@steps
def test_eq_reverse_posterior(schedule, t, s) -> None:
    density = posterior_on_grid(schedule, t, s, 0.7, -0.4)
    mean = torch.tensor(mean_of_update(schedule, t, s, 0.7, -0.4), dtype=torch.float64)
    gaussian = Normal(mean, posterior_std(schedule, t, s))
    torch.testing.assert_close(density, gaussian.log_prob(GRID).exp(), rtol=0, atol=1e-7 * float(density.max()))


@steps
def test_eq_reverse_posterior_variance(schedule, t, s) -> None:
    _, variance = grid_moments(posterior_on_grid(schedule, t, s, 0.7, -0.4))
    u_squared = schedule.noise[s] ** 2 * (1 - schedule.snr[t] / schedule.snr[s])
    assert float(u_squared) == pytest.approx(variance, rel=1e-7)
    assert float(posterior_std(schedule, t, s)) ** 2 == pytest.approx(variance, rel=1e-7)
    d = mean_of_update(schedule, t, s, 1, 0) * float(schedule.noise[t])  # the coefficient of x_t is d/noise_t
    assert d**2 + variance == pytest.approx(float(schedule.noise[s]) ** 2, rel=1e-7)


@steps
def test_eq_reverse_posterior_mean(schedule, t, s) -> None:
    mean, variance = grid_moments(posterior_on_grid(schedule, t, s, 0.7, -0.4))
    (a_t, b_t), (a_s, b_s) = table(schedule, t), table(schedule, s)
    assert a_s * -0.4 + math.sqrt(b_s**2 - variance) * (0.7 - a_t * -0.4) / b_t == pytest.approx(mean, abs=1e-7)


@pytest.mark.parametrize("schedule", [COSINE, LINEAR], ids=["cosine", "linear"])
def test_eq_reverse_ddpm(schedule) -> None:
    for t in (2, 3, 100, 500, 999, 1000):
        bar, before, alpha, beta = (float(x) for x in (schedule.alpha_bar[t], schedule.alpha_bar[t - 1],
                                                      schedule.alpha[t], schedule.beta[t]))
        # 1 − ᾱ loses digits where ᾱ is near 1, at small t: about 2⁻⁵²/1e-4
        assert mean_of_update(schedule, t, t - 1, 0, 1) == pytest.approx(math.sqrt(before) * beta / (1 - bar), rel=1e-10)
        assert mean_of_update(schedule, t, t - 1, 1, 0) == pytest.approx(
            math.sqrt(alpha) * (1 - before) / (1 - bar), rel=1e-10)
        assert float(posterior_std(schedule, t, t - 1)) ** 2 == pytest.approx((1 - before) / (1 - bar) * beta, rel=1e-10)


@steps
def test_eq_reverse_mean(schedule, t, s) -> None:
    true, _ = BUMPS.step_back(schedule, torch.tensor([0.2], dtype=torch.float64), t, s).moments()
    x0_hat, _ = BUMPS.step_back(schedule, torch.tensor([0.2], dtype=torch.float64), t, 0).moments()
    assert mean_of_update(schedule, t, s, 0.2, float(x0_hat)) == pytest.approx(float(true), abs=1e-10)


@steps
def test_eq_reverse_variance(schedule, t, s) -> None:
    _, true = BUMPS.step_back(schedule, torch.tensor([0.2], dtype=torch.float64), t, s).moments()
    _, ignorance = BUMPS.step_back(schedule, torch.tensor([0.2], dtype=torch.float64), t, 0).moments()
    c = mean_of_update(schedule, t, s, 0, 1)
    assert float(posterior_std(schedule, t, s)) ** 2 + c**2 * float(ignorance) == pytest.approx(float(true), rel=1e-8)


def test_eq_reverse_model() -> None:
    """p(x_T) is standard Gaussian, and a step is its mean plus std·z."""
    start = next(sample(ExactDenoiser(torch.zeros(1, 100, 100), COSINE), COSINE, (4, 100, 100), Sampler(steps=2))).x_t
    n = start.numel()
    assert abs(float(start.mean())) < 4 / math.sqrt(n) and abs(float(start.var()) - 1) < 4 * math.sqrt(2 / n)
    x_t, D, z = torch.randn((3, 50, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u = posterior_std(COSINE, 600, 500)
    noisy, mean = (update(COSINE, x_t, 600, 500, D, u=u, z=noise) for noise in (z, 0 * z))
    torch.testing.assert_close(noisy - mean, u * z, rtol=0, atol=1e-14)
    large = step_std(COSINE, 600, 500)  # another Σ_θ keeps the mean
    torch.testing.assert_close(update(COSINE, x_t, 600, 500, D, u=u, std=large, z=z) - mean, large * z, rtol=0, atol=1e-14)


@steps
def test_eq_reverse_mu(schedule, t, s) -> None:
    (a_t, b_t), (a_s, b_s) = table(schedule, t), table(schedule, s)
    d = math.sqrt(b_s**2 - float(posterior_std(schedule, t, s)) ** 2)
    expected = d / b_t * 0.7 + (a_s - a_t * d / b_t) * -0.4
    assert mean_of_update(schedule, t, s, 0.7, -0.4) == pytest.approx(expected, abs=1e-13)


def test_eq_reverse_mu_eps() -> None:
    for t in (2, 100, 900):
        (a, b), eps = table(LINEAR, t), 0.3
        expected = (0.7 - float(LINEAR.beta[t]) / b * eps) / math.sqrt(float(LINEAR.alpha[t]))
        assert mean_of_update(LINEAR, t, t - 1, 0.7, (0.7 - b * eps) / a) == pytest.approx(expected, abs=1e-11)


def test_eq_reverse_v() -> None:
    x0, eps = torch.tensor([0.3, -1.0]), torch.tensor([1.2, 0.1])
    torch.testing.assert_close(target("v", x0, eps, torch.tensor(0.6), torch.tensor(0.8)), 0.6 * eps - 0.8 * x0)


def test_eq_reverse_score() -> None:
    """E[ε | x_t] by integration over x_0; the score by automatic differentiation."""
    (signal, noise), x_t = table(COSINE, 400), torch.tensor([[-0.8], [0.1], [1.4]], dtype=torch.float64)
    weights = (BUMPS.log_density(GRID[:, None]) + Normal(signal * GRID, noise).log_prob(x_t)).exp()
    eps_hat = (weights * (x_t - signal * GRID) / noise).sum(1) / weights.sum(1)
    x_t.requires_grad_()
    gradient, = torch.autograd.grad(BUMPS.marginal(signal, noise).log_density(x_t).sum(), x_t)
    score = score_from_eps(eps_hat, torch.tensor(noise).double())
    torch.testing.assert_close(score, gradient[:, 0], rtol=1e-7, atol=1e-7)


def test_eq_reverse_exact() -> None:
    points, x_t = torch.tensor([[0.0, 1.0], [2.0, 0.0], [-1.0, -1.0]]).double(), torch.tensor([[0.4, 0.3]]).double()
    signal, noise = table(COSINE, 600)
    w = torch.stack([(-(x_t[0] - signal * p).square().sum() / (2 * noise**2)).exp() for p in points])
    denoiser = ExactDenoiser(points, COSINE)
    torch.testing.assert_close(denoiser.weights(x_t, 600)[0], w / w.sum(), rtol=1e-12, atol=0)
    torch.testing.assert_close(denoiser(x_t, 600).x0_hat[0], (w / w.sum()) @ points, rtol=1e-12, atol=1e-15)


def test_eq_reverse_blend() -> None:
    points, x_t = torch.tensor([[0.0], [2.0], [-1.0]]).double(), torch.tensor([[0.4]]).double()
    denoiser = ExactDenoiser(points, COSINE)
    w = denoiser.weights(x_t, 600)[0].tolist()
    assert float(denoiser.blended(x_t, 600)) == pytest.approx(math.exp(-sum(p * math.log(p) for p in w)), rel=1e-12)


@pytest.mark.parametrize("t", [2, 100, 500, 999])
def test_eq_reverse_variance_range(t: int) -> None:
    """A point meets the lower bound, a standard Gaussian the upper one, the bumps lie between them."""
    small, large = (float(std) ** 2 for std in (posterior_std(COSINE, t, t - 1), step_std(COSINE, t, t - 1)))

    def average_variance(data: GaussianMixture) -> float:
        """E Var[x_{t−1} | x_t] as a sum over x_t."""
        x_t = torch.linspace(-6, 6, 241, dtype=torch.float64)
        density = data.marginal(*table(COSINE, t)).log_density(x_t[:, None]).exp()
        variances = torch.stack([data.step_back(COSINE, x[None], t, t - 1).moments()[1][0] for x in x_t])
        return float((density * variances).sum() / density.sum())

    # A bump of width 10⁻⁶ stands for the point. It adds c²·10⁻¹² with c < 1, less than 10⁻⁶ of even the smallest variance.
    assert average_variance(GaussianMixture([[0.3]], [1e-6])) == pytest.approx(small, rel=1e-6)
    assert average_variance(GaussianMixture([[0.0]], [1.0])) == pytest.approx(large, rel=1e-9)
    assert small < average_variance(BUMPS) < large
