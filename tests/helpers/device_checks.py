"""The checks of what chapters call on a device, by the names of what they call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

CHECKS: dict[str, Callable[[torch.device], object]] = {}


def check(*names: str) -> Callable:
    """Registers a function (device) → tensors and numbers as the check of all that it calls."""
    def note(function: Callable) -> Callable:
        CHECKS.update(dict.fromkeys(names, function))
        return function
    return note


def noise(device: torch.device, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
