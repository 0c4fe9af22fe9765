"""The checks of chapter 13, the article's code: a column for any shape, the way to infinity, noise that is starved."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..chapters.article.measure import starved
from ..schedules import Schedule, linear
from .verdict import verdict

LARGEST = 3.4e38  # of float32


def check_as_column(as_column: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 1. as_column(values, like): values (B,) with as many ones behind as `like`, (B, …), needs."""
    values = torch.arange(3.0)
    columns = [as_column(values, torch.ones(shape)) for shape in ((3, 784), (3, 1, 28, 28), (3,))]
    shapes = [tuple(column.shape) for column in columns]
    if shapes != [(3, 1), (3, 1, 1, 1), (3,)]:
        verdict(1, f"the shapes are {shapes}")
    else:
        verdict(1, "" if all(column.flatten().equal(values) for column in columns) else "the values are others")


def check_steps_to_overflow(steps_to_overflow: Callable[[Schedule], int]) -> None:
    """Exercise 2. steps_to_overflow(schedule): steps from T on until an error of 0.001 is larger than a float32 can be."""
    schedule = linear(1000)
    error, wanted = 1e-3, 0
    while error <= LARGEST:
        error *= float(schedule.noise[1000 - wanted] / schedule.signal[1000 - wanted])
        wanted += 1
    yours = steps_to_overflow(schedule)
    verdict(2, "" if yours == wanted else f"your answer is {yours}")


def check_kept(kept: Callable[[Schedule, Tensor, Tensor], Tensor]) -> None:
    """Exercise 3. kept(schedule, t, s): d/noise_t of the posterior's mean, for times int64 (K,), s < t."""
    schedule, t = linear(1000), torch.arange(501, 1001)
    left = float(schedule.noise[-1] * kept(schedule, t, t - 1).prod())
    wanted = float(starved(schedule, 500))
    verdict(3, "" if abs(left / wanted - 1) < 1e-6 else f"{left:.4f} is left and not {wanted:.4f}")
