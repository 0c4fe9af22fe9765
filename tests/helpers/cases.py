"""Schedules and small functions that the tests of the core share."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

from diffusion_utils.denoiser import Prediction
from diffusion_utils.sampling import Sampler, State, sample
from diffusion_utils.schedules import Schedule, cosine, flow, from_alpha_bar, linear, sigmoid
from diffusion_utils.training import Step

VP = [cosine(1000), linear(1000), sigmoid(1000)]
ZERO_SNR = from_alpha_bar(torch.cat([cosine(1000).alpha_bar[:-1], torch.zeros(1, dtype=torch.float64)]), "zero-snr")
ALL = [*VP, flow(1000), ZERO_SNR]


def name(schedule: Schedule) -> str:
    """The id of a parametrised case."""
    return schedule.name


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SETTINGS = {field.name for field in fields(Sampler)}


def states_of(*args, **kwargs) -> list[State]:
    """All states of `sample`, to which the settings of the sampler may be given one by one."""
    how = {name: kwargs.pop(name) for name in SETTINGS & kwargs.keys()}
    return list(sample(*args, sampler=Sampler(**how), **kwargs))


def last_of(*args, **kwargs) -> Tensor:
    """x_0 of the same."""
    return states_of(*args, **kwargs)[-1].x_t


def step_of(rows: Tensor, seed: int = 0, number: int = 1, fraction: float = 0.0, average: nn.Module | None = None) -> Step:
    """What a loss is given for these rows, with a fresh generator."""
    return Step(number, fraction, rows, torch.Generator().manual_seed(seed), average)


def generator(seed: int = 0) -> torch.Generator:
    """A fresh one, for what is drawn."""
    return torch.Generator().manual_seed(seed)


def pair(batch: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """x_0 in [−1, 1] and ε, both (batch, 1, 4, 4)."""
    x0 = torch.rand((batch, 1, 4, 4), generator=generator(1), dtype=dtype) * 2 - 1
    return x0, torch.randn(x0.shape, generator=generator(2), dtype=dtype)


def constant(x0_hat: Tensor):
    """A denoiser that always gives the same estimate."""
    return lambda x_t, t, cond=None: Prediction(x0_hat, torch.zeros_like(x_t))


def elementwise_gaussian(schedule: Schedule, mean: float = 0.4, std: float = 0.5):
    """The exact denoiser of independent N(mean, std²) numbers: elementwise, so that its rounding knows no batch."""

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        x0_hat = mean + signal * std**2 / (signal**2 * std**2 + noise**2) * (x_t - signal * mean)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    return denoise
