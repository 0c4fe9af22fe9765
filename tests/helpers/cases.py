"""Schedules and small functions that the tests of the update and of the samplers share."""

from __future__ import annotations

import torch
from torch import Tensor

from diffusion_utils.sampling import sample
from diffusion_utils.schedules import Schedule, cosine, flow, from_alpha_bar, linear, sigmoid

VP = [cosine(1000), linear(1000), sigmoid(1000)]
ZERO_SNR = from_alpha_bar(torch.cat([cosine(1000).alpha_bar[:-1], torch.zeros(1, dtype=torch.float64)]), "zero-snr")
ALL = [*VP, flow(1000), ZERO_SNR]


def name(schedule: Schedule) -> str:
    """The id of a parametrised case."""
    return schedule.name


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def last_of(*args, **kwargs) -> Tensor:
    *_, last = sample(*args, **kwargs)
    return last.x_t
