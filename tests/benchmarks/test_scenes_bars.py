"""Goals of chapter 6 are met or missed by the record, and what is judged is what is meant."""

from __future__ import annotations

import bars
import numpy as np
import pytest
import torch
from scenes_judged import by_fact, colours, left_of, share
from torch import Tensor

from diffusion_utils.data.scenes import facts_of
from diffusion_utils.data.scenes.drawing import PALETTE, SIDE


def part(right: float, n: int = 1000) -> dict:
    return share(np.arange(n) < right * n)


def record(seen: float, colour: float, pair: float) -> dict:
    """Half of all scenes have two digits, of which fewer are right."""
    shares = {kind: {"right": {"everything": part(right), "two digits": part(right - 0.1)},
                     "ceiling": {"everything": part(0.92)}} for kind, right in
              (("seen", seen), ("colours", colour), ("pairs", pair))}
    return {"parts": shares | {"weight": {"weight": 2}}}


@pytest.mark.parametrize(("shares", "met"), [((0.8, 0.7, 0.7), [True, True, True]), ((0.74, 0.5, 0.7), [False, False, True]),
                                             ((0.9, 0.77, 0.72), [True, True, False])])
def test_held_out_pairs_are_held_to_seen_scenes_of_two(shares, met):
    found = list(bars.scenes(record(*shares)))
    assert [one[2] for one in found] == met
    assert "n = 1000" in found[0][1] and "w = 2" in found[0][1]


def test_what_is_not_measured_is_not_judged():
    assert not list(bars.scenes({"parts": {}}))


def test_a_word_that_looks_at_nothing_misses():
    found = list(bars.scenes({"parts": {"attention": {"whole walk": {"own": part(0.8) | {"share": 0.79}}}}}))
    assert [one[2] for one in found] == [False]


def test_facts_are_counted_over_digits_and_scenes_by_how_many_they_hold():
    wanted = np.stack([facts_of(text) for text in ("a red 3", "a red 3 left of a blue 7")])
    found = np.stack([facts_of(text) for text in ("a red 3", "a red 3 left of a green 7")])
    figures = by_fact(wanted, found)
    counted = {name: (one["share"], one["n"]) for name, one in figures.items()}
    assert counted["everything"] == (0.5, 2) and counted["digit"] == (1.0, 3)
    assert (counted["one digit"], counted["two digits"]) == ((1.0, 1), (0.0, 1))
    assert figures["colour"]["share"] == pytest.approx(2 / 3)


def strokes(counts: list[int]) -> Tensor:
    """Pictures of one upright stroke each, so many of each colour."""
    x = torch.full((sum(counts), 3, SIDE, SIDE), -1.0)
    ink = torch.tensor(PALETTE / 127.5 - 1, dtype=torch.float32)
    for row, colour in zip(x, np.repeat(np.arange(6), counts), strict=True):
        row[:, 20:40, 30:34] = ink[colour][:, None, None]
    return x


def test_the_colours_of_a_3_are_held_to_the_five_that_were_shown():
    """A magenta 3 never was: it counts in full."""
    figures = colours({1.0: strokes([6, 6, 6, 6, 0, 6]), 2.0: strokes([12, 6, 6, 0, 6, 0])})
    fair, off = (figures["over_weight"][w] for w in ("1", "2"))
    assert len(figures["shown"]) == 5 and "magenta" not in figures["shown"]
    assert fair["total_variation"] == pytest.approx(0) and fair["n"] == 30 and fair["perfect"]["mean"] > 0
    assert off["total_variation"] == pytest.approx((0.2 + 0.2 + 0.2 + 0.2) / 2)  # 0.4, 0.2, 0.2, 0, 0.2, 0 by fifths
    low, high = off["bootstrap_95"]  # what is never drawn stays missing, however often one draws again
    assert low == pytest.approx(off["total_variation"]) and low < high


def test_the_mask_keeps_the_left_digit_and_frees_the_right_one():
    mask = left_of(np.array([[8, 4, 30, 14], [12, 40, 34, 50]]))
    assert mask.shape == (1, SIDE, SIDE) and float(mask[..., :27].min()) == 1 and float(mask[..., 27:].max()) == 0
