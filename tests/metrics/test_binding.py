"""Exchanged digits and colours, counted by hand."""

from __future__ import annotations

import numpy as np

from diffusion_utils.data.scenes import facts_of
from diffusion_utils.metrics.binding import exchanged

ASKED = "a red 3 left of a blue 7"


def counts(*pairs: tuple[str, str]) -> dict[str, tuple[int, int]]:
    asked, found = (np.stack([facts_of(pair[k]) for pair in pairs]) for k in (0, 1))
    return {name: (round(one.share * one.n) if one.n else 0, one.n) for name, one in exchanged(asked, found).items()}


def test_each_kind_of_exchange_is_counted_as_itself():
    found = counts((ASKED, ASKED), (ASKED, "a blue 7 left of a red 3"), (ASKED, "a red 7 left of a blue 3"),
                   (ASKED, "a blue 3 left of a red 7"), (ASKED, "a red 3 left of a blue 8"),
                   (ASKED, "a red 3 left of a green 7"))
    assert found == {"placed": (3, 6), "places": (2, 6), "colours": (1, 3)}


def test_the_same_picture_told_the_other_way_round_is_no_exchange():
    assert counts((ASKED, "a blue 7 right of a red 3")) == {"placed": (1, 1), "places": (0, 1), "colours": (0, 1)}


def test_what_could_not_be_told_apart_does_not_count():
    found = counts(("a red 3 left of a blue 3", "a blue 3 left of a red 3"), ("a red 3", "a red 3"),
                   (ASKED, "a red 3 above a blue 7"), (ASKED, "a red 3"),
                   ("a red 3 left of a red 7", "a red 3 left of a red 7"), ("a 3 left of a blue 7", "a blue 3 left of a red 7"))
    assert found == {"placed": (2, 2), "places": (0, 2), "colours": (0, 0)}
