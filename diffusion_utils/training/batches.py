"""Which rows of the data each step sees: a fresh order for each epoch, from the seed and the step alone."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..noise import mixed_seed
from .config import TrainConfig


@lru_cache(maxsize=2)  # shuffling 60,000 numbers anew at each step would cost a GPU more than its optimiser does
def epoch_order(n: int, seed: int) -> Tensor:
    """A random order of n rows, int64 (n,), which nobody may write to."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def batch_rows(n: int, config: TrainConfig, step: int) -> Tensor:
    """Row numbers of the batch of `step` (1, 2, …): each epoch is a fresh permutation of the n rows, seeded by its number."""
    start, rows = (step - 1) * config.batch, []
    while len(rows) < config.batch:
        epoch, offset = divmod(start + len(rows), n)
        order = epoch_order(n, mixed_seed(config.seed, 1, epoch))
        rows.extend(order[offset:offset + config.batch - len(rows)].tolist())
    return torch.tensor(rows)
