"""What a scheme of sampling can know at best: a network that makes no mistake, held to the frames that it is shown."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..data.next_door import GIVEN, NextDoor
from ..video import Scheme
from .video import IN_SIGHT, long_videos

DIGITS = 10


def in_sight(data: NextDoor, rows: Tensor, length: int) -> Tensor:
    """In which frames of `long_videos` the digit is wholly in sight: bool (B, length)."""
    return long_videos(data, rows, length)[1][..., 0] <= IN_SIGHT


def can_know(scheme: Scheme, shown: Tensor,
             given: Sequence[int] = range(GIVEN),
             seed: int = 0) -> float:
    """The share of videos at whose end is the digit of the beginning, if frames are made without a mistake.

    shown: bool (B, N), the frames that show the digit; given: the first
    ones. A call knows the digit where a frame that it sees shows one;
    otherwise it guesses, one of ten.
    """
    generator = torch.Generator().manual_seed(seed)
    right, n = 0, shown.shape[1]
    for row in shown:
        says = {frame: 0 for frame in given if row[frame]}
        for call in scheme(given, n):
            told = [says[k] for k in call.observed if k in says]
            guess = int(torch.randint(DIGITS, (), generator=generator))
            digit = told[0] if told else guess
            says |= {k: digit for k in call.latent if row[k]}
        right += says[max(says)] == 0
    return right / len(shown)
