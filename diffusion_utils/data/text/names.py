"""First names, sixteen places each: the letters, then "end" up to the last place, which is learnt and scored like a letter.

The file holds many names twice; what is held out is a tenth of the distinct ones, or a twelfth of them would have been seen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..dataset import TensorData
from .files import load_source
from .letters import Alphabet

NAME_LENGTH = 16
NAMES_ALPHABET = Alphabet("abcdefghijklmnopqrstuvwxyz.")
END = 26  # the full stop, which no name holds


def names_of(x: Tensor) -> list[str]:
    """Rows of places as text, int64 (N, 16): what stands before the first end, and all of it where an end is followed by
    letters, with a full stop for each end between them."""
    return [NAMES_ALPHABET.decode(row).rstrip(".") for row in x]


def load_names(split: str) -> TensorData:
    """int64 (N, 16): 'train' nine tenths of the distinct names, 'test' the others."""
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    text, source = load_source("names")
    names = list(dict.fromkeys(text.split()))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0)).tolist()
    held_out = len(names) // 10
    chosen = order[held_out:] if split == "train" else order[:held_out]
    rows = NAMES_ALPHABET.encode("".join(names[k].ljust(NAME_LENGTH, ".") for k in chosen)).view(-1, NAME_LENGTH)
    return TensorData(rows, name=f"names-{split}", source=source)
