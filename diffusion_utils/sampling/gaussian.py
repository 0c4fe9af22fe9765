"""Samplers of Gaussian diffusion: which estimate D of x_0 each gives to `update`, and the walk from noise to data.

Sources: Ho et al. 2020 (DDPM), Song et al. 2021 (DDIM), Karras et al. 2022 (Heun), Lu et al. 2022b (DPM-Solver++ 2M
and its SDE form, which is the same estimate with the fresh noise of DDPM).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..checks import clean_state, whole_number
from ..conditions import Condition
from ..denoiser import DenoiserFn
from ..noise import SampleNoise, sample_indices
from ..schedules import Schedule
from .kernels import fresh_std, renoise, step_std, update
from .settings import Sampler
from .times import check_walk
from .walking import State, walk


class GaussianStep(NamedTuple):
    """A step of `update`: the sampler chooses its estimate D of x_0 and its fresh noise u."""

    denoiser: DenoiserFn
    schedule: Schedule
    sampler: Sampler
    cond: Condition = None

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        """x̂₀ (B, …)."""
        return self.denoiser(x_t, t, self.cond).x0_hat

    def down(self, now: State, s: int, before: State | None,
             draw: Callable[[], Tensor]) -> Tensor:
        """x_s with the sampler's D, u and variance."""
        (t, x_t, D), schedule, how = now, self.schedule, self.sampler
        if how.sampler.startswith("dpmpp_2m"):
            D = _two_step(schedule, now, s, before)
        elif how.sampler == "heun":
            D = _heun(self, now, s)
        much, little = how.shares
        share = much if schedule.snr[t] < how.eta_border else little
        u = fresh_std(schedule, t, s, share) if share > 0 else 0.0
        std = u
        if how.variance == "large":
            std = share * step_std(schedule, t, s) * (s > 0)
        z = draw() if float(std) > 0 else None
        return update(schedule, x_t, t, s, D, u=u, std=std, z=z)

    def up(self, x_t: Tensor, t: int, s: int, draw: Callable[[], Tensor]) -> Tensor:
        """The forward kernel."""
        return renoise(self.schedule, x_t, t, s, draw())


def _two_step(schedule: Schedule, now: State, s: int,
              before: State | None) -> Tensor:
    """D = x̂₀ + (x̂₀ − x̂₀_prev)/(2r), r = h_prev/h, h = λ_s − λ_t; first order at both ends (Lu et al. 2022b, alg. 2)."""
    t, _, x0_hat = now
    if before is None or s == 0:
        return x0_hat
    lam = schedule.log_snr
    # zero terminal SNR: the first step is infinitely long in λ
    if not torch.isfinite(lam[before.t]):
        return x0_hat
    r = float((lam[t] - lam[before.t]) / (lam[s] - lam[t]))
    return x0_hat + (x0_hat - before.x0_hat) / (2 * r)


def _heun(step: GaussianStep, now: State, s: int) -> Tensor:
    """D + (σ_t/2σ_s)·(D′ − D), D′ the estimate after an Euler step, σ = noise/signal (Karras et al. 2022, alg. 1).

    Euler at both ends: σ_0 = 0 divides by zero, and σ_T is infinite or nearly so (20,000 for `cosine`; theirs begins at
    80), so that σ_T/σ_s would blow up the smallest error of D, while out there Euler is as good as exact.
    """
    t, x_t, x0_hat = now
    schedule = step.schedule
    if s == 0 or t == schedule.T:
        return x0_hat
    sigma_t, sigma_s = (float(schedule.noise[k] / schedule.signal[k])
                        for k in (t, s))
    euler = update(schedule, x_t, t, s, x0_hat)
    half = sigma_t / (2 * sigma_s)
    return x0_hat + half * (step.estimate(euler, s) - x0_hat)


@torch.no_grad()
def sample(
        denoiser: DenoiserFn, schedule: Schedule,
        shape: Sequence[int] | None = None, sampler: Sampler | None = None,
        *, cond: Condition = None, seed: int = 0,
        indices: Sequence[int] | None = None,
        device: torch.device | str | None = None,
        x_start: Tensor | None = None, times: Sequence[int] | None = None,
        after_step: Callable[[Tensor, int], Tensor] | None = None
) -> Iterator[State]:
    """Walk from noise to data; yields State(t, x_t, x0_hat) before each step and (0, x_0, x_0) last.

    shape: (B, …) of the samples; or x_start (B, …) at times[0], and the shape is its own. Steps are taken in float32, or in
    float64 where x_start is that; on `device`, which is that of x_start, or else the CPU, unless given.
    sampler: how to walk. Chapter 4 measures what suits a trained network; its card keeps it.
    times: the walk itself, in place of the sampler's; where it goes up the forward kernel is applied (RePaint).
    cond: what the network is told, for each of the B samples. after_step: see `walk`; after_step.begin(), where there is one,
    is called first and gives the after_step of this walk.
    seed, indices: sample i's noise depends on (seed, indices[i]) and not on the batch it is in; indices default to 0…B−1.
    `*_, last = sample(...)` gives the result; last.x_t is x_0.
    Raises ValueError or TypeError, at the first state, for what is not as said here, and for an x_start that is not finite.
    """
    sampler = sampler or Sampler()
    if (shape is None) == (x_start is None):
        raise ValueError("give either shape, to start from noise, or x_start")
    x_start = None if x_start is None else clean_state("x_start", x_start)
    device = device or ("cpu" if x_start is None else x_start.device)
    shape = _check_shape(shape) if x_start is None else x_start.shape
    times = sampler.times(schedule) if times is None else times
    times = check_walk(schedule, times)
    if hasattr(after_step, "begin"):
        after_step = after_step.begin()
    indices = sample_indices(indices, shape[0])
    draw = SampleNoise(seed, indices, shape[1:], device)
    # x_T = noise_T·ε: for variance-preserving tables noise_T is 1
    # to within √(1 − ᾱ_T)
    x = (float(schedule.noise[times[0]]) * draw() if x_start is None
         else x_start.to(device))
    step = GaussianStep(denoiser, schedule, sampler, cond)
    yield from walk(step, x, times, draw, after_step)


def _check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(shape, Sequence) or len(shape) == 0:
        raise ValueError(f"shape must be that of all samples, (B, …), got {shape!r}")
    return tuple(whole_number("each number of shape", n, 1) for n in shape)
