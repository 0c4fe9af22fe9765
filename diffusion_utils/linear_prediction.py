"""Fill a gap in a wave by linear prediction: the simple method that a network has to beat.

Each sample is taken for a sum of those before it, x_n = Σ_k c_k·x_(n−k) + e_n, and what is missing becomes what makes Σ e_n²
smallest. The sum is found from the wave, gap and all, and the two steps take turns. Source: Janssen, Veldhuis & Vries 1986.
"""

from __future__ import annotations

import numpy as np

from .checks import whole_number

ORDER = 120  # samples that are looked back on: 15 ms, more than a turn of the lowest voice
CONTEXT = 800  # samples beside a gap that the sum is found from: 100 ms, for which a voice stays about the same


def prediction(x: np.ndarray, order: int) -> np.ndarray:
    """The c_k with the least Σ e_n² over a wave (L,): (order,)."""
    rows = np.lib.stride_tricks.sliding_window_view(x, order + 1)[:, ::-1]  # x_n, x_(n−1) … x_(n−order)
    gram = rows.T @ rows
    # a pure tone is predicted without error by many sums: the smallest of them
    ridge = (1e-9 * gram.trace() / order + 1e-300) * np.eye(order)
    return np.linalg.solve(gram[1:, 1:] + ridge, gram[1:, 0])


def filled_by(x: np.ndarray, mask: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """The wave (L,) whose missing samples make the sum of squared errors of the prediction smallest.

    With a = (1, −c_1, …, −c_p) the error is e_n = Σ_k a_k·x_(n−k). Its sum of squares has at the missing places i, j the
    second derivative b_|i−j|, b_l = Σ_k a_k·a_(k+l), so that what is missing solves B·x_missing = −(b * x_known).
    If the wave is Gaussian and the c_k are its own, that is the mean of what is missing, given all the rest.
    """
    a = np.concatenate([[1.0], -np.asarray(coefficients)])
    b = np.correlate(a, a, "full")  # b_|l|, l = −p…p
    missing = np.flatnonzero(mask == 0)
    known = np.where(mask == 0, 0.0, x)
    pull = np.convolve(known, b)[len(a) - 1:][:len(x)][missing]
    apart = np.abs(missing[:, None] - missing)
    by_lag = np.concatenate([b[len(a) - 1:], np.zeros(1)])
    matrix = by_lag[np.minimum(apart, len(a))]
    out = np.array(x, np.float64)
    out[missing] = np.linalg.solve(matrix, -pull)
    return out


def fill_gaps(x: np.ndarray, mask: np.ndarray, order: int = ORDER, rounds: int = 5, context: int = CONTEXT) -> np.ndarray:
    """The wave (L,) with what is missing filled in, float64; known samples are as they were, to the bit.

    mask: (L,), 1 where known; context: how far beside the first and the last gap is looked.
    Raises ValueError for an order of less than 1 or more than half the wave.
    """
    order = whole_number("order", order, 1, len(x) // 2)
    x, mask = np.asarray(x, np.float64), np.asarray(mask)
    out, missing = np.where(mask == 0, 0.0, x), np.flatnonzero(mask == 0)
    if len(missing):
        part = slice(max(0, missing[0] - context), missing[-1] + 1 + context)
        for _ in range(rounds):
            out[part] = filled_by(out[part], mask[part], prediction(out[part], order))
    return out
