"""Letters as numbers, and back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import unknown_name

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands for what is too rare to be learnt
MOST = 512  # characters of an alphabet at most


@dataclass(frozen=True)
class Alphabet:
    """letters: the characters in the order of their numbers, each once. `UNKNOWN` among them stands for all others.

    Raises ValueError for an alphabet of none, and for a character that occurs twice.
    """

    letters: str

    def __post_init__(self):
        if not self.letters or len(set(self.letters)) != len(self.letters):
            raise ValueError(f"an alphabet holds each character once, and at least one, got {self.letters!r}")

    def __len__(self) -> int:
        return len(self.letters)

    def encode(self, text: str) -> Tensor:
        """int64 (L,). Raises ValueError for a character that is not in the alphabet, unless it has one for the unknown."""
        number = {letter: k for k, letter in enumerate(self.letters)}
        codes, found = np.unique(np.array(list(text), dtype="U1"), return_inverse=True)
        missing = [letter for letter in codes if letter not in number]
        if missing and UNKNOWN not in number:
            raise unknown_name("character", str(missing[0]), self.letters)
        table = np.array([number.get(letter, number.get(UNKNOWN, 0)) for letter in codes], dtype=np.int64)
        return torch.from_numpy(table[found.reshape(-1)]) if len(text) else torch.zeros(0, dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """The text of int64 (L,). Raises ValueError for a number outside the alphabet, such as a mask that was left."""
        numbers = numbers.tolist()
        if any(not 0 <= k < len(self) for k in numbers):
            raise ValueError(f"numbers of letters must lie in 0…{len(self) - 1}, got {min(numbers)}…{max(numbers)}")
        return "".join(self.letters[k] for k in numbers)


def alphabet_of(text: str, most: int = MOST) -> Alphabet:
    """The characters of a text, sorted; of more than `most`, the frequent ones and one for all others."""
    counts = Counter(text)
    if len(counts) <= most:
        return Alphabet("".join(sorted(counts)))
    usual = [letter for letter, _ in counts.most_common(most) if letter != UNKNOWN][: most - 1]
    return Alphabet("".join(sorted(usual)) + UNKNOWN)
