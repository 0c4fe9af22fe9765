"""From noise to data over classes: the walk of `sampling`, with a step by the laws of this folder, and orders of showing.

Source: Austin et al. 2021 (each position for itself); Zheng et al. 2024 (one at a time is exact, in any order);
Chang et al. 2022 (the surest first); Wang et al. 2025 (hiding again, by κ).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..checks import on_cpu, whole_number
from ..conditions import Condition
from ..errors import unknown_name
from ..noise import SampleUniform, mixed_seed, sample_indices
from ..sampling import State, check_walk, timesteps, walk
from ..schedules import Schedule
from .laws import corrupt, draw, fresh, renoise
from .limits import Limit, Parts

ORDERS = ("independent", "random", "confidence")


@dataclass(frozen=True)
class DiscreteSampler:
    """How to walk from noise to data: what a card says under "sampling".

    steps, spacing: of the walk, see `sampling.timesteps`
    order: 'independent', each position for itself, by the law of `reverse`; or, where noise is a mask, as many at a time as
        the law shows on average: at 'random', or by 'confidence', where the likeliest class is likeliest
    kappa: κ of `fresh`, the share that is forgotten in each step, for the order 'independent'
    """

    steps: int = 128
    spacing: str | float = "uniform"
    order: str = "independent"
    kappa: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "steps", whole_number("steps", self.steps, 1))
        if self.order not in ORDERS:
            raise unknown_name("order", self.order, ORDERS)
        if not 0 <= self.kappa <= 1:
            raise ValueError(f"kappa must lie in 0…1, got {self.kappa}")
        if self.kappa and self.order != "independent":
            raise ValueError(f"kappa hides again what was shown, which belongs to the order 'independent', got {self.order!r}")

    def times(self, schedule: Schedule) -> list[int]:
        """The walk from T to 0."""
        return timesteps(schedule, self.steps, self.spacing)

    def calls(self, weight: float | Tensor = 1.0) -> int:
        """Network evaluations for one sample: steps, twice that where guided (w not 0 or 1)."""
        weight = on_cpu(weight)
        return self.steps * (1 if weight.ndim == 0 and weight in (0, 1) else 2)

    def changed(self, **given) -> DiscreteSampler:
        """Another one, with what is given and not None; κ belongs to the order that it was chosen for."""
        given = {name: value for name, value in given.items() if value is not None}
        own = {} if given.get("order", self.order) == self.order else {"kappa": 0.0}
        return replace(self, **own | given)


class DiscreteStep(NamedTuple):
    """A step of a walk over classes. A draw gives uniform numbers for each position of each part."""

    denoiser: Callable[..., Parts]
    schedule: Schedule
    limits: Sequence[Limit]
    sampler: DiscreteSampler
    cond: Condition = None

    def estimate(self, x_t: Parts, t: int) -> Parts:
        """ln f of each part."""
        return self.denoiser(x_t, t, self.cond)

    def down(self, now: State, s: int, before: State | None,
             draws: Callable[[], Parts]) -> Parts:
        """x_s by the law, part by part; or some of what is hidden."""
        (t, x_t, log_f), how = now, self.sampler
        parts = zip(self.limits, x_t, log_f, strict=True)
        if how.order == "independent":
            return tuple(
                draw(fresh(limit, self.schedule, x, t, s, f, how.kappa), u)
                for (limit, x, f), u in zip(parts, draws(), strict=True))
        kept = self.schedule.alpha_bar
        stay = float((1 - kept[s]) / (1 - kept[t]))
        each = zip(draws(), draws(), draws(), strict=True)
        return tuple(show(limit, x, f, stay, how.order, *u)
                     for (limit, x, f), u in zip(parts, each, strict=True))

    def up(self, x_t: Parts, t: int, s: int,
           draws: Callable[[], Parts]) -> Parts:
        """The forward kernel, part by part."""
        return tuple(renoise(limit, self.schedule, x, t, s, u)
                     for limit, x, u in zip(self.limits, x_t, draws(),
                                            strict=True))


def show(limit: Limit, x: Tensor, log_f: Tensor, stay: float, order: str,
         of_class: Tensor, of_place: Tensor, of_count: Tensor) -> Tensor:
    """x with as much shown as is usual: of what is hidden, the share `stay` remains so, rounded up or down by chance.

    What is shown first: where of_place is largest, or, by confidence, where
    the likeliest class is likeliest. That looks at f alone and not at what
    was drawn, so that common classes gain nothing by it. x, of_class,
    of_place, of_count: (B, …); log_f: (B, …, classes).
    """
    shape, x, f = x.shape, x.flatten(1), log_f.flatten(1, -2)
    hidden, new = x == limit.states - 1, draw(f, of_class.flatten(1))
    first = of_place.flatten(1)
    if order == "confidence":
        first = f.amax(-1).exp()
    first = torch.where(hidden, first, -1.0)
    count = hidden.sum(1)
    left = (stay * count + of_count.flatten(1)[:, 0]).floor()
    rank = first.argsort(1, descending=True).argsort(1)
    shown = rank < (count - left)[:, None]
    return torch.where(shown, new, x).view(shape)


def uniforms(seed: int, indices: Sequence[int], shapes: Sequence[Sequence[int]]) -> Callable[[], Parts]:
    """Calling it gives uniform numbers for each part, float64 (B, *shape) each; those of a sample depend on its index alone."""
    sizes = [torch.Size(shape).numel() for shape in shapes]
    noise = SampleUniform(seed, indices, (sum(sizes),))

    def draws() -> Parts:
        return tuple(part.unflatten(1, tuple(shape)) for part, shape in zip(noise().split(sizes, 1), shapes, strict=True))

    return draws


def start(limits: Sequence[Limit], draws: Parts) -> Parts:
    """x_T: every class drawn from m. draws: uniform numbers, (B, …) each."""
    return tuple(draw(limit.m.log().expand(*u.shape, -1), u) for limit, u in zip(limits, draws, strict=True))


@torch.no_grad()
def sample_discrete(
        denoiser: Callable[..., Parts], schedule: Schedule,
        limits: Sequence[Limit], shapes: Sequence[Sequence[int]],
        sampler: DiscreteSampler | None = None, *, batch: int = 1,
        cond: Condition = None, seed: int = 0,
        indices: Sequence[int] | None = None,
        x_start: Parts | None = None, times: Sequence[int] | None = None,
        after_step: Callable[[Parts, int], Parts] | None = None
) -> Iterator[State]:
    """Walk from noise to data; yields State(t, x_t, ln f) before each step and (0, x_0, x_0) last, on the CPU.

    limits, shapes: of each part, for one sample; batch: how many samples, unless indices say so. x_start: the state at
    times[0], int64 (B, …) each, in place of noise. times, after_step: see `sampling.walk`; times may go up.
    seed, indices: what sample i is depends on (seed, indices[i]) and not on the batch it is in.
    Raises ValueError for an order that shows what is hidden where nothing is.
    """
    sampler = sampler or DiscreteSampler()
    if sampler.order != "independent" and not all(limit.hides for limit in limits):
        raise ValueError(f"the order {sampler.order!r} shows what a mask hides, and the limit is "
                         f"{', '.join(limit.name for limit in limits)}; use 'independent'")
    indices = sample_indices(indices, batch if x_start is None else len(x_start[0])) if indices is None else list(indices)
    draws = uniforms(seed, indices, shapes)
    times = check_walk(schedule, sampler.times(schedule) if times is None else times)
    noise = start(limits, draws())  # drawn in any case: what follows does not depend on x_start
    step = DiscreteStep(denoiser, schedule, limits, sampler, cond)
    yield from walk(step, noise if x_start is None else x_start, times, draws, after_step)


def keep(limits: Sequence[Limit], schedule: Schedule,
         known: Parts, kept: Parts, seed: int = 0,
         indices: Sequence[int] | None = None
         ) -> Callable[[Parts, int], Parts]:
    """after_step(x_s, s) that writes what is known, exactly at s = 0. Given noise and T it makes the start of a walk.

    known: the classes, int64 (B, …) each; kept: bool (B, …) each, where they are known. A mask hides nothing of it; in other
    limits it is corrupted as far as x_s is, or the network would take it for noise, by numbers of (seed, indices).
    """
    indices = sample_indices(indices, len(known[0]))
    shapes = [x.shape[1:] for x in known]
    draws = uniforms(mixed_seed(seed, 1), indices, shapes)

    def write(x_s: Parts, s: int) -> Parts:
        written = []
        for limit, x, value, where, u in zip(limits, x_s, known, kept,
                                             draws(), strict=True):
            seen = value
            if not limit.hides:
                seen = corrupt(limit, schedule, value, s, u)
            written.append(torch.where(where, seen, x))
        return tuple(written)

    return write
