"""Gaps by linear prediction: exact for a process that is known exactly, and near it where that has to be found first."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz, toeplitz
from scipy.signal import lfilter

from diffusion_utils.linear_prediction import fill_gaps, filled_by, prediction

# Two damped resonances: x_n = Σ c_k·x_(n−k) + e_n
POLES = np.array([0.98 * np.exp(0.4j), 0.95 * np.exp(1.3j)])
C = -np.poly([*POLES, *POLES.conj()]).real[1:]
X = lfilter([1], [1, *-C], np.random.default_rng(0).normal(size=3000))[1000:]
MASK = np.ones(2000)
MASK[900:912] = 0
MASK[[300, 301, 1500]] = 0


def lags_of_process(n: int) -> np.ndarray:
    """The exact correlations at 0…n − 1, from the response to one impulse."""
    response = lfilter([1], [1, *-C], np.eye(1, 6000)[0])
    return np.array([response[:6000 - k] @ response[k:] for k in range(n)])


def test_a_known_process_is_filled_with_its_exact_conditional_mean():
    covariance, missing = toeplitz(lags_of_process(2000)), MASK == 0
    cross, seen = covariance[missing][:, ~missing], covariance[~missing][:, ~missing]
    wanted = cross @ np.linalg.solve(seen, X[~missing])
    found = filled_by(X, MASK, C)
    np.testing.assert_allclose(found[missing], wanted, rtol=0, atol=1e-6 * X.std())
    assert np.array_equal(found[~missing], X[~missing])


def test_what_is_hidden_is_not_looked_at():
    other = np.where(MASK == 0, 1e6, X)
    assert np.array_equal(fill_gaps(other, MASK, 8), fill_gaps(X, MASK, 8))
    np.testing.assert_allclose(filled_by(other, MASK, C), filled_by(X, MASK, C))


def test_the_process_is_found_from_the_wave():
    np.testing.assert_allclose(prediction(X, 4), C, atol=0.05)  # 1/√2000 is 0.02
    lags = lags_of_process(5)
    np.testing.assert_allclose(solve_toeplitz(lags[:-1], lags[1:]), C, atol=1e-6)


def test_a_gap_is_filled_nearly_as_well_as_if_the_process_were_known():
    missing = MASK == 0
    best, found = filled_by(X, MASK, C), fill_gaps(X, MASK, 8)
    error = [np.square(x - X)[missing].mean() for x in (best, found)]
    assert error[1] < 1.3 * error[0] < 0.8 * np.square(X[missing]).mean()


def test_a_tone_goes_on_through_a_gap():
    tone = np.sin(0.3 * np.arange(1200))
    mask = np.ones(1200)
    mask[500:600] = 0
    assert np.abs(fill_gaps(tone, mask, 32, 20) - tone).max() < 0.01


def test_silence_stays_silent_and_nothing_missing_stays_as_it_is():
    mask = np.ones(500)
    assert np.array_equal(fill_gaps(X[:500], mask, 10), X[:500])
    mask[100:120] = 0
    assert np.array_equal(fill_gaps(np.zeros(500), mask, 10), np.zeros(500))
    with pytest.raises(ValueError, match="order must be an integer in 1…250, got 300"):
        fill_gaps(X[:500], mask, 300)
