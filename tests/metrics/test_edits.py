"""What an edit keeps and changes: counted by hand, and the interval by another's formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from diffusion_utils.data.scenes import facts_of, load_scenes
from diffusion_utils.metrics.edits import edit_shares, judge_edits, wilson


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (3, 7), (1911, 2000), (1, 1)])
def test_the_interval_is_wilsons(right, n):
    wanted = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx((right / n, wanted.low, wanted.high, n), abs=1e-6)


def test_of_nothing_nothing_is_known():
    share, low, high, n = wilson(0, 0)
    assert math.isnan(share) and (low, high, n) == (0, 1, 0)
    with pytest.raises(ValueError, match="right must lie in 0…n, got 8 of 7"):
        wilson(8, 7)


def test_what_is_asked_to_change_to_stay_and_what_is_not_said():
    before = np.stack([facts_of(text) for text in ("a thin small red 3", "a thin small red 3 left of a thin large blue 7")])
    asked = np.stack([facts_of(text) for text in ("a blue 3", "a 3 above a white 7")])
    after = np.stack([facts_of(text) for text in ("a thick small blue 3", "a thin small green 3 left of a thin large white 7")])
    found = edit_shares(before, asked, after)
    counted = {group: {name: (round(one.share * one.n), one.n) for name, one in shares.items()}
               for group, shares in found.items()}
    # to blue, and to white, came; above did not
    assert counted["changed"] == {"all": (2, 3), "relation": (0, 1), "colour": (2, 2)}
    assert counted["kept"] == {"all": (5, 5), "count": (2, 2), "digit": (3, 3)}
    # the first became thick, and the red 3 of the second, whose colour was not said, green
    assert counted["unsaid"] == {"all": (5, 7), "colour": (0, 1), "size": (3, 3), "stroke": (2, 3)}


def test_scenes_that_are_not_edited_keep_everything_and_change_nothing():
    real = load_scenes("test", 60)
    x, before = real.x0(torch.arange(60)), real.facts.numpy()
    asked = before.copy()
    asked[:, 3] = (before[:, 3] + 1) % 6  # another colour for the first
    judged = judge_edits(before, asked, x, x, "cpu")
    assert judged["edit"]["changed"]["all"].share == 0 and judged["edit"]["changed"]["all"].n == 60
    kept, floor = (judged[of]["kept"]["all"].share for of in ("edit", "floor"))
    assert kept > 0.85 > 0.7 > floor  # the reader errs a little, more with other digits than MNIST's
    assert judged["ceiling"]["all"].share == pytest.approx(kept, abs=0.05)  # of the same, and the first colours


@pytest.mark.parametrize("shape", [(3, 9), (2, 10), (10,)])
def test_facts_of_another_shape_are_refused(shape):
    facts = np.zeros((3, 10), np.int64)
    with pytest.raises(ValueError, match=r"facts must be \(N, 10\) three times, got"):
        edit_shares(facts, facts, np.zeros(shape, np.int64))
