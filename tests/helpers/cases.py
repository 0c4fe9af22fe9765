"""Schedules and small functions that the tests of the update and of the samplers share."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

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
