"""What the mistakes did when they were measured: `benchmarks/bugs.py` writes it, chapter 14 shows it."""

from __future__ import annotations

from torch import Tensor

from ...records import load_record, load_tensors

RIGHT = "right"  # the name of the run without a mistake


def load_points() -> dict[str, Tensor]:
    """Samples of the models of points, float32 (n, 2): one entry for each training bug, and 'right'."""
    return {name: points.float() for name, points in load_tensors("bugs").items()}


def load_measured() -> dict:
    """The record: 'training' (loss history and share of samples on target) and 'digits' (Fréchet distance, accuracy)."""
    return load_record("bugs")
