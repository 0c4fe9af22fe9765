"""Noise that belongs to a sample: reproducible, independent of the batch, and Gaussian."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.noise import SampleNoise, mixed_seed, sample_indices


def draws(seed: int, indices, shape=(3, 2), times: int = 2) -> list[torch.Tensor]:
    noise = SampleNoise(seed, indices, shape)
    return [noise() for _ in range(times)]


def test_a_row_depends_on_its_seed_and_index_alone() -> None:
    together = draws(7, range(5))
    for i in range(5):
        alone = draws(7, [i])
        for a, b in zip(together, alone, strict=True):
            assert torch.equal(a[i], b[0])


def test_rows_draws_seeds_all_differ() -> None:
    first, second = draws(7, range(4))
    other = draws(8, range(4))[0]
    rows = torch.cat([first, second, other]).flatten(1)
    assert len(rows.unique(dim=0)) == 12


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    draws(0, range(10))
    assert torch.equal(torch.randn(4), expected)


def test_is_standard_gaussian_over_samples() -> None:
    """Moments of the n = 40,000 numbers of 2,000 samples, each within five of its standard errors."""
    x = torch.cat(draws(0, range(2000), shape=(10,))).double().flatten()
    n = len(x)
    assert abs(x.mean()) < 5 * (1 / n) ** 0.5
    assert abs((x**2).mean() - 1) < 5 * (2 / n) ** 0.5  # Var(x²) = 2
    assert abs((x**3).mean()) < 5 * (15 / n) ** 0.5  # Var(x³) = E x⁶ = 15
    assert abs((x**4).mean() - 3) < 5 * (96 / n) ** 0.5  # Var(x⁴) = E x⁸ − 9 = 96; noise multiplied twice gives 9


def test_neighbouring_samples_and_draws_are_uncorrelated() -> None:
    first, second = (d.double() for d in draws(0, range(2000), shape=(10,)))
    limit = 5 * (1 / first.numel()) ** 0.5  # a product of two independent standard normals has variance 1
    assert abs((first[1:] * first[:-1]).mean()) < limit
    assert abs((first * second).mean()) < limit
    assert abs((first * draws(1, range(2000), shape=(10,))[0]).mean()) < limit


def test_mixed_seeds_are_distinct_and_in_range() -> None:
    seeds = {mixed_seed(a, b) for a in range(100) for b in range(100)}
    assert len(seeds) == 10_000, "(a, b) and (b, a) included"
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert mixed_seed(1) != mixed_seed(1, 0), "the count of numbers matters"
    assert 0 <= mixed_seed(-1, 2**70) < 2**63


@pytest.mark.parametrize("numbers", [(0.5,), (1, "2"), (True,)])
def test_a_seed_that_is_not_whole_is_refused(numbers: tuple) -> None:
    with pytest.raises(ValueError, match="a seed or index must be an integer, got "):
        mixed_seed(*numbers)


def test_each_sample_of_a_batch_has_one_number() -> None:
    assert sample_indices(None, 3) == [0, 1, 2] and sample_indices(iter([7, 5]), 2) == [7, 5]
    for wrong in ([1], [1, 2, 3], []):
        with pytest.raises(ValueError, match=f"indices must be one for each of 2 samples, got {len(wrong)}"):
            sample_indices(wrong, 2)


def test_neighbouring_seeds_share_about_half_of_their_bits() -> None:
    """Each of 62 bits flips with chance 1/2 for each of 1,000 neighbours: within five standard errors."""
    flips = [bin(mixed_seed(0, k) ^ mixed_seed(0, k + 1)).count("1") for k in range(1000)]
    assert abs(sum(flips) / 1000 - 31.5) < 5 * (63 / 4 / 1000) ** 0.5
