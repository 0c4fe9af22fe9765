"""Distribution function and quantiles of one-dimensional mixtures."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.exact import GaussianMixture

MIXTURE = GaussianMixture([[-1.0], [0.2], [3.0]], [0.1, 0.3, 1.0], [0.5, 0.2, 0.3])


def test_the_distribution_function_is_the_integral_of_the_density() -> None:
    x = torch.linspace(-10, 10, 20_001, dtype=torch.float64)[:, None]
    summed = torch.cumulative_trapezoid(MIXTURE.log_density(x).exp(), x[:, 0])
    # The trapezium rule with steps of 0.001 on a bump of width 0.1: off by about (0.001/0.1)²/12 of its mass.
    torch.testing.assert_close(MIXTURE.cdf(x)[1:], summed, rtol=0, atol=1e-5)


def test_quantiles_undo_the_distribution_function() -> None:
    p = torch.tensor([1e-9, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-9], dtype=torch.float64)
    x = MIXTURE.quantile(p)
    assert x.shape == (7, 1)
    torch.testing.assert_close(MIXTURE.cdf(x), p, rtol=0, atol=1e-14)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one dimension, this mixture has 2"):
        GaussianMixture([[0.0, 0.0]], [1.0]).cdf(torch.zeros(3, 2))
    for p in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            MIXTURE.quantile(torch.tensor([0.5, p]))
