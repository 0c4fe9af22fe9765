"""What the mistakes did when they were measured: `benchmarks/bugs.py` writes it, chapter 14 shows it."""

from __future__ import annotations

from safetensors import torch as safetensors
from torch import Tensor

from ..records import FOLDER, load_record

RIGHT = "right"  # the name of the run without a mistake
POINTS = FOLDER / "bugs.safetensors"


def load_points() -> dict[str, Tensor]:
    """Samples of the models of points, float32 (n, 2): one entry for each training bug, and 'right'."""
    return {name: points.float() for name, points in safetensors.load(POINTS.read_bytes()).items()}


def load_measured() -> dict:
    """The record: 'training' (loss history and share of samples on target) and 'digits' (Fréchet distance, accuracy)."""
    return load_record("bugs")
