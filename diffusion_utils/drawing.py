"""Many samples, in batches; and the kinds of diffusion, each with its own sampler and its own way to draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checks import whole_number
from .conditions import Condition, check_count, each
from .denoiser import DenoiserFn
from .devices import autocast
from .guidance import check_weight, guided
from .sampling import Sampler, State, sample
from .schedules import Schedule

if TYPE_CHECKING:
    from .checkpoints import Checkpoint


def draw(denoiser: DenoiserFn, schedule: Schedule, n: int, shape: Sequence[int], sampler: Sampler, *, cond: Condition = None,
         weight: float | Sequence[float] | Tensor = 1.0, clip: tuple[float, float] | None = None, seed: int = 0,
         batch: int = 250, device: torch.device | str = "cpu", progress: bool = False) -> Tensor:
    """n samples, float32 (n, *shape) on the CPU; sample i depends on (seed, i), not on n or batch.

    shape: of one sample. cond: for each of the n. weight, clip: of the guidance (see `guided`); one weight, or n of them.
    Raises ValueError for n or batch < 1, and for a condition or weights of another number.
    """
    n, weight = whole_number("n", n, 1), check_weight(weight)
    if weight.ndim and len(weight) != n:
        raise ValueError(f"weight must be one number or {n} of them, got {len(weight)}")
    check_count(cond, n)

    def walk_of(rows: range) -> Iterator[State]:
        part = slice(rows.start, rows.stop)
        steered = guided(denoiser, schedule, weight[part] if weight.ndim else weight, clip)
        told = each(lambda entry: entry[part].to(device), cond)
        return sample(steered, schedule, (len(rows), *shape), sampler, cond=told, seed=seed, indices=rows, device=device)

    return in_batches(walk_of, n, sampler.calls(weight), batch, device, progress).float()


@torch.no_grad()
def in_batches(walk_of: Callable[[range], Iterator[State]], n: int, calls: int, batch: int = 250,
               device: torch.device | str = "cpu", progress: bool = False) -> Tensor:
    """Where the walks of n samples end: (n, …) on the CPU.

    walk_of(rows): the walk of these samples, which are at most `batch`, on the device. calls: of the network for one sample,
    which the progress bar counts. Raises ValueError for n or batch < 1.
    """
    n, batch, done = whole_number("n", n, 1), whole_number("batch", batch, 1), []
    with tqdm(total=n * calls, unit="call", disable=not progress, delay=2) as bar:
        for first in range(0, n, batch):
            rows = range(first, min(first + batch, n))
            before = bar.n
            with autocast(torch.device(device)):
                for state in walk_of(rows):
                    bar.update(len(rows) * (state.t > 0))
            bar.update(before + len(rows) * calls - bar.n)
            done.append(state.x_t.cpu())
    return torch.cat(done)


class Kind(NamedTuple):
    """A kind of diffusion, by the name that a card gives under "kind".

    sampler: the class of what a card gives under "sampling", a frozen dataclass; `changed(**given)` is another one with what is
    given and not None, `calls(weight)` the evaluations of the network for one sample
    draw: (checkpoint, n, sampler, cond=, weight=, seed=, batch=, progress=) → n samples on the CPU, as the network sees them
    """

    sampler: type
    draw: Callable[..., Tensor]


def draw_gaussian(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`draw` from a checkpoint; its range is that of the guided estimates, too."""
    return draw(checkpoint.denoiser, checkpoint.schedule, n, checkpoint.shape, sampler, clip=checkpoint.clip,
                device=checkpoint.device, **how)


def draw_series(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`forecast.draw_series`, which is built upon this file."""
    from .forecast import draw_series

    return draw_series(checkpoint, n, sampler, **how)


KINDS: dict[str, Kind] = {"gaussian": Kind(Sampler, draw_gaussian), "series": Kind(Sampler, draw_series)}
