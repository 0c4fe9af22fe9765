"""What each version of the experiment did when it was measured: `benchmarks/article.py` writes it, chapter 13 shows it."""

from __future__ import annotations

from torch import Tensor

from ...records import load_record, load_tensors


def load_samples() -> dict[str, Tensor]:
    """Samples of the versions that run: name → uint8 (16, 1, 28, 28), from the same 16 seeds; grey where not finite."""
    return load_tensors("article")


def load_measured() -> dict:
    """The record: 'versions' (figures or the error of each), 'runs' (loss history and time of each training), 'variance'."""
    return load_record("article")
