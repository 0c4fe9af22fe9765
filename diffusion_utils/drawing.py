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
from .discrete import DiscreteDenoiser, DiscreteSampler, guided_log, keep, make_limit, sample_discrete
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

    return in_batches(walk_of, n, batch, device, sampler.steps if progress else None).float()


@torch.no_grad()
def in_batches(walk_of: Callable[[range], Iterator[State]], n: int, batch: int = 250, device: torch.device | str = "cpu",
               steps: int | None = None) -> Tensor:
    """Where the walks of n samples end: (n, …) on the CPU.

    walk_of(rows): the walk of these samples, which are at most `batch`, on the device. steps: of each walk, for a progress bar
    that counts them, however often a step calls the network; None for no bar. Raises ValueError for n or batch < 1.
    """
    n, batch, done = whole_number("n", n, 1), whole_number("batch", batch, 1), []
    with tqdm(total=n * (steps or 0), unit="step", disable=steps is None, delay=2) as bar:
        for first in range(0, n, batch):
            rows = range(first, min(first + batch, n))
            with autocast(torch.device(device)):
                for state in walk_of(rows):
                    bar.update(len(rows) * (state.t > 0))
            done.append(state.x_t.cpu())
    return torch.cat(done)


class Kind(NamedTuple):
    """A kind of diffusion, by the name that a card gives under "kind".

    sampler: the class of what a card gives under "sampling", a frozen dataclass; `changed(**given)` is another one with what is
    given and not None, `calls(weight)` the evaluations of the network for one sample
    draw: (checkpoint, n, sampler, cond=, weight=, seed=, batch=, progress=) → n samples on the CPU, as the network sees them
    denoiser: of a checkpoint, where it is another one than `Denoiser`
    measured: figures of the network itself, which `evaluate` puts beside those of its samples
    usual: how many samples are measured unless a card says so
    """

    sampler: type
    draw: Callable[..., Tensor]
    denoiser: Callable[[Checkpoint], Callable] | None = None
    measured: Callable[[Checkpoint], dict] | None = None
    usual: int = 10_000


def draw_gaussian(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`draw` from a checkpoint; its range is that of the guided estimates, too."""
    return draw(checkpoint.denoiser, checkpoint.schedule, n, checkpoint.shape, sampler, clip=checkpoint.clip,
                device=checkpoint.device, **how)


def draw_series(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`forecast.draw_series`, which is built upon this file."""
    from .forecast import draw_series

    return draw_series(checkpoint, n, sampler, **how)


def draw_unclip(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`unclip.draw_unclip`, which is built upon this file."""
    from .unclip import draw_unclip

    return draw_unclip(checkpoint, n, sampler, **how)


def discrete_denoiser(checkpoint: Checkpoint) -> DiscreteDenoiser:
    """(x_t, t, cond) → ln f of the classes."""
    return DiscreteDenoiser(checkpoint.net, checkpoint.schedule)


def draw_discrete(checkpoint: Checkpoint, n: int, sampler: DiscreteSampler, *, cond: Condition = None, weight: float = 1.0,
                  seed: int = 0, batch: int = 250, progress: bool = False, known: Tensor | None = None) -> Tensor:
    """n rows of classes, int64 (n, L), on the CPU. known: int64 (L,) or (n, L), classes that are kept, −1 for what is to be
    filled."""
    limits, denoiser = (make_limit(checkpoint.card["config"]["limit"]),), guided_log(checkpoint.denoiser, weight)

    def walk_of(rows: range) -> Iterator[State]:
        told, how = each(lambda entry: entry[rows.start:rows.stop], cond), {}
        if known is not None:
            kept = known.expand(n, -1)[rows.start:rows.stop]
            write = keep(limits, checkpoint.schedule, (kept,), (kept >= 0,), seed, rows)
            hidden = torch.full_like(kept, limits[0].states - 1)
            how = {"x_start": write((hidden,), checkpoint.schedule.T), "after_step": write}
        for state in sample_discrete(denoiser, checkpoint.schedule, limits, [checkpoint.shape], sampler, cond=told, seed=seed,
                                     indices=rows, **how):
            yield state._replace(x_t=state.x_t[0])

    if known is not None and not limits[0].hides:
        raise ValueError(f"{checkpoint.name} has no mask to fill: its noise is {limits[0].name}")
    return in_batches(walk_of, n, batch, checkpoint.device, sampler.steps if progress else None)


def discrete_figures(checkpoint: Checkpoint) -> dict:
    """The bounds of what was held out, and how often a hidden word is found, by `metrics`, which is built upon this file."""
    from .data import load_data
    from .data.text import TextWindows
    from .metrics.infilling import hit_rates
    from .metrics.text import both_bounds

    config = checkpoint.card["config"]
    limit, test = make_limit(config["limit"]), load_data(config["data"], "test")
    found = {"bounds": both_bounds(checkpoint.net, limit, test)}
    if limit.hides and isinstance(test, TextWindows):
        file = config["data"]["file"] if isinstance(config["data"], dict) else None
        found["hidden_words_found"] = hit_rates(checkpoint, test, file)
    return found


def draw_graphs(checkpoint: Checkpoint, n: int, sampler: DiscreteSampler, **how) -> Tensor:
    """`molecules.draw.draw_graphs`, which is built upon this file."""
    from .molecules.draw import draw_graphs

    return draw_graphs(checkpoint, n, sampler, **how)


def graph_figures(checkpoint: Checkpoint) -> dict:
    """The bound of what was held out, by `metrics`, which is built upon this file."""
    from .data import load_data
    from .metrics.molecules import bits_of

    config, sizes = checkpoint.card["config"], torch.tensor(checkpoint.card["sizes"])
    return {"bound": bits_of(checkpoint.net, config, checkpoint.schedule, sizes, load_data(config["data"], "test"))}


def draw_video(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`video.draw_video`, which is built upon this file."""
    from .video import draw_video

    return draw_video(checkpoint, n, sampler, **how)


def draw_speech(checkpoint: Checkpoint, n: int, sampler: Sampler, **how) -> Tensor:
    """`speech.draw_speech`, which is built upon this file."""
    from .speech import draw_speech

    return draw_speech(checkpoint, n, sampler, **how)


KINDS: dict[str, Kind] = {"gaussian": Kind(Sampler, draw_gaussian), "series": Kind(Sampler, draw_series),
                          "speech": Kind(Sampler, draw_speech, usual=1000),
                          "unclip": Kind(Sampler, draw_unclip),
                          "discrete": Kind(DiscreteSampler, draw_discrete, discrete_denoiser, discrete_figures, 256),
                          "graph": Kind(DiscreteSampler, draw_graphs, discrete_denoiser, graph_figures),
                          "video": Kind(Sampler, draw_video, usual=100)}
