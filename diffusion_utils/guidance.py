"""Steering a denoiser: guidance wraps denoisers; inpainting and editing are walks of the ordinary sampler.

Sources: Ho & Salimans 2022 (classifier-free guidance), Tashiro et al. 2021 (networks that see what was observed), Lugmayr
et al. 2022 (RePaint), Meng et al. 2022 (SDEdit).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .checks import clean_state, on_cpu, same_shape, whole_number, zeros_and_ones
from .conditions import Condition, without
from .denoiser import DenoiserFn, Prediction, check_clip, eps_from_x0
from .noise import SampleNoise, mixed_seed, sample_indices
from .sampling import timesteps
from .schedules import Schedule


def guided(denoiser: DenoiserFn, schedule: Schedule, weight: float | Tensor,
           clip: tuple[float, float] | None = None,
           weaker: DenoiserFn | None = None) -> DenoiserFn:
    """ε_u + w·(ε_c − ε_u), with ε_c = denoiser(x_t, t, cond) and ε_u = weaker(x_t, t, cond): a denoiser again.

    weight: w, or one for each sample, (B,). Here w = 1 is the denoiser itself and w = 0 the weaker one (one network call each,
    otherwise two). Ho & Salimans 2022, eq. 6, write (1 + w')·ε_c − w'·ε_u: the same rule with w = 1 + w'.
    weaker: by default the denoiser without its condition, which is classifier-free guidance. It may leave out a part of the
    condition (`leaving_out`), or be a worse network (autoguidance, Karras et al. 2024).
    At a given x_t, x̂₀ is affine in ε̂, so the rule is applied to x̂₀, which needs no division by signal; x̂₀ is then clipped
    to `clip`, where it is given, and ε̂ derived from it.
    """
    w = check_weight(weight)
    check_clip(clip)

    def denoise(x_t: Tensor, t: int | Tensor,
                cond: Condition = None) -> Prediction:
        if weaker is None and cond is None or w.ndim == 0 and w == 1:
            return denoiser(x_t, t, cond)
        weak = (denoiser(x_t, t, None) if weaker is None
                else weaker(x_t, t, cond))
        if w.ndim == 0 and w == 0:
            return weak
        strong = denoiser(x_t, t, cond)
        further = strong.x0_hat - weak.x0_hat
        x0_hat = weak.x0_hat + per_sample(w, x_t) * further
        if clip is not None:
            x0_hat = x0_hat.clamp(*clip)
        eps_hat = eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t))
        return Prediction(x0_hat, eps_hat)

    return denoise


def leaving_out(denoiser: DenoiserFn, *names: str) -> DenoiserFn:
    """The denoiser that is not told these entries of its condition, a dictionary: the text dropped, say, and the image kept."""
    return lambda x_t, t, cond=None: denoiser(x_t, t, without(cond, *names))


def check_weight(weight: float | Tensor) -> Tensor:
    """Guidance weights as float64 on the CPU, () or (B,). Raises ValueError unless they are finite and at least 0."""
    w = on_cpu(weight)
    if w.ndim > 1 or w.numel() == 0 or not bool(((w >= 0) & w.isfinite()).all()):
        raise ValueError("weight must be a finite number ≥ 0 (0 unconditional, 1 conditional, above 1 stronger), or one for "
                         f"each sample, (B,); got {weight}")
    return w


def per_sample(w: Tensor, x: Tensor) -> float | Tensor:
    """w as a factor of x (B, …): one number, or (B,) on x's device as (B, 1, …, 1). Raises ValueError for another count."""
    if w.ndim == 0:
        return float(w)
    if len(w) != len(x):
        raise ValueError(f"weight must be one number or one for each of {len(x)} samples, got {len(w)}")
    return w.reshape((len(w),) + (1,) * (x.ndim - 1)).to(x.device, x.dtype)


def observed(denoiser: DenoiserFn, schedule: Schedule, known: Tensor,
             mask: Tensor, side: Tensor | None = None) -> DenoiserFn:
    """The denoiser that is told what was observed, and says of that what is known: a denoiser again (Tashiro et al. 2021).

    known: (B, …) clean data, finite also where it is missing; mask: broadcastable to it, 1 (or True) where observed;
    side: (B, …), what else the network is told, such as the clock. The network's condition is the dictionary of
    known·mask, mask and side, beside the entries of a dictionary that the caller gives. Then x̂₀ ← mask·known + (1 − mask)·x̂₀,
    and ε̂ follows from it, so that a walk ends in known itself there.
    Raises ValueError for known data that is not finite, or a mask that is not made of zeros and ones, or does not fit.
    """
    known = clean_state("known", known)
    mask = _mask_for(known, mask)
    told = {"known": mask * known, "mask": mask.to(known.dtype)}
    if side is not None:
        told["side"] = side

    def denoise(x_t: Tensor, t: int | Tensor,
                cond: Condition = None) -> Prediction:
        same_shape(known=known, x_t=x_t)
        more = told if cond is None else told | cond
        x0_hat = denoiser(x_t, t, more).x0_hat
        x0_hat = torch.where(mask == 1, known.to(x0_hat.dtype), x0_hat)
        eps_hat = eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t))
        return Prediction(x0_hat, eps_hat)

    return denoise


def keep_known(
        schedule: Schedule, known: Tensor, mask: Tensor, seed: int = 0,
        indices: Sequence[int] | None = None
) -> Callable[[Tensor, int], Tensor]:
    """An `after_step` that writes what is known: x_s ← mask·(signal_s·known + noise_s·ε) + (1 − mask)·x_s.

    known: (B, …) clean data; mask: broadcastable to it, 1 (or True) where known, 0 where to be filled. Fresh ε each
    time, from (seed, index), and the same again in each walk of `sample`. Lugmayr et al. 2022, eqs 8a–8c, with the known part
    noised to s, the level it joins.
    Raises ValueError for known data that is not finite, or a mask that is not made of zeros and ones, or does not fit.
    """
    known = clean_state("known", known)
    mask = _mask_for(known, mask)
    indices = sample_indices(indices, len(known))

    def begin() -> Callable[[Tensor, int], Tensor]:
        draw = SampleNoise(mixed_seed(seed, 3), indices,
                           known.shape[1:], known.device)

        def after_step(x_s: Tensor, s: int) -> Tensor:
            same_shape(known=known, x_s=x_s)
            known_s = schedule.add_noise(known, s, draw()).to(x_s.dtype)
            return mask * known_s + (1 - mask) * x_s

        return after_step

    after_step = begin()
    # `sample` calls it first, so that no walk goes on with the noise
    # of another
    after_step.begin = begin
    return after_step


def _mask_for(known: Tensor, mask: Tensor) -> Tensor:
    """The mask in the shape of known (B, …), as integers, which leave the precision of what they multiply alone."""
    mask, batch = zeros_and_ones(mask), len(known)
    if mask.ndim == known.ndim - 1 and batch > 1 and mask.shape[:1] == known.shape[1:2] == (batch,):
        raise ValueError(f"a mask {tuple(mask.shape)} for known data {tuple(known.shape)} may be meant for the {batch} samples "
                         f"or for the {batch} channels: say which by {(batch, 1, *mask.shape[1:])} or {(1, *mask.shape)}")
    try:
        return mask.to(known.device, torch.uint8).expand_as(known)
    except RuntimeError as error:
        raise ValueError(f"a mask {tuple(mask.shape)} does not fit known data {tuple(known.shape)}") from error


def repaint_times(schedule: Schedule, steps: int, jump: int,
                  repeats: int) -> list[int]:
    """A walk that goes down `jump` steps, back up again, `repeats` times in all, and on: RePaint's resampling.

    Writing known pixels in at each step leaves the filled part unaware of them; walking up and down again lets the two
    agree (Lugmayr et al. 2022, section 4.2). repeats = 1 is the plain walk. Returns times for `sample(times=…)`.
    Raises ValueError for jump or repeats < 1, and for a jump so long that nothing would be repeated.
    """
    jump = whole_number("jump", jump, 1)
    repeats = whole_number("repeats", repeats, 1)
    if repeats > 1 and jump >= steps:
        raise ValueError(f"with jump = {jump} ≥ steps = {steps} nothing is walked twice: choose a shorter jump")
    grid = timesteps(schedule, steps)
    walk = grid[:1]
    for first in range(0, steps, jump):
        stretch = grid[first:first + jump + 1]
        walk += stretch[1:]
        for _ in range(repeats - 1):
            if stretch[-1] == 0:  # nothing is walked back from the data
                break
            walk += stretch[:1] + stretch[1:]
    return walk


def sdedit_start(
        schedule: Schedule, x0: Tensor, strength: float, steps: int,
        seed: int = 0, indices: Sequence[int] | None = None
) -> tuple[Tensor, list[int]]:
    """(x_start, times) for `sample`: noise x_0 to t = strength·T and denoise from that same t (Meng et al. 2022, alg. 1).

    x0: (B, …), the drawing or image to edit; strength in (0, 1]: near 0 keeps everything, 1 keeps next to nothing;
    steps: how many a walk from T would take; the edit takes its share of them. seed, indices: as in `sample`, the noise of
    sample i depends on (seed, indices[i]) alone. Raises ValueError for a strength or steps outside their ranges, or an x_0
    that is not finite.
    """
    x0, steps = clean_state("x0", x0), whole_number("steps", steps, 1)
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie in (0, 1], got {strength}")
    start = max(1, round(strength * schedule.T))
    draw = SampleNoise(mixed_seed(seed, 4),
                       sample_indices(indices, len(x0)),
                       x0.shape[1:], x0.device)
    x_start = schedule.add_noise(x0, start, draw())
    share = min(start, max(1, round(strength * steps)))
    return x_start, timesteps(schedule, share, start=start)
