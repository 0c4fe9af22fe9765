"""The variational bound: its terms against integrals over a grid, and what an exact denoiser leaves."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from cases import constant, generator, pair
from scipy import stats
from torch.distributions import Normal, kl_divergence

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.losses import (
    bound_term,
    bound_weight,
    prior_term,
    reconstruction_term,
)
from diffusion_utils.sampling import posterior_std, update
from diffusion_utils.schedules import Schedule, cosine, linear

COSINE = cosine(1000)


# The terms of the bound

# One number, x_0 = 0.6, and six large steps that leave signal in x_T, so that no term of the bound is next to nothing.
# In one dimension the integrals over paths are sums over a grid, and for Gaussians that vanish at its ends exact ones.
GREY, X, DX = torch.tensor(0.6, dtype=torch.float64), torch.linspace(-9, 9, 1801, dtype=torch.float64), 0.01
STEPS = Schedule(COSINE.signal[:601:100], COSINE.noise[:601:100], "six large steps")
SLOPES = STEPS.signal * 0.49 / (STEPS.signal**2 * 0.49 + STEPS.noise**2)  # x̂₀ = slope_t·x_t, exact for N(0, 0.7²)


def linear_denoiser(x_t: torch.Tensor, t: torch.Tensor, cond=None) -> Prediction:
    return Prediction(SLOPES[t][:, None] * x_t, x_t)


def model_step(x_t: torch.Tensor, t: int) -> Normal:
    """p_θ(x_{t−1} given x_t) of the package; the last step adds the noise of t = 1, as L_0 says."""
    u = posterior_std(STEPS, t, t - 1)
    return Normal(update(STEPS, x_t, t, t - 1, SLOPES[t] * x_t, u=u, std=0.0), u if t > 1 else STEPS.noise[1])


def true_step(x_t: torch.Tensor, t: int) -> Normal:
    """q(x_{t−1} given x_t) where the data is N(0, 1): then so is each x_t."""
    return Normal(STEPS.alpha[t].sqrt() * x_t, STEPS.beta[t].sqrt())


def known_log_density(step: Callable[[torch.Tensor, int], Normal]) -> float:
    """ln p_θ(x_0): linear steps lead from one Gaussian to the next."""
    variance, one = 1.0, torch.ones((), dtype=torch.float64)
    for t in range(STEPS.T, 0, -1):
        variance = float(step(one, t).mean) ** 2 * variance + float(step(one, t).stddev) ** 2
    return float(Normal(0.0 * GREY, math.sqrt(variance)).log_prob(GREY))  # of floats alone PyTorch would make float32


def forward(t: int) -> torch.Tensor:
    """The share that q(x_t given x_0) has of each point of the grid."""
    return DX * Normal(STEPS.signal[t] * GREY, STEPS.noise[t]).log_prob(X).exp()


def bound(step: Callable[[torch.Tensor, int], Normal]) -> float:
    """The mean under q(x_1…x_T given x_0) of −ln p_θ(x_0…x_T)/q(x_1…x_T given x_0): a sum over neighbours on a path."""
    nats = -float(forward(STEPS.T) @ Normal(0.0, 1.0).log_prob(X))
    for t in range(1, STEPS.T + 1):
        before, share = (X, forward(t - 1)) if t > 1 else (GREY[None], torch.ones(1, dtype=torch.float64))
        kernel = Normal(STEPS.alpha[t].sqrt() * before[:, None], STEPS.beta[t].sqrt()).log_prob(X)
        nats += float(share @ (DX * kernel.exp() * (kernel - step(X, t).log_prob(before[:, None]))).sum(1))
    return nats


@pytest.mark.parametrize("step", [model_step, true_step])
def test_eq_likelihood(step: Callable[[torch.Tensor, int], Normal]) -> None:
    """The integral over all paths that end at x_0, one time after the other, is the density that linear steps have there."""
    density = Normal(0.0, 1.0).log_prob(X).exp()
    for t in range(STEPS.T, 1, -1):
        density = step(X, t).log_prob(X[:, None]).exp() @ density * DX
    density = step(X, 1).log_prob(GREY).exp() @ density * DX
    assert math.log(density) == pytest.approx(known_log_density(step), abs=1e-10)  # sums of 1,801 roundings


def test_eq_elbo() -> None:
    """The bound lies above −ln p_θ(x_0); and on it, where the model's steps back are those of the forward process."""
    assert 0.01 < bound(model_step) + known_log_density(model_step) < 1
    assert bound(true_step) == pytest.approx(-known_log_density(true_step), abs=1e-10)


def test_eq_kl_equal_variance() -> None:
    """L_{t−1} is the divergence of the two Gaussians that the sampler's update describes."""
    x0, eps = pair()
    t = torch.tensor([2, 500, 1000])
    x_t, guess = COSINE.add_noise(x0, t, eps), torch.zeros_like(x0)
    u = posterior_std(COSINE, t, t - 1)
    true, model = (Normal(update(COSINE, x_t, t, t - 1, D, u=u, std=0.0), u[:, None, None, None]) for D in (x0, guess))
    wanted = kl_divergence(true, model).flatten(1).sum(1)
    # as in test_eq_bound_x0: the means' difference is small beside the means, most of all at t = 2
    torch.testing.assert_close(bound_term(constant(guess), COSINE, x0, t, eps), wanted, rtol=1e-7, atol=0)


def test_prior_term_is_the_divergence_from_the_noise_that_sampling_starts_from() -> None:
    x0, _ = pair()
    schedule = linear(1000)
    x_T = Normal(schedule.signal[-1] * x0, schedule.noise[-1])
    wanted = kl_divergence(x_T, Normal(torch.zeros_like(x0), 1.0)).flatten(1).sum(1)
    # both are about 1e-5 a pixel, as a sum of numbers of size 1: 10 digits left
    torch.testing.assert_close(prior_term(schedule, x0), wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("estimate", [-1.0, -0.3, 0.999])
def test_the_masses_of_all_grey_values_sum_to_one(estimate: float) -> None:
    greys = torch.linspace(-1, 1, 256, dtype=torch.float64)[:, None, None, None]
    nats = reconstruction_term(constant(torch.full_like(greys, estimate)), COSINE, greys, torch.zeros_like(greys))
    assert torch.isfinite(nats).all(), "a mass far out in the tail keeps its logarithm"
    assert float(torch.exp(-nats).sum()) == pytest.approx(1, abs=1e-12)


def test_reconstruction_against_the_integral_over_the_bin() -> None:
    grey, estimate, std = torch.tensor(51 / 127.5 - 1), -0.59, float(COSINE.noise[1])
    normal = stats.norm(estimate, std)
    mass = normal.cdf(float(grey) + 1 / 255) - normal.cdf(float(grey) - 1 / 255)
    x0 = grey.double().reshape(1, 1, 1, 1)
    nats = reconstruction_term(constant(torch.full_like(x0, estimate)), COSINE, x0, torch.zeros_like(x0))
    assert float(nats) == pytest.approx(-math.log(mass), rel=1e-9)


def test_eq_bound_terms() -> None:
    """The package's own L_T, L_{t−1} and L_0, each averaged over its x_t alone, add up to the average over paths."""
    data = GREY.expand(len(X), 1)
    eps = [(X[:, None] - STEPS.signal[t] * GREY) / STEPS.noise[t] for t in range(1, STEPS.T + 1)]
    terms = [float(prior_term(STEPS, data)[0])]
    for t in range(2, STEPS.T + 1):
        terms.append(float(forward(t) @ bound_term(linear_denoiser, STEPS, data, torch.full((len(X),), t), eps[t - 1])))
    # L_0 gives a grey value a mass, and paths give it a density: between the two lies the width of a bin, here of a fine one.
    fine = reconstruction_term(linear_denoiser, STEPS, data, eps[0], levels=65_536)
    terms.append(float(forward(1) @ fine) + math.log(2 / 65_535))
    # The density bends within a bin: (2/65,535)²/24 over noise_1², which is 0.03; and a mass of 1e-4 has lost four digits.
    assert sum(terms) == pytest.approx(bound(model_step), abs=1e-7)
    assert min(abs(term) for term in terms) > 0.01  # so that none could be left out


def test_the_terms_of_an_exact_denoiser_are_the_weight_times_what_nobody_can_know() -> None:
    """The posterior variance of x_0, on Gaussian data."""
    std, n = 0.7, 20_000
    data = GaussianMixture(torch.zeros(1, 1), torch.tensor([std]))
    exact = data.denoiser(COSINE)
    x0, eps = data.draw(n, generator(4)), torch.randn((n, 1), generator=generator(5), dtype=torch.float64)
    for t in (2, 300, 900):
        signal, noise = float(COSINE.signal[t]), float(COSINE.noise[t])
        variance = std**2 * noise**2 / (signal**2 * std**2 + noise**2)
        terms = bound_term(lambda x, times, cond=None, t=t: exact(x, t), COSINE, x0, torch.full((n,), t), eps)
        wanted = float(bound_weight(COSINE, t)) * variance
        assert float(terms.mean()) == pytest.approx(wanted, abs=5 * float(terms.std()) / math.sqrt(n))  # 5 standard errors


def test_the_denoiser_of_the_bound_is_asked_about_x_t_at_t_with_the_condition() -> None:
    """Without its label a conditional model would get another bound, and a number all the same."""
    x0, eps = pair()
    seen = []

    def denoiser(x_t: torch.Tensor, t: torch.Tensor, cond=None) -> Prediction:
        seen.append((x_t, t.tolist(), cond))
        return Prediction(x0, eps)

    assert bound_term(denoiser, COSINE, x0, torch.tensor([2, 3, 4]), eps, "label").shape == (3,)
    assert reconstruction_term(denoiser, COSINE, x0, eps, "label").shape == (3,)
    for (x_t, t, cond), wanted in zip(seen, ([2, 3, 4], [1, 1, 1]), strict=True):
        assert (t, cond) == (wanted, "label")
        assert torch.equal(x_t, COSINE.add_noise(x0, torch.tensor(t), eps))


@pytest.mark.parametrize("T", [50, 1000])
def test_the_gap_of_the_bound_closes_as_the_steps_become_small(T: int) -> None:
    """On Gaussian data with the exact denoiser Σ L_{t−1} is a sum over
    steps of SNR that lies above the integral ½∫Var(x_0 given x_t) dSNR = I(x_0; x_1) − I(x_0; x_T), which is known."""
    schedule, variance = cosine(T), 0.7**2
    t = torch.arange(2, T + 1)
    posterior = variance / (1 + variance * schedule.snr[1:])  # Var(x_0 given x_t) at t = 1…T
    above = float((bound_weight(schedule, t) * posterior[1:]).sum())
    below = float((bound_weight(schedule, t) * posterior[:-1]).sum())
    information = 0.5 * torch.log1p(variance * schedule.snr[1:])
    known = float(information[0] - information[-1])
    assert below < known < above
    assert above - known < {50: 0.5, 1000: 0.1}[T] * known  # the gap closes as the steps become small
