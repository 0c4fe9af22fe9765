"""Noise that belongs to a sample, not to the batch it happens to be in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .checks import whole_number


def mixed_seed(*numbers: int) -> int:
    """One 63-bit seed from several integers, such that neighbouring inputs give unrelated outputs (a chain of SplitMix64).

    Raises ValueError for what is not an integer: 0.5 and 0 would be one seed.
    """
    mask, state = (1 << 64) - 1, 0
    for number in numbers:
        state = (state ^ (whole_number("a seed or index", number) & mask)) + 0x9E3779B97F4A7C15 & mask
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & mask
        state ^= state >> 31
    return state >> 1


def sample_indices(indices: Iterable[int] | None, batch: int) -> list[int]:
    """The numbers of the samples in a batch: 0…batch−1 unless given. Raises ValueError where there are more or fewer."""
    numbers = list(range(batch) if indices is None else indices)
    if len(numbers) != batch:
        raise ValueError(f"indices must be one for each of {batch} samples, got {len(numbers)}")
    return numbers


class SampleNoise:
    """Calling it gives the next standard Gaussian draw (B, *shape), float32; row i depends on (seed, indices[i]) alone.

    Drawn on the CPU whatever the device, so that devices and batch sizes agree on the noise to the bit.
    """

    def __init__(self, seed: int, indices: Iterable[int],
                 shape: Sequence[int], device: torch.device | str = "cpu"):
        self.generators = [
            torch.Generator().manual_seed(mixed_seed(seed, i))
            for i in indices]
        self.shape, self.device = tuple(shape), device

    def __call__(self) -> Tensor:
        rows = torch.empty((len(self.generators), *self.shape))
        for row, generator in zip(rows, self.generators, strict=True):
            row.normal_(generator=generator)
        return rows.to(self.device)


class SampleUniform(SampleNoise):
    """Calling it gives the next uniform draw in [0, 1), (B, *shape), float64 on the CPU, from which classes are drawn.

    Row i depends on (seed, indices[i]) alone. Float64 has a step of 10⁻¹⁶: of float32's, 6·10⁻⁸, a vocabulary can tell.
    """

    def __call__(self) -> Tensor:
        rows = torch.empty((len(self.generators), *self.shape), dtype=torch.float64)
        for row, generator in zip(rows, self.generators, strict=True):
            row.uniform_(generator=generator)
        return rows
