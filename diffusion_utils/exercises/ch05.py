"""The checks of chapter 5's exercises: guidance and its weight, the tilted density, the way up, and where a walk starts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal

from diffusion_utils.denoiser import Denoiser
from diffusion_utils.sampling import sample
from diffusion_utils.schedules import Schedule, cosine, linear

from .verdict import verdict


def check_guidance(my_guidance: Callable[[Tensor, Tensor, float], Tensor], from_paper: Callable[[float], float]) -> None:
    """Exercise 1. my_guidance(ε̂_c, ε̂_u, w) in this book's convention; from_paper(w′) is the w that means the same."""
    eps_c, eps_u = torch.randn((2, 100), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for w, wanted in ((0.0, eps_u), (1.0, eps_c), (4.0, 4 * eps_c - 3 * eps_u)):
        if not torch.allclose(my_guidance(eps_c, eps_u, w), wanted):
            return verdict(1, f"w = {w:g} gives something else")
    for paper, wanted in ((0.0, eps_c), (2.0, 3 * eps_c - 2 * eps_u)):
        if not torch.allclose(my_guidance(eps_c, eps_u, from_paper(paper)), wanted):
            return verdict(1, f"guidance itself is right, and the paper's {paper:g} gives something else")
    return verdict(1)


def check_tilted(function: Callable[[float], tuple[float, float]]) -> None:
    """Exercise 2. function(w) is (mean, variance) of N(0, 4)^(1−w) · N(1, 1)^w, here by adding up over a fine grid."""
    x = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    for w in (1.0, 3.0, 7.0):
        density = ((1 - w) * Normal(0.0, 2.0).log_prob(x) + w * Normal(1.0, 1.0).log_prob(x)).softmax(0)
        mean = float((density * x).sum())
        variance = float((density * (x - mean) ** 2).sum())
        yours = [float(number) for number in function(w)]
        if max(abs(yours[0] - mean), abs(yours[1] - variance)) > 1e-4:  # the grid's own error is far smaller
            return verdict(2, f"at w = {w:.0f} yours has mean {yours[0]:.3f} and variance {yours[1]:.3f}, the density others")
    return verdict(2)


def check_jump_std(function: Callable[[Schedule, int, int], Tensor]) -> None:
    """Exercise 3. function(schedule, s, t) is the standard deviation of the fresh noise of a jump from s up to t."""
    for schedule in (cosine(1000), linear(1000)):
        for s, t in ((100, 200), (400, 500), (700, 900)):
            kept = schedule.signal[t] / schedule.signal[s] * schedule.noise[s]
            arrives = float(kept**2 + function(schedule, s, t) ** 2)  # variances add
            needed = float(schedule.noise[t] ** 2)
            if abs(arrives - needed) > 1e-9:  # float64
                return verdict(3, f"from {s} up to {t} the variance of the noise is {arrives:.4f}, needed is {needed:.4f}")
    return verdict(3)


@torch.no_grad()
def check_start(function: Callable[[Tensor, int], tuple[Tensor, list[int]]], denoiser: Denoiser, drawings: Tensor) -> None:
    """Exercise 4. function(drawings, extra) is (noised drawings, times to walk); the noise shall be that of times[0]."""
    off = []
    for extra in (-200, 0, 200):
        x_start, times = function(drawings, extra)
        signal, noise = denoiser.schedule.at(times[0], like=drawings)
        found = float((x_start.cpu() - signal * drawings).std() / noise)
        *_, last = sample(denoiser, denoiser.schedule, x_start=x_start, times=times, device=x_start.device)
        grain = float(last.x_t[..., :3].std())  # the left edge should be plain black
        print(f"extra {extra:4d}: noise × {found:.2f}, grain {grain:.3f}")
        if abs(found - 1) > 0.05:  # 3136 pixels: chance is 0.013
            off.append(str(extra))
    return verdict(4, f"noise and walk disagree for extra = {', '.join(off)}" if off else "")
