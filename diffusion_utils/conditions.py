"""What a network is told beside x_t and t: nothing, a tensor, or a dictionary of tensors, whose first axis is B.

What the entries mean is between the data and the network, which embeds them: labels, the words of a text, frames that were
seen. None is "nothing is told", what guidance calls the unconditional model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from .files import write_atomic

Condition = Tensor | dict[str, Tensor] | None


def each(function: Callable[[Tensor], Tensor], cond: Condition) -> Condition:
    """The same condition with the function applied to each of its tensors."""
    if isinstance(cond, dict):
        return {name: function(entry) for name, entry in cond.items()}
    return None if cond is None else function(cond)


def rows_of(cond: Condition, rows: slice | Sequence[int] | Tensor) -> Condition:
    """The condition of some of the samples."""
    return each(lambda entry: entry[rows], cond)


def check_count(cond: Condition, n: int) -> None:
    """Raise ValueError unless the condition is one of n samples."""
    for name, entry in (cond if isinstance(cond, dict) else {"cond": cond}).items():
        if entry is not None and (not isinstance(entry, Tensor) or entry.ndim == 0 or len(entry) != n):
            given = tuple(entry.shape) if isinstance(entry, Tensor) else type(entry).__name__
            raise ValueError(f"{name} must be a tensor for each of {n} samples, ({n}, …), got {given}")


def check_names(cond: Condition, *names: str) -> None:
    """Raise ValueError unless the condition is a dictionary of these entries."""
    if not isinstance(cond, dict) or set(cond) != set(names):
        given = ", ".join(cond) if isinstance(cond, dict) else type(cond).__name__
        raise ValueError(f"the condition must be a dictionary of {', '.join(names)}, got {given}")


def without(cond: Condition, *names: str) -> Condition:
    """A dictionary less these entries; None once nothing is left. Raises ValueError for a name that is not there."""
    if not isinstance(cond, dict) or not set(names) <= set(cond):
        given = f"of {', '.join(cond)}" if isinstance(cond, dict) else type(cond).__name__
        raise ValueError(f"{', '.join(names)} cannot be left out of a condition that is {given}")
    return {name: entry for name, entry in cond.items() if name not in names} or None


def in_proportion(counts: Sequence[int], n: int) -> Tensor:
    """Labels 0, 1, … for n samples, as often as the counts say and well mixed, so that the first few are, too: int64 (n,)."""
    ends = torch.as_tensor(counts, dtype=torch.float64).cumsum(0)
    golden = (5**0.5 - 1) / 2  # multiples of it, less their whole parts, fill 0…1 evenly
    place = torch.arange(n, dtype=torch.float64) * golden % 1
    return torch.searchsorted(ends / ends[-1], place, right=True)


def described(cond: Condition) -> dict | None:
    """What a card says of a condition: the shape and type of each entry for one sample."""
    if cond is None:
        return None
    if isinstance(cond, dict):
        return {name: described(entry) for name, entry in cond.items()}
    return {"shape": list(cond.shape[1:]), "dtype": str(cond.dtype).removeprefix("torch.")}


def write(path: str | Path, cond: Tensor | dict[str, Tensor]) -> None:
    """A condition as a safetensors file, whole or not at all; a tensor alone is its only entry, "cond"."""
    entries = cond if isinstance(cond, dict) else {"cond": cond}
    write_atomic(path, safetensors.save({name: entry.cpu().contiguous() for name, entry in entries.items()}))


def read(path: str | Path) -> Tensor | dict[str, Tensor]:
    """What `write` wrote. Raises OSError where there is no such file, ValueError where it is not a safetensors file."""
    try:
        entries = safetensors.load(Path(path).read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from error
    return entries["cond"] if set(entries) == {"cond"} else entries
