"""What training and evaluation ask of any data set: how many samples, what one is, and the rows of a batch.

A loader is a function of the split, 'train' or 'test', and returns a `Dataset`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor

from ..conditions import Condition, check_count, each, rows_of


class Dataset(Protocol):
    """name, source: what was loaded, and from where
    sha256: of all samples and conditions, for the record of a training run
    shape: of one sample, such as (1, H, W) for grey pictures
    clip: the range that no sample leaves, (low, high), or None where there is none
    """

    name: str
    source: str
    sha256: str

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def clip(self) -> tuple[float, float] | None: ...

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Self:
        """The same data on the device, so that no batch has to travel."""

    def x0(self, rows: Tensor) -> Tensor:
        """The samples of these rows as the network sees them: float32 (B, …), or int64 for tokens."""

    def condition(self, rows: Tensor) -> Condition:
        """What belongs to these rows; None where nothing does."""


@dataclass(frozen=True, eq=False)
class TensorData:
    """Data that is a tensor already.

    values: (N, …), N ≥ 1, in the network's own units
    cond: a `Condition` of N samples, or None
    clip: the range that no sample leaves, or None

    Raises ValueError for no samples, values that are not finite, and a condition of another number.
    """

    values: Tensor
    cond: Condition = None
    name: str = "own"
    source: str = "given"
    clip: tuple[float, float] | None = None

    def __post_init__(self):
        if not isinstance(self.values, Tensor) or self.values.ndim < 2 or len(self.values) == 0:
            given = tuple(self.values.shape) if isinstance(self.values, Tensor) else type(self.values).__name__
            raise ValueError(f"{self.name}: values must be a tensor (N, …) with N ≥ 1, got {given}")
        if not bool(torch.isfinite(self.values).all()):
            raise ValueError(f"{self.name}: values hold NaN or infinity")
        check_count(self.cond, len(self.values))

    @property
    def sha256(self) -> str:
        """Of the values and what belongs to them."""
        entries = self.cond if isinstance(self.cond, dict) else {"": self.cond}
        digest = hashlib.sha256()
        for entry in (self.values, *(entry for entry in entries.values() if entry is not None)):
            digest.update(str((entry.dtype, tuple(entry.shape))).encode() + entry.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.values.shape[1:])

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device) -> TensorData:
        """The same data on the device."""
        return replace(self, values=self.values.to(device), cond=each(lambda entry: entry.to(device), self.cond))

    def x0(self, rows: Tensor) -> Tensor:
        """The samples of these rows."""
        return self.values[rows]

    def condition(self, rows: Tensor) -> Condition:
        """The condition of these rows."""
        return rows_of(self.cond, rows)
