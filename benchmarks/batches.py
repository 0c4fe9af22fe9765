"""Many samples in batches, of other packages, whose samplers yield no states (see `drawing.in_batches`)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_utils.devices import autocast


def joined(draw: Callable[[range], Tensor], n: int, batch: int, device: torch.device) -> Tensor:
    """n samples, float32 (n, …) on the CPU, in the device's precision. draw: those of a range of numbers, (B, …)."""
    done = []
    for first in range(0, n, batch):
        with autocast(device):
            done.append(draw(range(first, min(first + batch, n))).float().cpu())
    return torch.cat(done)
