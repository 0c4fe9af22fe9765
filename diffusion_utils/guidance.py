"""Steering a denoiser: guidance wraps denoisers; inpainting and editing are walks of the ordinary sampler.

Sources: Ho & Salimans 2022 (classifier-free guidance), Lugmayr et al. 2022 (RePaint), Meng et al. 2022 (SDEdit).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from .denoiser import DenoiserFn, Prediction, eps_from_x0
from .noise import SampleNoise, mixed_seed
from .sampling import timesteps
from .schedules import Schedule


def guided(denoiser: DenoiserFn, schedule: Schedule, weight: float,
           clip: tuple[float, float] | None = (-1.0, 1.0)) -> DenoiserFn:
    """ε_u + w·(ε_c − ε_u), with ε_c = denoiser(x_t, t, cond) and ε_u = denoiser(x_t, t, None): a denoiser again.

    weight: w. Here w = 1 is plain conditional and w = 0 unconditional (one network call each, otherwise two). Ho & Salimans
    2022, eq. 6, write (1 + w')·ε_c − w'·ε_u: the same rule with w = 1 + w'.
    At a given x_t, x̂₀ is affine in ε̂, so the rule is applied to x̂₀, which needs no division by signal; x̂₀ is then clipped
    to `clip` and ε̂ derived from it.
    """
    weight = float(weight)
    if not 0 <= weight < math.inf:
        raise ValueError("weight must be a finite number ≥ 0 (0 unconditional, 1 conditional, above 1 stronger), "
                         f"got {weight}")

    def denoise(x_t: Tensor, t: int | Tensor, cond=None) -> Prediction:
        if weight == 1 or cond is None:
            return denoiser(x_t, t, cond)
        unconditional = denoiser(x_t, t, None)
        if weight == 0:
            return unconditional
        conditional = denoiser(x_t, t, cond)
        x0_hat = unconditional.x0_hat + weight * (conditional.x0_hat - unconditional.x0_hat)
        if clip is not None:
            x0_hat = x0_hat.clamp(*clip)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t)))

    return denoise


def keep_known(schedule: Schedule, known: Tensor, mask: Tensor, seed: int = 0,
               indices: Sequence[int] | None = None) -> Callable[[Tensor, int], Tensor]:
    """An `after_step` that writes what is known: x_s ← mask·(signal_s·known + noise_s·ε) + (1 − mask)·x_s.

    known: (B, …) clean data; mask: broadcastable to it, 1 (or True) where known, 0 where to be filled. Fresh ε each
    time, from (seed, index). Lugmayr et al. 2022, eqs 8a–8c, with the known part noised to s, the level it joins.
    Raises ValueError for a mask that is not made of zeros and ones, or does not fit.
    """
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("mask must hold 1 where a pixel is known and 0 where it is to be filled, nothing else")
    try:
        mask = mask.to(known).expand_as(known)
    except RuntimeError as error:
        raise ValueError(f"a mask {tuple(mask.shape)} does not fit known data {tuple(known.shape)}") from error
    draw = SampleNoise(mixed_seed(seed, 3), range(len(known)) if indices is None else indices, known.shape[1:], known.device)

    def after_step(x_s: Tensor, s: int) -> Tensor:
        known_s = schedule.add_noise(known, s, draw())
        return mask * known_s + (1 - mask) * x_s

    return after_step


def repaint_times(schedule: Schedule, steps: int, jump: int, repeats: int) -> list[int]:
    """A walk that goes down `jump` steps, back up again, `repeats` times in all, and on: RePaint's resampling.

    Writing known pixels in at each step leaves the filled part unaware of them; walking up and down again lets the two
    agree (Lugmayr et al. 2022, section 4.2). repeats = 1 is the plain walk. Returns times for `sample(times=…)`.
    Raises ValueError for jump or repeats < 1, and for a jump so long that nothing would be repeated.
    """
    if jump < 1 or repeats < 1:
        raise ValueError(f"jump and repeats must be ≥ 1, got {jump} and {repeats}")
    if repeats > 1 and jump >= steps:
        raise ValueError(f"with jump = {jump} ≥ steps = {steps} nothing is walked twice: choose a shorter jump")
    grid = timesteps(schedule, steps)
    walk = grid[:1]
    for first in range(0, steps, jump):
        stretch = grid[first:first + jump + 1]
        walk += stretch[1:]
        for _ in range(repeats - 1):
            if stretch[-1] == 0:  # x_0 is reached once: nothing is walked back from the data
                break
            walk += stretch[:1] + stretch[1:]
    return walk


def sdedit_start(schedule: Schedule, x0: Tensor, strength: float, steps: int, seed: int = 0) -> tuple[Tensor, list[int]]:
    """(x_start, times) for `sample`: noise x_0 to t = strength·T and denoise from that same t (Meng et al. 2022, alg. 1).

    x0: (B, …), the drawing or image to edit; strength in (0, 1]: near 0 keeps everything, 1 keeps next to nothing;
    steps: how many a walk from T would take; the edit takes its share of them.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie in (0, 1], got {strength}")
    start = max(1, round(strength * schedule.T))
    draw = SampleNoise(mixed_seed(seed, 4), range(len(x0)), x0.shape[1:], x0.device)
    x_start = schedule.add_noise(x0, start, draw())
    return x_start, timesteps(schedule, min(start, max(1, round(strength * steps))), start=start)
