"""Which digit got what: are two things that a prompt asks for drawn, but exchanged?"""

from __future__ import annotations

import numpy as np

from ..data.scenes.facts import COLOUR, COUNT, FIRST, RELATION, SECOND
from .edits import Share, wilson


def exchanged(asked: np.ndarray, found: np.ndarray) -> dict[str, Share]:
    """Of scenes asked for two different digits, and drawn with two one beside or above the other as asked, how many have

    "placed": each digit where it was asked for; "places": both digits, each in the place of the other;
    "colours": of those where digits are placed and two different colours were asked for, each colour on the other digit.
    asked, found: int64 (N, 10), see `data.scenes.facts`.
    """
    two = (asked[:, COUNT] == 2) & (asked[:, FIRST.start] != asked[:, SECOND.start])
    two &= (found[:, COUNT] == 2) & (found[:, RELATION] == asked[:, RELATION])
    digits, colours = ([place.start + k for place in (FIRST, SECOND)] for k in (0, COLOUR))
    placed = two & (asked[:, digits] == found[:, digits]).all(1)
    turned = two & (asked[:, digits[::-1]] == found[:, digits]).all(1)
    of = placed & (asked[:, colours] != -1).all(1) & (asked[:, colours[0]] != asked[:, colours[1]])
    other = of & (asked[:, colours[::-1]] == found[:, colours]).all(1)
    return {"placed": wilson(int(placed.sum()), int(two.sum())), "places": wilson(int(turned.sum()), int(two.sum())),
            "colours": wilson(int(other.sum()), int(of.sum()))}
