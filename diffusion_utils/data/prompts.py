"""Words as the numbers that networks take: what the prompts of all data sets share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..errors import unknown_name

PAD, BEGIN = "·", "^"  # nothing; and what stands before the first word, so that a prompt without words is one, too
FEW = 100  # words that an error lists


def numbers_of(prompts: Sequence[Sequence[str]], number: Mapping[str, int], length: int) -> Tensor:
    """The numbers of prompts, int64 (N, length): where one begins, its words, and 0 for what is left over.

    prompts: the words of each; number: that of each known word, of which `PAD` has 0 and `BEGIN` has 1. A prompt may be empty.
    Raises ValueError for a word that is not known, with the nearest that is, and for more than length − 1 words.
    """
    rows = torch.full((len(prompts), length), number[PAD], dtype=torch.int64)
    for row, words in zip(rows, prompts, strict=True):
        if len(words) >= length:
            raise ValueError(f"a prompt has at most {length - 1} words, got {len(words)}: {' '.join(words[:6])} …")
        for word in words:
            if word not in number or word in (PAD, BEGIN):
                raise unknown_word(word, number)
        row[:len(words) + 1] = torch.tensor([number[BEGIN], *(number[word] for word in words)])
    return rows


def unknown_word(word: str, number: Mapping[str, int]) -> ValueError:
    """What is said of a word that is not known: the nearest; and all that are, where these are few."""
    known = [name for name in number if name not in (PAD, BEGIN)]
    if len(known) <= FEW:
        return unknown_name("word", word, known)
    near = difflib.get_close_matches(word, known, n=1)
    return ValueError(f"unknown word {word!r}.{f' Did you mean {near[0]!r}?' if near else ''} {len(known)} words are known")
