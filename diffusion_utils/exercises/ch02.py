"""The checks of chapter 2's exercises: the posterior by hand, the best guess between two points, the score from v."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_utils.denoiser import target
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.sampling import posterior_std, update
from diffusion_utils.schedules import cosine, flow, linear

from .verdict import verdict

TOLERANCE = 1e-9  # float64, and nothing that cancels


def check_posterior(function: Callable[[float, float, float, float], tuple[float, float, float]]) -> None:
    """Exercise 1. function(signal_s, noise_s, signal_t, noise_t) is the coefficient of x₀, that of x_t, and the variance."""
    zero = torch.zeros(1, dtype=torch.float64)
    for table in (linear(1000), flow(1000)):
        for t in (2, 500, 1000):
            yours = function(*(float(column[k]) for k in (t - 1, t) for column in (table.signal, table.noise)))
            u = posterior_std(table, t, t - 1)
            wanted = (update(table, zero, t, t - 1, zero + 1, u=u, z=zero),
                      update(table, zero + 1, t, t - 1, zero, u=u, z=zero), u**2)
            for name, a, b in zip(("the coefficient of x₀", "the coefficient of x_t", "the variance"), yours, wanted,
                                  strict=True):
                if not abs(a - float(b)) < TOLERANCE:
                    return verdict(1, f"{name} is off by {abs(a - float(b)):.2g} on the {table.name} schedule at t = {t}")
    return verdict(1)


def check_best_guess(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 2. function(x_t, signal, noise) is E[x₀ given x_t] of data that is −1 or +1; x_t is float64 (61, 1)."""
    schedule = cosine(1000)
    coin = ExactDenoiser(torch.tensor([[-1.0], [1.0]], dtype=torch.float64), schedule)
    x_t = torch.linspace(-3, 3, 61, dtype=torch.float64)[:, None]
    for t in (50, 300, 600, 950):
        yours = function(x_t, *schedule.at(t, like=x_t))
        error = float((yours - coin(x_t, t).x0_hat).abs().max())
        if not error < TOLERANCE:
            return verdict(2, f"at t = {t} yours is off by up to {error:.2g}")
    return verdict(2)


def check_score_from_v(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 3. function(v, x_t, signal, noise) is the score of x_t; v and x_t are float64 (41, 1)."""
    bumps = GaussianMixture(means=[[-0.9], [0.9]], stds=[0.2, 0.2])
    x_t = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    for table in (cosine(1000), flow(1000)):
        for t in (100, 500, 900):
            signal, noise = table.at(t, like=x_t)
            known = bumps.denoiser(table)(x_t, t)
            yours = function(target("v", known.x0_hat, known.eps_hat, signal, noise), x_t, signal, noise)
            error = float((yours - bumps.marginal(float(signal), float(noise)).score(x_t)).abs().max())
            if not error < TOLERANCE:
                return verdict(3, f"on the {table.name} schedule at t = {t} yours is off by up to {error:.2g}")
    return verdict(3)
