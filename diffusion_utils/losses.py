"""The training loss: the mean squared error of whatever the network predicts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .denoiser import network_time, target
from .schedules import Schedule


def diffusion_loss(net: Callable, schedule: Schedule, predicts: str, x0: Tensor, t: Tensor, eps: Tensor, cond=None,
                   weight: Tensor | None = None) -> Tensor:
    """E‖target − net(x_t, t)‖², averaged over pixels and batch: L_simple for ε-prediction (Ho et al. 2020, eq. 14).

    x0, eps: (B, …); t: int64 (B,), 1…T; cond: what the network takes; weight: (B,) or None for 1. Returns a scalar.
    """
    if int(t.min()) < 1:
        raise ValueError("t = 0 is the data itself: train on t in 1…T")
    x_t = schedule.add_noise(x0, t, eps)
    wanted = target(predicts, x0, eps, *schedule.at(t, like=x0))
    error = (net(x_t, network_time(t, schedule.T, x_t), cond).float() - wanted) ** 2
    per_sample = error.flatten(1).mean(1)  # (B,)
    return (per_sample if weight is None else weight.to(per_sample) * per_sample).mean()


def spread_times(n: int, T: int, generator: torch.Generator) -> Tensor:
    """n times in 1…T, one from each of n equal parts of the range, in random order: int64 (n,) on the CPU.

    Each t is uniform on its own, but the batch covers all noise levels, so the loss is less noisy from step to step
    (Kingma et al. 2021, appendix I.1).
    """
    u = (torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)) / n
    return (u * T).floor().long().clamp(max=T - 1) + 1
