"""Helpers for messages: an unknown name is answered by the allowed ones and the nearest; what went wrong is told in a line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import torch


def unknown_name(kind: str, given: str, allowed: Iterable[str]) -> ValueError:
    """A ValueError that names what was given, what is allowed, and the nearest allowed name if one is close."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(given), allowed, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ValueError(f"unknown {kind} {given!r}.{hint} Allowed: {', '.join(allowed)}")


def first_line(error: Exception) -> str:
    """What PyTorch says first of weights that do not fit, without the dozens of lines that follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) if lines else type(error).__name__


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, of a GPU or of the machine: Python, NumPy and PyTorch's devices each say it in their own way."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    if str(error) == "could not create a primitive":  # oneDNN's word for it, where there is no room for a kernel
        return True
    return any(word in str(error) for word in ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED"))
