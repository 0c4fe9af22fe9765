"""Which times a walk visits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Real

import torch

from ..checks import whole_number
from ..errors import unknown_name
from ..schedules import Schedule

SPACINGS = ("uniform", "late", "log_snr")


def timesteps(schedule: Schedule, steps: int, spacing: str | float = "uniform", start: int | None = None) -> list[int]:
    """steps + 1 falling times from `start` (T unless given) to 0: the walk of a sampler is their consecutive pairs.

    uniform: equal strides of t; a number p above 1: t_i = start·(1 − (i/steps)^p), short strides where there is much noise
    and what to draw is decided; late: p = 2; log_snr: equal strides of λ, the natural clock of the solvers (Lu et al. 2022,
    section 3.4). Always begins at `start` itself and ends at 0. Raises ValueError for steps outside 1…start, or p < 1.
    """
    start = schedule.T if start is None else whole_number("start", start, 1, schedule.T)
    steps = whole_number("steps", steps, 1, start)
    if spacing == "uniform":
        return [round(start * (steps - i) / steps) for i in range(steps + 1)]
    power = 2 if spacing == "late" else spacing
    if isinstance(power, Real):  # NumPy's numbers, too
        if not 1 <= power < math.inf:
            raise ValueError(f"spacing as a number must be finite and at least 1, got {power}")
        return _apart([round(start * (1 - (i / steps) ** power)) for i in range(steps + 1)])
    if spacing != "log_snr":
        raise unknown_name("spacing", spacing, SPACINGS)
    if steps == 1:
        return [start, 0]
    lam = schedule.log_snr
    first = lam[start] if torch.isfinite(lam[start]) else lam[start - 1]
    wanted = torch.linspace(float(first), float(lam[1]), steps, dtype=torch.float64)  # the last step goes to the data
    return _apart([start] + [int((lam[1:start] - w).abs().argmin()) + 1 for w in wanted[1:]] + [0])


def check_walk(schedule: Schedule, times: Sequence[int]) -> list[int]:
    """The times as integers. Raises ValueError unless they make a walk that ends at 0."""
    times = schedule.check_t(torch.as_tensor(times)).tolist()
    if len(times) < 2 or times[-1] != 0 or any(a == b for a, b in pairwise(times)):
        raise ValueError(f"a walk has at least two times, no two the same in a row, and ends at 0, got {times}")
    return times


def _apart(times: list[int]) -> list[int]:
    """The walk with its inner times, where whole t rounded to the same one, pushed apart."""
    steps = len(times) - 1
    for i in range(steps - 1, 0, -1):
        times[i] = max(times[i], times[i + 1] + 1)
    for i in range(1, steps):
        times[i] = min(times[i], times[i - 1] - 1)
    return times
