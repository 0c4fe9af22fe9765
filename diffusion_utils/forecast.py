"""Fill what is missing of windows of a series: by samples of a checkpoint, and by the Gaussian that it starts from.

The network does not draw the values themselves. It draws by how many standard deviations they lie off the mean that a
Gaussian, told the observed values, expects (noise in the shape of the data: Lee et al. 2022). So what a linear method knows
need not be learnt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .conditions import Condition, each
from .data.windows import DAY, SeriesData, clock, scale_of
from .denoiser import DenoiserFn
from .drawing import in_batches
from .generate import generate
from .guidance import observed
from .networks.window_gaussian import WindowGaussian, alike
from .noise import SampleNoise
from .sampling import Sampler, State, sample
from .schedules import Schedule

if TYPE_CHECKING:
    from .checkpoints import Checkpoint


@dataclass(frozen=True)
class Frame:
    """The units that a network sees a window in: values = centre + spread·state, (B, C, L) each.

    known, mask: what is observed in these units; side: what else the network is told, (B, S, L).
    """

    centre: Tensor
    spread: Tensor
    known: Tensor
    mask: Tensor
    side: Tensor

    def state(self, values: Tensor) -> Tensor:
        """Values in train-std units, as the network sees them."""
        return (values - self.centre) / self.spread

    def values(self, state: Tensor) -> Tensor:
        """The way back, to train-std units."""
        return self.centre + self.spread * state

    def told(self) -> dict[str, Tensor]:
        """The condition of a training step; in a walk `observed` makes the same."""
        return {"known": self.known, "mask": self.mask, "side": self.side}


def frame_of(known: Tensor, mask: Tensor, hours: Tensor, gaussian: WindowGaussian | None = None) -> Frame:
    """The frame of windows in train-std units: known (B, C, L), 0 where missing; mask; hours, their clock (B, 4, L).

    Mean and standard deviation of a window are those of what is observed in it. Without a Gaussian these two are the frame.
    With one the centre is its mean, and the spread its standard deviation times √(window's/usual one), since it does not know
    that some weeks are calm; observed values are the centre itself, and the network is told them in the side channels.
    """
    level, scale = scale_of(known, mask)
    if gaussian is None:
        centre, spread = level.expand_as(known), scale.expand_as(known)
        return Frame(centre, spread, mask * (known - centre) / spread, mask, hours)
    mean, std = gaussian.fill(mask * (known - level), mask)
    usual = gaussian.typical.to(known)[:, None]
    centre, spread = level + mean, torch.where(mask > 0, scale, std * (scale / usual).sqrt())
    side = torch.cat([hours, mean / scale, (1 - mask) * spread / scale], 1)
    return Frame(centre, spread, torch.zeros_like(known), mask, side)


def learnt_gaussian(data: SeriesData, **how) -> WindowGaussian:
    """The Gaussian of the windows of a train part, on the CPU. how: its level and nugget."""
    gaussian, data = WindowGaussian(*data.shape, **how), data.to(torch.device("cpu"))
    rows = torch.arange(0, len(data), DAY)
    _, scale = scale_of(data.x0(rows), data.there(rows))
    gaussian.learn(data.values, scale.mean((0, 2)))
    return gaussian


def draw_series(checkpoint: Checkpoint, n: int, sampler: Sampler, *, cond: Condition = None, weight: float | Tensor = 1.0,
                seed: int = 0, batch: int = 250, progress: bool = False) -> Tensor:
    """n windows in train-std units, (n, C, L) on the CPU, equal to what is known where the mask is 1. One of `drawing.KINDS`.

    cond: known (n, C, L) in train-std units, mask and clock, as a `SeriesData` has them; None for windows of which nothing is
    known, at midnight of a Monday. Sample i depends on (seed, i) and its own condition. weight: only 1, there is no guidance.
    """
    if not bool((torch.as_tensor(weight) == 1).all()):
        raise ValueError(f"{checkpoint.name} knows no guidance: weight must be 1, got {weight}")
    if cond is None:
        nothing = torch.zeros(n, *checkpoint.shape)
        cond = {"known": nothing, "mask": nothing, "clock": clock(torch.zeros(n, dtype=torch.int64), nothing.shape[-1])}
    gaussian, device = checkpoint.parts.get("gaussian"), checkpoint.device
    stretch = checkpoint.card["series"].get("stretch", 1.0)

    def walk_of(rows: range) -> Iterator[State]:
        told = each(lambda entry: entry[rows.start:rows.stop].to(device), cond)
        return walk(checkpoint.denoiser, checkpoint.schedule, told, sampler, gaussian, seed, rows,
                    stretch)

    x = in_batches(walk_of, n, batch, device, sampler.steps if progress else None).float()
    return torch.where(cond["mask"].cpu() > 0, cond["known"].cpu().float(), x)


def walk(denoiser: DenoiserFn, schedule: Schedule, cond: dict[str, Tensor], sampler: Sampler,
         gaussian: WindowGaussian | None, seed: int, rows: range, stretch: float = 1.0) -> Iterator[State]:
    """The walk of a batch of windows, the last state of which is in train-std units. rows: the numbers of the samples.

    stretch: see `stretched`. At t = T nothing but the condition is known, so the first estimate is about the mean.
    """
    frame = frame_of(cond["known"], cond["mask"], cond["clock"], gaussian)
    told = observed(denoiser, schedule, frame.known, frame.mask, frame.side)
    middle = None
    for state in sample(told, schedule, frame.known.shape, sampler, seed=seed, indices=rows, device=frame.known.device):
        middle = state.x0_hat if middle is None else middle
        if state.t == 0:
            state = state._replace(x_t=frame.values(stretched(state.x_t, middle, stretch)))
        yield state


def stretched(x: Tensor, middle: Tensor, by: float) -> Tensor:
    """x moved away from the middle of what may be, by a factor: bands that are too narrow become as wide as they should be."""
    return x if by == 1 else middle + by * (x - middle)


# --- In the units of the data


@dataclass(frozen=True)
class Units:
    """Between original and train-std units: mean and std of the train part, (C, 1)."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Units:
        """Those of a checkpoint's card."""
        about = checkpoint.card["series"]
        return cls(*(torch.tensor(about[name])[:, None] for name in ("mean", "std")))

    def scaled(self, values: Tensor) -> Tensor:
        """(…, C, L) in train-std units."""
        return (values - self.mean) / self.std

    def original(self, scaled: Tensor) -> Tensor:
        """The way back."""
        return self.mean + self.std * scaled


def fill(checkpoint: Checkpoint, values: Tensor, mask: Tensor, first_hours: Tensor, n: int = 64, *, seed: int = 0,
         batch: int = 256, progress: bool = False, **changes) -> Tensor:
    """n samples of each window, (B, n, C, L) on the CPU in the units of `values`, which observed entries equal to the bit.

    values: (B, C, L) in the columns' own units, finite everywhere (see `data.windows.known_and_mask`); mask: (B, C, L) or
    (C, L), 1 where observed; first_hours: int64 (B,), hours from a Monday 00:00 to the window's first value; changes: settings
    of the sampler, such as steps. Raises ValueError for values that are not finite or of another shape than the checkpoint's.
    """
    values, mask = _checked(checkpoint, values, mask, first_hours)
    units = Units.of(checkpoint)
    cond = {"known": mask * units.scaled(values), "mask": mask, "clock": clock(first_hours, values.shape[-1])}
    many = each(lambda entry: entry.repeat_interleave(n, 0), cond)
    x = generate(checkpoint, n * len(values), cond=many, seed=seed, batch=batch, progress=progress, **changes)
    x = units.original(x.unflatten(0, (len(values), n)))
    return torch.where(mask[:, None] > 0, values[:, None], x)


def gaussian_band(checkpoint: Checkpoint, values: Tensor, mask: Tensor, first_hours: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each value by the checkpoint's Gaussian alone, (B, C, L) each; arguments as in `fill`."""
    values, mask = _checked(checkpoint, values, mask, first_hours)
    units = Units.of(checkpoint)
    frame = _gaussian_frame(checkpoint, units, values, mask, first_hours)
    spread = (1 - mask) * frame.spread * units.std
    return torch.where(mask > 0, values, units.original(frame.centre)), spread


def gaussian_fill(checkpoint: Checkpoint, values: Tensor, mask: Tensor, first_hours: Tensor, n: int = 64, *,
                  seed: int = 0) -> Tensor:
    """n samples of the checkpoint's Gaussian alone, exact ones, as `fill` draws them from the network: (B, n, C, L)."""
    values, mask = _checked(checkpoint, values, mask, first_hours)
    units = Units.of(checkpoint)
    frame = _gaussian_frame(checkpoint, units, values, mask, first_hours)
    x = units.original(gaussian_samples(frame, checkpoint.parts["gaussian"], n, seed))
    return torch.where(mask[:, None] > 0, values[:, None], x)


def gaussian_samples(frame: Frame, gaussian: WindowGaussian, n: int, seed: int = 0) -> Tensor:
    """(B, n, C, L) in train-std units, with the covariance that the observed values leave, in the frame's spread."""
    b, shape = len(frame.mask), frame.mask.shape[1:]
    noise = SampleNoise(seed, range(b * n), shape)().view(b, n, -1)
    out = torch.zeros(b, n, frame.mask[0].numel())
    for rows, one in alike(frame.mask):
        told = gaussian.conditional(one)
        root = torch.linalg.cholesky(gaussian.covariance_left(one) + 1e-9 * torch.eye(len(told.std)))
        correlated = (noise[rows][..., told.missing].cpu().double() @ root.T / told.std).float()
        part = torch.zeros(len(rows), n, out.shape[-1])
        part[..., told.missing] = correlated
        out[rows] = part
    return frame.centre[:, None] + frame.spread[:, None] * out.view(b, n, *shape)


def _gaussian_frame(checkpoint: Checkpoint, units: Units, values: Tensor, mask: Tensor, first_hours: Tensor) -> Frame:
    known = mask * units.scaled(values)
    return frame_of(known, mask, clock(first_hours, values.shape[-1]), checkpoint.parts["gaussian"].cpu())


def _checked(checkpoint: Checkpoint, values: Tensor, mask: Tensor, first_hours: Tensor) -> tuple[Tensor, Tensor]:
    """values and mask as float32 (B, C, L) on the CPU."""
    values, mask = torch.as_tensor(values).float().cpu(), torch.as_tensor(mask).float().cpu()
    if tuple(values.shape[1:]) != checkpoint.shape or len(first_hours) != len(values):
        columns = ", ".join(checkpoint.card["series"]["columns"])
        raise ValueError(f"values must be (B, {', '.join(map(str, checkpoint.shape))}), of the columns {columns}, with a first "
                         f"hour for each of B windows; got {tuple(values.shape)} and {len(first_hours)} hours")
    if not bool(values.isfinite().all()):
        raise ValueError("values must be finite, also where they are missing: put 0 there, which nobody looks at")
    return values, mask.expand_as(values)
