"""What a scene holds: one or two digits, each with a colour, a size and a stroke; two of them with a relation.

The facts of N scenes are int64 (N, 10), in the order of `FACTS`; −1 stands for "nothing", as for the second digit of one.
"""

from __future__ import annotations

import numpy as np

COLOURS = ("red", "green", "blue", "yellow", "magenta", "white")
SIZES = ("small", "large")
STROKES = ("thin", "thick")
RELATIONS = ("left of", "above")  # of the first digit to the second; the other two are these, told the other way round

FACTS = ("count", "relation", "digit 1", "colour 1", "size 1", "stroke 1", "digit 2", "colour 2", "size 2", "stroke 2")
COUNT, RELATION, FIRST, SECOND = 0, 1, slice(2, 6), slice(6, 10)
DIGIT, COLOUR, SIZE, STROKE = range(4)  # within FIRST and SECOND
ONE_DIGIT = 0.4  # the share of scenes with a single digit

KINDS = ("seen", "colours", "pairs")  # what networks are shown; and the combinations that they never are


def is_held_out_colour(digit: int, colour: int) -> bool:
    """12 of the 60 (digit, colour) pairs, two for each colour, are never shown: a red 0, a red 5, a green 2 …"""
    return (2 * colour - digit) % 5 == 0


def is_held_out_pair(first: int, second: int) -> bool:
    """10 ordered pairs of digits are never shown: a 0 left of or above a 3, a 1 left of or above a 4 …"""
    return second == (first + 3) % 10


def draw_facts(digits: tuple[int, int], kind: str, rng: np.random.Generator) -> np.ndarray | None:
    """Random facts, int64 (10,), of a scene with the first, or with both, of two digits 0…9.

    kind: "seen", as networks are shown; "colours", where each digit has a colour that they never see on it; "pairs", with two
    digits that they never see in this order. None where these digits allow no such scene: draw others.
    """
    facts = np.full(len(FACTS), -1)
    facts[COUNT] = 2 if kind == "pairs" or rng.random() >= ONE_DIGIT else 1
    if facts[COUNT] == 2:
        if is_held_out_pair(*digits) != (kind == "pairs"):
            return None
        facts[RELATION] = rng.integers(len(RELATIONS))
    for digit, place in zip(digits[:facts[COUNT]], (FIRST, SECOND), strict=False):
        colours = [k for k in range(len(COLOURS)) if is_held_out_colour(digit, k) == (kind == "colours")]
        facts[place] = digit, rng.choice(colours), rng.integers(len(SIZES)), rng.integers(len(STROKES))
    return facts


def agrees(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Which facts are as wanted, bool (N, 10): −1 in `wanted` is satisfied by anything. Both int64 (N, 10)."""
    return (wanted == -1) | (wanted == found)


def fits(asked: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """bool (N, M): whether what caption i asks for is true of scene j. asked: int64 (N, 10), −1 where it says nothing; facts:
    int64 (M, 10)."""
    return agrees(asked[:, None], facts[None]).all(-1)
