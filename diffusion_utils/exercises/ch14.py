"""The checks of chapter 14, bugs that look fine: Gaussian or not, a guard of the weight, three samplers without a name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..chapters.bugs import walk
from ..denoiser import Prediction, eps_from_x0
from ..schedules import Schedule, cosine
from .verdict import verdict

STRANGERS = {"A": "beta-for-root", "B": "last-noise", "C": "stops-early"}
POINT = 0.5  # all the data that they know


def check_is_gaussian(is_gaussian: Callable[[Tensor], bool]) -> None:
    """Exercise 1. is_gaussian(z): may these 20,000 numbers be standard normal noise? Of four sources only the first is."""
    generator = torch.Generator().manual_seed(3)
    a, b = torch.randn(2, 20_000, generator=generator)
    flat = (torch.rand(20_000, generator=generator) - 0.5) * 12**0.5
    signs = torch.randint(0, 2, (20_000,), generator=generator) * 2.0 - 1
    answers = [bool(is_gaussian(z)) for z in (a, a * b, flat, signs)]
    verdict(1, "" if answers == [True, False, False, False] else f"your answers are {answers}")


def check_guard(passes: Callable[[Callable, Tensor, Tensor], bool]) -> None:
    """Exercise 2. passes(combine, c, u): is combine(c, u, w) guidance? Of three rules only the first is."""
    c, u = torch.randn(2, 100, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    rules = [lambda c, u, w: u + w * (c - u),
             lambda c, u, w: (1 + w) * c - w * u,
             lambda c, u, w: c + w * (u - c)]
    answers = [bool(passes(rule, c, u)) for rule in rules]
    verdict(2, "" if answers == [True, False, False] else f"your answers are {answers}")


def strangers() -> dict[str, list[tuple[int, float, float]]]:
    """Exercise 3: for each of the samplers A, B, C its last states, as (t, noise that is there, noise that belongs there)."""
    schedule = cosine(1000)
    found = {}
    for name, bug in STRANGERS.items():
        states = list(walk(_point(schedule), schedule, (8, 500), clip=None, bug=bug))[-4:]
        found[name] = [(t, float((x_t - float(schedule.signal[t]) * POINT).std()), float(schedule.noise[t]))
                       for t, x_t, _ in states]
    return found


def _point(schedule: Schedule) -> Callable[..., Prediction]:
    """The exact denoiser of data that is a single point."""
    def denoiser(x_t: Tensor, t: int, cond: None = None) -> Prediction:
        x0_hat = torch.full_like(x_t, POINT)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t)))

    return denoiser


def check_strangers(yours: dict[str, str]) -> None:
    """Exercise 3. yours: the mistake of each sampler, by its letter."""
    wrong = [name for name, bug in STRANGERS.items() if yours.get(name) != bug]
    verdict(3, ", ".join(wrong))
