"""The sampler and guidance, with a switch at each line that people get wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ...denoiser import DenoiserFn, Prediction, eps_from_x0
from ...noise import SampleNoise
from ...sampling import State, posterior_std, step_std, timesteps
from ...schedules import Schedule
from .catalogue import check


def walk(denoiser: DenoiserFn, schedule: Schedule, shape: Sequence[int], *,
         steps: int = 10, eta: float = 1.0, seed: int = 0,
         cond: Tensor | None = None,
         clip: tuple[float, float] | None = (-1.0, 1.0),
         bug: str | None = None,
         device: torch.device | str = "cpu") -> Iterator[State]:
    """`sampling.sample` for DDIM (eta = 0) to DDPM (eta = 1), written as x_s = signal_s·x̂₀ + d·ε̂ + u·z; one line may be wrong.

    denoiser: (x_t, t, cond) → Prediction, *unclipped*: the clipping is done here. shape: (B, …). clip: range of x̂₀, or None.
    bug: None, or a name of `of_family("walk")`. Yields State(t, x_t, x0_hat) before each step, (0, x_0, x_0) last.
    """
    check(bug, "walk")
    draw = noise_source(shape, seed, device, bug)
    times = walk_times(schedule, steps, bug)
    x = float(schedule.noise[schedule.T]) * draw()
    for t, s in pairwise(times):
        if bug == "uniform-stride":
            # and not the time at which the network is called next
            s = max(t - schedule.T // steps, 0)
        prediction = denoiser(x, t, cond)
        x0_hat = prediction.x0_hat
        if clip is not None:
            x0_hat = x0_hat.clamp(*clip)
        eps_hat = prediction.eps_hat
        if bug != "stale-eps":
            eps_hat = eps_from_x0(x0_hat, x, *schedule.at(t, like=x))
        yield State(t, x, x0_hat)
        u = eta * float(posterior_std(schedule, t, s))
        d = (float(schedule.noise[s]) ** 2 - u**2) ** 0.5
        if bug == "beta-for-root":
            u = u**2
        if bug == "last-noise" and s == 0:
            u = float(step_std(schedule, t, s))  # posterior_std is 0
        x = float(schedule.signal[s]) * x0_hat + d * eps_hat
        if u > 0:
            x = x + u * draw()
        if bug == "estimate-as-state":
            x = x0_hat
    yield State(0, x, x)


def walk_times(schedule: Schedule, steps: int, bug: str | None = None) -> list[int]:
    """Falling times, T first and 0 last, unless the bug is about them."""
    stride = schedule.T // steps
    if bug == "leading-spacing":
        return [1 + k * stride for k in reversed(range(steps))] + [0]
    if bug == "uniform-stride":  # times that are equally spaced with both ends among them, so that no stride is T/steps
        return torch.linspace(schedule.T, 1, steps).round().long().tolist() + [0]
    times = timesteps(schedule, steps)
    return times[:-1] if bug == "stops-early" else times


def noise_source(shape: Sequence[int], seed: int, device: torch.device | str = "cpu",
                 bug: str | None = None) -> Callable[[], Tensor]:
    """A function that gives the next noise of the given shape, row i from (seed, i) alone."""
    shape = tuple(shape)
    own = SampleNoise(seed, range(shape[0]), shape[1:], device)
    if bug == "shared-generator":
        shared = torch.Generator().manual_seed(seed)
        return lambda: torch.randn(shape, generator=shared).to(device)
    if bug == "double-noise":
        return lambda: own() * own()
    return own


def guided(denoiser: DenoiserFn, schedule: Schedule, weight: float,
           clip: tuple[float, float] | None = (-1.0, 1.0), *,
           bug: str | None = None) -> DenoiserFn:
    """`guidance.guided`, x̂₀ = u + w·(c − u), with the conditional and unconditional estimates c and u; or one mistake in it.

    bug: None, or a name of `of_family("guidance")`. Both estimates are always computed. Returns a denoiser.
    """
    check(bug, "guidance")

    def denoise(x_t: Tensor, t: int | Tensor, cond=None) -> Prediction:
        c, u = denoiser(x_t, t, cond).x0_hat, denoiser(x_t, t, None).x0_hat
        if bug == "weight-convention":
            x0_hat = (1 + weight) * c - weight * u
        elif bug == "guidance-swapped":
            x0_hat = c + weight * (u - c)
        else:
            x0_hat = u + weight * (c - u)
        x0_hat = x0_hat if clip is None else x0_hat.clamp(*clip)
        eps_hat = eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t))
        return Prediction(x0_hat, eps_hat)

    return denoise
