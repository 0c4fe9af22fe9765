"""The variational bound on Gaussian grey values with a linear denoiser, whose terms are all integrals we can do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from diffusion_utils.denoiser import Prediction
from diffusion_utils.losses import bound_term, prior_term, reconstruction_term
from diffusion_utils.schedules import cosine

T, STD, N, LEVELS = 100, 0.3, 20_000, 256
SCHEDULE = cosine(T)
SIGNAL, NOISE = SCHEDULE.signal, SCHEDULE.noise
SLOPE = SIGNAL * STD**2 / (SIGNAL**2 * STD**2 + NOISE**2)  # x̂₀ = SLOPE_t·x_t, exact for N(0, STD²)
GREYS = np.linspace(-1, 1, LEVELS)
EDGES = np.concatenate([[-np.inf], (GREYS[1:] + GREYS[:-1]) / 2, [np.inf]])
MASSES = np.diff(stats.norm(0, STD).cdf(EDGES))            # N(0, STD²) rounded to the grey values


def denoiser(x_t: Tensor, t: Tensor, cond=None) -> Prediction:
    return Prediction(SLOPE[t][:, None] * x_t, x_t)


def expected_terms() -> list[float]:
    """The average over data and noise of L_0, of each L_(t−1) for t = 2…T, and of L_T, in nats."""
    square = float(MASSES @ GREYS**2)
    eps = np.linspace(-6, 6, 1201)                          # what lies beyond has the probability 2e-9
    centre = float(SLOPE[1]) * (float(SIGNAL[1]) * GREYS[:, None] + float(NOISE[1]) * eps)
    upper, lower = (stats.norm.cdf((edge[:, None] - centre) / float(NOISE[1])) for edge in (EDGES[1:], EDGES[:-1]))
    terms = [float(-MASSES @ np.log(upper - lower) @ stats.norm.pdf(eps) * 0.01)]
    for t in range(2, T + 1):
        error = (1 - SLOPE[t] * SIGNAL[t]) ** 2 * square + (SLOPE[t] * NOISE[t]) ** 2
        terms.append(float(0.5 * (SCHEDULE.snr[t - 1] - SCHEDULE.snr[t]) * error))
    return [*terms, float(0.5 * (SIGNAL[T] ** 2 * square + NOISE[T] ** 2 - 1 - 2 * NOISE[T].log()))]


def test_every_term_of_the_bound_has_its_exact_average() -> None:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.from_numpy(np.random.default_rng(0).choice(GREYS, (N, 1), p=MASSES / MASSES.sum()))

    def noise() -> Tensor:
        return torch.randn((N, 1), generator=generator, dtype=torch.float64)

    found = [reconstruction_term(denoiser, SCHEDULE, x0, noise())]
    found += [bound_term(denoiser, SCHEDULE, x0, torch.full((N,), t), noise()) for t in range(2, T + 1)]
    found.append(prior_term(SCHEDULE, x0))
    assert len(found) == T + 1
    for t, (term, wanted) in enumerate(zip(found, expected_terms(), strict=True)):
        standard_error = float(term.std()) / N**0.5
        # Five standard errors: the chance that one of the 101 right averages strays so far is 6e-5. The 1e-6 is
        # for L_0's sum over ε and for L_T, whose average over the data is no average over noise.
        assert float(term.mean()) == pytest.approx(wanted, abs=5 * standard_error + 1e-6), f"term {t}"


def test_the_bound_lies_above_the_entropy() -> None:
    """No model can average fewer nats than the entropy of the data; what this one wastes is the price of only 100 steps."""
    bound, entropy = sum(expected_terms()), float(-MASSES @ np.log(MASSES))
    assert entropy < bound < entropy + 1
