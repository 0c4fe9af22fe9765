"""The n-gram model: how likely is a letter after the n − 1 before it? A baseline, and a judge that has not learnt from ours.

Source: Kneser & Ney 1995; Chen & Goodman 1999, section 3 (interpolated, three discounts).
"""

from __future__ import annotations

import numpy as np


class NGram:
    """Interpolated modified Kneser–Ney over letters 0…K − 1.

    p_k(a after h) = max(c(ha) − D, 0)/c(h) + γ(h)·p_(k−1)(a after h less its first letter), p_0 = 1/K. c counts how often ha
    occurs where k = order, below it how many different letters stand before it; D by whether c is 1, 2 or more; γ(h) is what
    the discounts leave.
    """

    def __init__(self, tokens: np.ndarray, K: int, order: int):
        if not 1 <= order <= len(tokens) or K**order >= 2**63:
            raise ValueError(f"order must lie in 1…{len(tokens)}, and {K}^order below 2^63, got {order}")
        self.K, self.order = K, order
        self.tables = [Table(*self._counts(tokens, k), K) for k in range(1, order + 1)]

    def _counts(self, tokens: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k-grams as numbers, sorted, and c of each."""
        if k == self.order:
            return np.unique(coded(tokens, k, self.K), return_counts=True)
        longer = np.unique(coded(tokens, k + 1, self.K))
        return np.unique(longer % self.K**k, return_counts=True)

    def bits(self, rows: np.ndarray) -> np.ndarray:
        """−log₂ p of each letter after those before it in its row: int64 (N, L) → float64 (N, L)."""
        p = np.full(rows.shape, 1 / self.K)
        for k, table in enumerate(self.tables, 1):
            if k <= rows.shape[1]:
                p[:, k - 1:] = table.mixed(np.stack([coded(row, k, self.K) for row in rows]), p[:, k - 1:])
        return -np.log2(p)

    def probabilities(self, context: np.ndarray) -> np.ndarray:
        """p of each letter after these: int64 (N, L ≥ 0) → float64 (N, K)."""
        n, length = context.shape
        letters, p = np.arange(self.K), np.full((n, self.K), 1 / self.K)
        for k, table in enumerate(self.tables[: length + 1], 1):
            before = coded_rows(context[:, length - k + 1:], self.K)
            p = table.mixed(before[:, None] * self.K + letters, p)
        return p

    def sample(self, n: int, length: int, seed: int = 0) -> np.ndarray:
        """n rows, int64 (n, length), a letter at a time."""
        rng, rows = np.random.default_rng(seed), np.zeros((n, 0), dtype=np.int64)
        for _ in range(length):
            sums = self.probabilities(rows[:, max(0, rows.shape[1] - self.order + 1):]).cumsum(1)
            new = (sums < rng.random((n, 1)) * sums[:, -1:]).sum(1)
            rows = np.concatenate([rows, new[:, None]], 1)
        return rows


class Table:
    """The k-grams of one k: c, and of each beginning h its c(h) and γ(h)."""

    def __init__(self, codes: np.ndarray, counts: np.ndarray, K: int):
        self.codes, self.K = codes, K
        discount = discounts(counts)[np.minimum(counts, 3)]
        self.kept = counts - discount
        self.contexts, place = np.unique(codes // K, return_inverse=True)
        self.total = np.bincount(place, counts)
        self.gamma = np.bincount(place, discount) / self.total

    def mixed(self, codes: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """p_k of the k-grams, given p_(k−1); where nothing is known of the beginning, that."""
        at, known = found(self.contexts, codes // self.K)
        here, seen = found(self.codes, codes)
        own = np.where(seen, self.kept[here], 0.0) / self.total[at]
        return np.where(known, own + self.gamma[at] * lower, lower)


def discounts(counts: np.ndarray) -> np.ndarray:
    """D of c = 0, 1, 2, and 3 or more, from how many k-grams occur once, twice, … (Chen & Goodman 1999, eq. 17)."""
    n1, n2, n3, n4 = (max(1, int((counts == c).sum())) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    given = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(given, 0.0, [0.0, 1.0, 2.0, 3.0])


def coded(tokens: np.ndarray, k: int, K: int) -> np.ndarray:
    """All k-grams of a row as numbers: int64 (L,) → (L − k + 1,)."""
    return coded_rows(np.lib.stride_tricks.sliding_window_view(tokens, k), K)


def coded_rows(rows: np.ndarray, K: int) -> np.ndarray:
    """Rows of letters as numbers in base K: (…, k) → (…)."""
    number = np.zeros(rows.shape[:-1], dtype=np.int64)
    for k in range(rows.shape[-1]):
        number = number * K + rows[..., k]
    return number


def found(sorted_codes: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each code stands, and whether it does."""
    at = np.searchsorted(sorted_codes, codes).clip(max=len(sorted_codes) - 1)
    return at, sorted_codes[at] == codes
