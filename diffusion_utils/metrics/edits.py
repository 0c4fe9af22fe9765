"""What an edit changes and what it keeps, by the reader of scenes; and shares with their intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ..data.scenes.facts import FACTS
from .scenes import read_scenes

# what is said of digits is counted for both of them
NAMED = {"count": [0], "relation": [1], "digit": [2, 6], "colour": [3, 7], "size": [4, 8], "stroke": [5, 9]}
NORMAL = 1.959964  # 95 % of a normal distribution lie within so many deviations


class Share(NamedTuple):
    """A share of n with its 95 % interval; nothing is known where n = 0."""

    share: float
    low: float
    high: float
    n: int


def wilson(right: int, n: int) -> Share:
    """right of n, with Wilson's interval (1927): (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n).

    Unlike p ± z·√(p(1 − p)/n) it leaves room where all or none are right. Raises ValueError unless 0 ≤ right ≤ n.
    """
    if not 0 <= right <= n:
        raise ValueError(f"right must lie in 0…n, got {right} of {n}")
    if n == 0:
        return Share(math.nan, 0.0, 1.0, 0)
    p, z2 = right / n, NORMAL**2 / n
    middle, half = p + z2 / 2, NORMAL * math.sqrt(p * (1 - p) / n + z2 / (4 * n))
    return Share(p, max(0.0, (middle - half) / (1 + z2)), min(1.0, (middle + half) / (1 + z2)), int(n))


def edit_shares(before: np.ndarray, asked: np.ndarray, after: np.ndarray) -> dict[str, dict[str, Share]]:
    """Of what the prompt asks, what came: "changed" counts facts that it asks to be other than they were, and that are so;
    "kept" those that it asks to be as they were, and that are; "unsaid" those of which it says nothing, and that are as before.

    Each is a dictionary of `Share` by name, "all" and count, relation, digit, colour, size, stroke where there are any.
    before, asked, after: int64 (N, 10), as `data.scenes.facts` has them; −1 in `asked` is what the prompt does not say.
    """
    shapes = {np.shape(facts) for facts in (before, asked, after)}
    if len(shapes) != 1 or len(before.shape) != 2 or before.shape[1] != len(FACTS):
        raise ValueError(f"facts must be (N, {len(FACTS)}) three times, got "
                         f"{', '.join(str(np.shape(facts)) for facts in (before, asked, after))}")
    said = asked != -1
    groups = {"changed": (said & (asked != before), after == asked), "kept": (said & (asked == before), after == asked),
              "unsaid": (~said & (before != -1), after == before)}
    return {group: _by_name(of, right) for group, (of, right) in groups.items()}


def _by_name(of: np.ndarray, right: np.ndarray) -> dict[str, Share]:
    found = {"all": wilson(int(right[of].sum()), int(of.sum()))}
    for name, columns in NAMED.items():
        if of[:, columns].any():
            found[name] = wilson(int((right & of)[:, columns].sum()), int(of[:, columns].sum()))
    return found


def judge_edits(before: np.ndarray, asked: np.ndarray, x: Tensor, real: Tensor | None = None,
                device: str | None = None) -> dict[str, dict]:
    """`edit_shares` of edited scenes x (N, 3, 64, 64) under "edit"; under "floor" the same where each is judged by another's
    facts and prompt; under "ceiling", where `real`, the scenes before the edit, are given, what the reader finds right in them.

    before, asked: int64 (N, 10).
    """
    after = read_scenes(x, device).facts
    order = np.roll(np.arange(len(after)), 1)  # no scene is judged by its own
    result = {"edit": edit_shares(before, asked, after), "floor": edit_shares(before, asked, after[order])}
    if real is not None:
        result["ceiling"] = edit_shares(before, before, read_scenes(real, device).facts)["kept"]
    return result
