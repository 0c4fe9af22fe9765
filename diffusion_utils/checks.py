"""Questions about what is given, asked once and before the work begins. Each error says what was given and what is allowed."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import Tensor


def whole_number(name: str, given: object, low: int | None = None, high: int | None = None) -> int:
    """An integer as Python's own, given as that, as NumPy's or as a tensor's. Raises ValueError unless it is in low…high."""
    try:
        number = None if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = None
    if number is None or low is not None and number < low or high is not None and number > high:
        allowed = "" if low is None else f" ≥ {low}" if high is None else f" in {low}…{high}"
        raise ValueError(f"{name} must be an integer{allowed}, got {given!r}")
    return number


def on_cpu(numbers: float | Sequence[float] | Tensor) -> Tensor:
    """In float64 on the CPU, in two steps: Apple's GPU casts before it copies, and has no float64."""
    return torch.as_tensor(numbers.cpu() if isinstance(numbers, Tensor) else numbers, dtype=torch.float64)


def widened(name: str, x: Tensor) -> Tensor:
    """x in float32, or in float64 where it is that: steps computed in half precision would add up its roundings.

    Raises TypeError for what is not floating point.
    """
    if not x.is_floating_point():
        raise TypeError(f"{name} must be floating point, scaled to [−1, 1] for images, got {x.dtype}")
    return x.to(torch.promote_types(x.dtype, torch.float32))


def clean_state(name: str, x: Tensor) -> Tensor:
    """Data to start a walk with, (B ≥ 1, …), widened. A GPU waits for it once.

    Raises TypeError for what is not floating point, ValueError for NaN, infinity or a batch of none.
    """
    x = widened(name, torch.as_tensor(x))
    if x.ndim == 0 or x.numel() == 0:
        raise ValueError(f"{name} must be (B, …) with B ≥ 1, got {tuple(x.shape)}")
    if x.device.type != "meta" and not bool(x.isfinite().all()):  # on the device `meta` there are no numbers to look at
        raise ValueError(f"{name} must be finite, got NaN or infinity in {int((~x.isfinite()).sum())} of {x.numel()} numbers")
    return x


def same_shape(**tensors: Tensor) -> None:
    """Raises ValueError unless all have the shape of the first: PyTorch would stretch the smaller one without a word."""
    (first, x), *others = tensors.items()
    for name, other in others:
        if other.shape != x.shape:
            raise ValueError(f"{name} must have the shape of {first} {tuple(x.shape)}, got {tuple(other.shape)}")


def levels_fit(x: Tensor, **levels: float | Tensor) -> None:
    """Raises ValueError unless each is one number or (B, 1, …, 1) for x (B, …): (B,) would go along x's last axis."""
    for name, level in levels.items():
        shape = torch.as_tensor(level).shape
        if shape and (len(shape) != x.ndim or any(a not in (1, b) for a, b in zip(shape, x.shape, strict=True))):
            wanted = (len(x),) + (1,) * (x.ndim - 1)
            raise ValueError(f"{name} must be one number or {wanted} for data of shape {tuple(x.shape)}, got {tuple(shape)}")


def zeros_and_ones(mask: object) -> Tensor:
    """The mask as a tensor. Raises ValueError unless it holds nothing but zeros and ones, or False and True."""
    mask = torch.as_tensor(mask)
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("mask must hold 1 where a pixel is known and 0 where it is to be filled, nothing else")
    return mask
