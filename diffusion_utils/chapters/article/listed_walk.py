"""The listing's sampling loop, and what each repair makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch

from ...denoiser import DenoiserFn
from ...noise import SampleNoise, sample_indices
from ...sampling import Sampler, State, posterior_std, sample, timesteps, update
from ...schedules import Schedule

RIGHT = {"posterior": "ddpm", "solver": "dpmpp_2m_sde"}  # steps that the book's own sampler takes


@torch.no_grad()
def walk(step: str, denoiser: DenoiserFn, schedule: Schedule,
         shape: Sequence[int], *, steps: int = 1000,
         spacing: str = "uniform", seed: int = 0,
         indices: Sequence[int] | None = None,
         device: torch.device | str = "cpu") -> Iterator[State]:
    """From noise to samples by the steps of an `Experiment`; yields State(t, x_t, x0_hat), and (0, x_0, x_0) last.

    step: 'estimate', 'mean', 'posterior' or 'solver'; spacing: see `sampling.timesteps`. Start and fresh noise are those
    of `sampling.sample` with the same seed and indices, so that all versions begin with the same noise.
    """
    if step in RIGHT:
        right = Sampler(RIGHT[step], steps=steps, spacing=spacing)
        yield from sample(denoiser, schedule, shape, right, seed=seed,
                          indices=indices, device=device)
        return
    shape = tuple(shape)
    indices = sample_indices(indices, shape[0])
    draw = SampleNoise(seed, indices, shape[1:], device)
    x = float(schedule.noise[schedule.T]) * draw()
    for t, s in pairwise(timesteps(schedule, steps, spacing)):
        x0_hat = denoiser(x, t).x0_hat
        yield State(t, x, x0_hat)
        if step == "estimate":
            x = x0_hat  # the listing's line
        else:
            u = posterior_std(schedule, t, s)
            x = update(schedule, x, t, s, x0_hat, u=u, std=0.0)
    yield State(0, x, x)
