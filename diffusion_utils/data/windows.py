"""A long series of several channels, cut into windows; what is known of a window, and what that says of its level and spread.

A mask is 1 where a value is observed and 0 where it is missing, everywhere in the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

WINDOW = 192  # hours: eight days, as 168 + 24, 96 + 96, or with gaps
DAY, WEEK = 24, 168  # hours
PRIOR_VALUES, PRIOR_VARIANCE = 8, 0.25  # the variance of a window is shrunk as if so many values with this one had been seen


@dataclass(frozen=True, eq=False)
class Series:
    """values: float32 (C, N), one value an hour, in the columns' own units, NaN where missing
    first_hour: of the first value, counted from a Monday at midnight; columns: C names; unit: of the values, in words
    parts: the rows of 'train', 'validation' and 'test', in this order in time and without overlap
    name, source, sha256: what was read, from where, and of which bytes
    """

    values: Tensor
    first_hour: int
    columns: tuple[str, ...]
    unit: str
    parts: dict[str, range]
    name: str
    source: str
    sha256: str

    def part(self, name: str) -> Tensor:
        """The values of one part, (C, N')."""
        rows = self.parts[name]
        return self.values[:, rows.start:rows.stop]

    @property
    def mean(self) -> Tensor:
        """Of each column over the observed values of the train part alone: (C,)."""
        known, mask = known_and_mask(self.part("train").cpu().double())
        return (known.sum(1) / mask.sum(1).clamp(min=1)).float()

    @property
    def std(self) -> Tensor:
        """Of each column over the observed values of the train part alone: (C,). 1 for a column that is constant there."""
        known, mask = known_and_mask(self.part("train").cpu().double())
        squares = (mask * (known - self.mean[:, None])).square().sum(1) / mask.sum(1).clamp(min=1)
        return torch.where(squares > 0, squares.sqrt(), 1.0).float()

    @property
    def scaled(self) -> Tensor:
        """The values in train-std units: less the mean of the train part, divided by its standard deviation."""
        return (self.values - self.mean[:, None]) / self.std[:, None]


def standard_parts(n: int, train: float = 0.7, validation: float = 0.1) -> dict[str, range]:
    """The first 70 % of n rows to learn from, the next 10 % to choose by, the last 20 % to measure with."""
    ends = round(train * n), round((train + validation) * n)
    return {"train": range(ends[0]), "validation": range(*ends), "test": range(ends[1], n)}


def known_and_mask(values: Tensor) -> tuple[Tensor, Tensor]:
    """Values with 0 in place of NaN, and the mask of what is there, of the same shape and type."""
    mask = ~values.isnan()
    return values.nan_to_num(nan=0.0), mask.to(values.dtype)


def clock(first_hours: Tensor, length: int = WINDOW) -> Tensor:
    """Hour of the day and of the week as sines and cosines: int64 (B,), hours since a Monday 00:00 -> (B, 4, length)."""
    hours = first_hours[:, None] + torch.arange(length, device=first_hours.device)
    angles = [2 * math.pi * (hours % period) / period for period in (DAY, WEEK)]
    return torch.stack([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], 1).float()


def scale_of(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of a window by what is observed in it only: (B, C, L) -> (B, C, 1) each.

    values are in train-std units. A channel of which nothing is observed has the mean of what is observed in the others, and 0
    if there is nothing at all. s² = (Σd² + 8·0.25)/(n + 8) for n observed values whose deviations from the mean are d: few
    values say little of the spread, and none would divide by zero.
    """
    # no product: what is missing may be anything, also NaN
    seen = torch.where(mask > 0, values, 0.0)
    n = mask.sum(-1, keepdim=True)
    all_n = mask.sum((1, 2), keepdim=True).clamp(min=1)
    of_all = seen.sum((1, 2), keepdim=True) / all_n
    of_own = seen.sum(-1, keepdim=True) / n.clamp(min=1)
    mean = torch.where(n > 0, of_own, of_all)
    squares = (mask * (seen - mean)).square().sum(-1, keepdim=True)
    prior = PRIOR_VALUES * PRIOR_VARIANCE
    return mean, ((squares + prior) / (n + PRIOR_VALUES)).sqrt()


@dataclass(frozen=True, eq=False)
class SeriesData:
    """All windows of one part of a series, an hour apart: a `Dataset`. What belongs to a window is its mask and its clock.

    values: (C, N) of this part in train-std units, NaN where missing; first_hour: of the first of them
    masks: float32 (K, C, length) or None; row i is observed where mask i % K is 1, and wholly without masks
    starts: the first hour of each window within the part
    """

    values: Tensor
    first_hour: int
    starts: Tensor
    name: str
    source: str
    sha256: str
    masks: Tensor | None = None
    length: int = WINDOW
    clip = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one window, (C, length)."""
        return (len(self.values), self.length)

    def __len__(self) -> int:
        return len(self.starts)

    def to(self, device: torch.device) -> SeriesData:
        """The same windows on the device."""
        masks = None if self.masks is None else self.masks.to(device)
        return replace(self, values=self.values.to(device), starts=self.starts.to(device), masks=masks)

    def x0(self, rows: Tensor) -> Tensor:
        """Windows in train-std units, float32 (B, C, length); 0 where the series itself has a gap."""
        hours = self.starts[rows][:, None] + torch.arange(self.length, device=self.starts.device)
        return self.values[:, hours].transpose(0, 1).nan_to_num(nan=0.0)

    def there(self, rows: Tensor) -> Tensor:
        """1 where the series has a value, float32 (B, C, length)."""
        hours = self.starts[rows][:, None] + torch.arange(self.length, device=self.starts.device)
        return (~self.values[:, hours].transpose(0, 1).isnan()).float()

    def clock(self, rows: Tensor) -> Tensor:
        """Of the windows, (B, 4, length)."""
        return clock(self.first_hour + self.starts[rows], self.length)

    def condition(self, rows: Tensor) -> dict[str, Tensor]:
        """What is known of the windows: known, 0 where missing; mask; clock."""
        mask = self.there(rows)
        if self.masks is not None:
            mask = mask * self.masks[rows % len(self.masks)]
        return {"known": mask * self.x0(rows), "mask": mask, "clock": self.clock(rows)}


def windows_of(series: Series, part: str, stride: int = 1, before: int = 0, masks: Tensor | None = None,
               length: int = WINDOW) -> SeriesData:
    """The windows of one part, `stride` hours apart. before: how many hours of the part before it a window may reach into,
    as a forecast does that is told what came before. Raises ValueError where the part is shorter than a window."""
    rows = series.parts[part]
    first = max(0, rows.start - before)
    values = series.scaled[:, first:rows.stop]
    if values.shape[1] < length:
        raise ValueError(f"the {part} part of {series.name} has {values.shape[1]} hours, and a window has {length}")
    starts = torch.arange(0, values.shape[1] - length + 1, stride)
    return SeriesData(values, series.first_hour + first, starts, f"{series.name}-{part}", series.source, series.sha256,
                      masks, length)
