"""A network of classes as a function, (x_t, t, cond) → ln f of each part; guidance, which mixes two such functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..checks import on_cpu
from ..conditions import Condition, each
from ..denoiser import network_time
from ..schedules import Schedule
from .limits import Parts


@dataclass(frozen=True)
class DiscreteDenoiser:
    """ln f of the classes, float64 (B, …, classes) on the CPU, for each part of the state.

    net: called as net(*x_t, time, cond), one argument a part; returns the logits of each part, a tensor or a tuple of them.
    """

    net: nn.Module
    schedule: Schedule

    @torch.no_grad()
    def __call__(self, x_t: Parts, t: int | Tensor, cond: Condition = None) -> Parts:
        device = next(self.net.parameters()).device
        parts = [x.to(device) for x in x_t]
        time = network_time(self.schedule.check_t(t), self.schedule.T, parts[0])
        answer = self.net(*parts, time, each(lambda entry: entry.to(device), cond))
        answer = answer if isinstance(answer, tuple) else (answer,)
        return tuple(on_cpu(logits).log_softmax(-1) for logits in answer)


def guided_log(denoiser: Callable, weight: float | Tensor) -> Callable:
    """ln f_w = ln f_u + w·(ln f_c − ln f_u), normalised: guidance on what is believed of the data, before any step.

    eq-discrete-guidance. w = 1 is conditional, 0 unconditional: one call each, otherwise two (LLaDA writes w + 1). The
    chance that a mask stays, (1 − ᾱ_s)/(1 − ᾱ_t), is the same for every w. weight: one number, or (B,).
    """
    weight = on_cpu(weight)

    def steered(x_t: Parts, t: int | Tensor,
                cond: Condition = None) -> Parts:
        if cond is None or (weight.ndim == 0 and weight == 1):
            return denoiser(x_t, t, cond)
        free = denoiser(x_t, t, None)
        if weight.ndim == 0 and weight == 0:
            return free
        told, mixed = denoiser(x_t, t, cond), []
        for log_u, log_c in zip(free, told, strict=True):
            ones = (1,) * (log_u.ndim - 1) * weight.ndim
            w = weight.reshape(weight.shape + ones)
            mixed.append((log_u + w * (log_c - log_u)).log_softmax(-1))
        return tuple(mixed)

    return steered
