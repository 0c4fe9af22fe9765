"""Molecules from a checkpoint: of as many atoms as usual, with rings that are asked for, or grown from a piece that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import on_cpu
from ..discrete import DiscreteSampler, draw, guided_log, keep, make_limit, sample_discrete
from ..discrete.limits import Limit, Parts
from ..drawing import in_batches
from ..guidance import repaint_times
from ..noise import SampleUniform, mixed_seed
from ..sampling import State
from ..schedules import Schedule
from .rows import ABSENT, atom_counts, joined, pairs, places_of, split

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint

JUMP, REPEATS = 10, 5  # of RePaint's walk: so many steps are walked so often, for a piece and what grows on it to agree


def limits_of(config: dict) -> tuple[Limit, Limit]:
    """What atoms and bonds are in noise, as a card says it."""
    return make_limit(config["limits"]["atoms"]), make_limit(config["limits"]["bonds"])


def sized(denoiser: Callable, counts: Tensor,
          nothing: int) -> Callable[..., Parts]:
    """The denoiser that is told how many atoms there are, int64 (B,): (x_t, t, rings) → ln f of atoms and bonds again.

    rings: int64 (B,), or None, which the network is told as `nothing`.
    """
    def told(x_t: Parts, t: int | Tensor,
             rings: Tensor | None = None) -> Parts:
        rings = torch.full_like(counts, nothing) if rings is None else rings
        return denoiser(x_t, t, {"atoms": counts, "rings": rings})

    return told


def draw_counts(sizes: Tensor, rings: Tensor | None, seed: int, indices: Sequence[int], fewest: int = 1) -> Tensor:
    """How many atoms each sample has, as often as among the data's molecules with so many rings: int64 (B,).

    sizes: see `MoleculeData`; rings: int64 (B,), or None for any; fewest: atoms that it has in any case. Raises ValueError
    where no molecule of the data has as many atoms and such rings.
    """
    table = on_cpu(sizes).clone()
    table[:, :fewest] = 0
    weights = table.sum(0).expand(len(indices), -1) if rings is None else table[rings.cpu()]
    if not bool((weights.sum(1) > 0).all()):
        raise ValueError(f"no molecule learnt from has {fewest} atoms or more and as many rings as asked for")
    return draw(weights.log(), SampleUniform(mixed_seed(seed, 2), indices, ())())


def graph_walk(denoiser: Callable, schedule: Schedule,
               limits: Sequence[Limit], places: int,
               sampler: DiscreteSampler, **how) -> Iterator[State]:
    """The walk of `sample_discrete` over atoms and bonds; its states are rows, int64 (B, L). denoiser: as `sized` makes it."""
    shapes = [(places,), (places * (places - 1) // 2,)]
    for state in sample_discrete(denoiser, schedule, limits, shapes,
                                 sampler, **how):
        yield state._replace(x_t=joined(*state.x_t))


def draw_graphs(checkpoint: Checkpoint, n: int, sampler: DiscreteSampler, *, cond: Tensor | None = None,
                weight: float | Tensor = 1.0, seed: int = 0, batch: int = 250, progress: bool = False,
                scaffold: Tensor | None = None) -> Tensor:
    """n rows, int64 (n, L), on the CPU. cond: rings of each, int64 (n,), or None. scaffold: one row, int64 (L,), which every
    sample holds as it is, on its first atoms, and at least one atom more; see `grown`."""
    limits, schedule, weight = limits_of(checkpoint.card["config"]), checkpoint.schedule, on_cpu(weight)
    sizes, known = torch.tensor(checkpoint.card["sizes"]), 0 if scaffold is None else int(atom_counts(scaffold[None]))
    places = places_of(checkpoint.shape[0])

    def walk_of(rows: range) -> Iterator[State]:
        part = slice(rows.start, rows.stop)
        told = None if cond is None else cond[part]
        counts = draw_counts(sizes, told, seed, rows, known + 1)
        w = weight[part] if weight.ndim else weight
        steered = guided_log(sized(checkpoint.denoiser, counts, checkpoint.num_classes), w)
        how = {} if scaffold is None else {
            "after_step": grown(limits, schedule, scaffold, seed, rows),
            "times": repaint_times(schedule, sampler.steps, min(JUMP, sampler.steps), REPEATS if sampler.steps > JUMP else 1)}
        return graph_walk(steered, schedule, limits, places, sampler, cond=told, seed=seed, indices=rows, **how)

    return in_batches(walk_of, n, batch, checkpoint.device, sampler.steps if progress else None)


def grown(limits: Sequence[Limit], schedule: Schedule, scaffold: Tensor,
          seed: int, rows: Sequence[int]) -> Callable:
    """An after_step that keeps a row (L,): its atoms, and what is and is not bound among them.

    What is known is written with the noise of x_s, and at s = 0 as it is: `discrete.keep`.
    """
    parts = tuple(part.expand(len(rows), -1) for part in split(scaffold))
    here = parts[0] != ABSENT
    i, j = pairs(here.shape[1])
    where = (here, here[:, i] & here[:, j])
    return keep(limits, schedule, parts, where, seed, rows)
