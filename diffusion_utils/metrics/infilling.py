"""How often is a hidden word found again? By a network, which sees both sides, and by letter counts, which see the left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..data.text import TextWindows
from ..discrete import DiscreteSampler
from .ngram import NGram
from .text import WORD, judge_of

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint

STEPS = 8  # calls in which the letters of a word are shown, the surest first


def hidden_words(test: TextWindows, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(rows, hidden) of n windows: int64 (n, L), and bool (n, L), true on one word of at least four letters that touches no
    end. Windows without such a word are passed over; they begin again after the last."""
    rng, rows, hidden = np.random.default_rng(seed), [], []
    for k in range(20 * n):
        row = test.x0(torch.tensor([k % len(test)]))[0]
        text = test.alphabet.decode(row)
        words = [found.span() for found in re.finditer(r"[^\W\d_]+", text)
                 if found.start() > 0 and found.end() < len(text) and found.end() - found.start() >= WORD]
        if words:
            first, last = words[rng.integers(len(words))]
            place = torch.arange(len(row))
            rows.append(row)
            hidden.append((first <= place) & (place < last))
        if len(rows) == n:
            break
    if not rows:
        none = test.x0(torch.arange(0))
        return none, none.bool()
    return torch.stack(rows), torch.stack(hidden)


def hit_rates(checkpoint: Checkpoint, test: TextWindows, file: str | None = None, n: int = 400) -> dict:
    """The share of hidden words that are drawn as they were: by the network, and by the judge from left to right."""
    rows, hidden = hidden_words(test, n)
    if not len(rows):
        return {"words": 0}
    known = torch.where(hidden, -1, rows)
    drawn = checkpoint.kind.draw(checkpoint, len(rows), DiscreteSampler(STEPS, order="confidence"), known=known)
    judge = judge_of(file, rows.shape[1])
    counted = torch.from_numpy(filled_from_the_left(judge, rows.numpy(), hidden.numpy()))

    def hits(x: Tensor) -> float:
        return float(((x == rows) | ~hidden).all(1).float().mean())

    return {"network": hits(drawn), f"{judge.order}-gram": hits(counted), "words": len(rows)}


def filled_from_the_left(judge: NGram, rows: np.ndarray, hidden: np.ndarray, seed: int = 0) -> np.ndarray:
    """The rows with hidden letters drawn one after the other, each after those before it: int64 (N, L)."""
    rng, rows = np.random.default_rng(seed), rows.copy()
    for k in range(rows.shape[1]):
        here = np.flatnonzero(hidden[:, k])
        if len(here):
            sums = judge.probabilities(rows[here, max(0, k - judge.order + 1):k]).cumsum(1)
            rows[here, k] = (sums < rng.random((len(here), 1)) * sums[:, -1:]).sum(1)
    return rows
