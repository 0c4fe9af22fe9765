"""Which class each picture of a folder belongs to, and which pictures are kept back to measure by."""

from __future__ import annotations

import torch
from torch import Tensor

from .files import Entry

PER_CLASS = 5  # pictures of a class, on average: with fewer, folders are no classes but an order of another kind


def classes_of(entries: list[Entry]) -> tuple[list[str], str]:
    """The names of the classes in order; or none, and why there are none."""
    names = sorted({entry.label for entry in entries if entry.label is not None}, key=_natural)
    outside = sum(entry.label is None for entry in entries)
    if len(names) < 2:
        return [], "none: there are no folders in it that could be classes"
    if outside:
        return [], f"none: {outside} pictures lie in no folder of their own"
    if len(entries) < PER_CLASS * len(names):
        return [], f"none: {len(names)} folders with fewer than {PER_CLASS} pictures each, on average, are no classes"
    return names, ""


def _natural(name: str) -> tuple[bool, int, str]:
    """Numbers first, by their value: 2 comes before 10."""
    number = name.isascii() and name.isdecimal()
    return not number, int(name) if number else 0, name


def kept_back(named: list[bool]) -> Tensor:
    """Which pictures no network learns from, bool (N,): those that lie in a folder for it, or else a tenth, by chance."""
    chosen = torch.tensor(named)
    if 2 <= int(chosen.sum()) <= len(named) - 2:
        return chosen
    count = min(1000, max(2, len(named) // 10))
    rows = torch.randperm(len(named), generator=torch.Generator().manual_seed(0))[:count]
    return torch.zeros(len(named), dtype=torch.bool).index_fill(0, rows, True)
