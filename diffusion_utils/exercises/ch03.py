"""The checks of chapter 3's exercises: the weight of the bound, ε from v, min-SNR for v, and the memory of an average."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_utils.denoiser import split, target
from diffusion_utils.losses import bound_weight
from diffusion_utils.schedules import cosine, linear

from .verdict import verdict

TIMES = (1, 30, 300, 500, 900, 1000)


def check_weight_from_beta(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 1. function(β_t, α_t, ᾱ_(t−1)), float64 (K,) each, is the bound's weight of the noise error, (K,)."""
    for table in (linear(1000), cosine(1000)):
        t = torch.arange(2, table.T + 1)
        yours = function(table.beta[t], table.alpha[t], table.alpha_bar[t - 1])
        ratio = yours / bound_weight(table, t, "eps")
        if not torch.allclose(ratio, torch.ones_like(ratio), rtol=1e-6):  # the α's are quotients of rounded ᾱ's
            return verdict(1, f"on the {table.name} schedule yours is {ratio[0]:.3g} times the weight at t = 2, "
                              f"{ratio[-1]:.3g} times at t = {table.T}")
    return verdict(1)


def check_eps_from_v(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 2. function(v, x_t, signal, noise) is ε; v and x_t are (784,), signal and noise single numbers."""
    schedule, (x0, eps) = cosine(1000), _pixels_and_noise()
    for t in TIMES:
        signal, noise = schedule.at(t, like=x0)
        yours = function(target("v", x0, eps, signal, noise), schedule.add_noise(x0, t, eps), signal, noise)
        error = float((yours - eps).abs().max())
        if not error < 1e-9:  # float64 and no division
            return verdict(2, f"at t = {t} yours is off by up to {error:.2g}")
    return verdict(2)


def check_min_snr_weight_for_v(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 3. function(SNR) × the error of v is min(SNR, 5) × the error of x̂₀, for errors of any kind."""
    schedule, (x0, eps) = cosine(1000), _pixels_and_noise()
    for t in TIMES[1:-1]:
        signal, noise = schedule.at(t, like=x0)
        v = target("v", x0, eps, signal, noise)
        spoiled = v + 0.1 * eps.flip(0)  # errors that have nothing to do with the pixels
        x0_hat, _ = split("v", spoiled, schedule.add_noise(x0, t, eps), signal, noise)
        wanted = min(float(schedule.snr[t]), 5.0) * (x0_hat - x0).square().mean()
        yours = function(schedule.snr[t]) * (spoiled - v).square().mean()
        if not torch.isclose(yours, wanted, rtol=1e-6):
            return verdict(3, f"at t = {t} the weighted error of v is {yours:.5f}, that of x̂₀ {wanted:.5f}")
    return verdict(3)


def check_half_life(function: Callable[[float], float]) -> None:
    """Exercise 4. function(d) is the number of steps after which a share that is multiplied by d has halved."""
    for d in (0.9, 0.99, 0.999, 0.9995):
        share, count = 1.0, 0
        while share > 0.5:
            share, count = d * share, count + 1
        yours = float(function(d))
        if not count - 1 <= yours <= count:
            return verdict(4, f"with d = {d} it takes {count} steps, yours says {yours:.4g}")
    return verdict(4)


def _pixels_and_noise() -> Tensor:
    """Pixels between −1 and 1, and noise: float64 (2, 784)."""
    numbers = torch.randn((2, 784), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.stack([numbers[0].clamp(-1, 1), numbers[1]])
