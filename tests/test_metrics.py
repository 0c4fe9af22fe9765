"""Measures of sample quality, against closed forms and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from diffusion_utils.metrics import (
    feature_statistics,
    features_of,
    frechet_distance,
    nearest_rows,
    precision_recall,
    random_floor,
)
from diffusion_utils.networks import DigitClassifier

GENERATOR = np.random.default_rng(0)


def random_gaussian(d: int, rank: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    factor = GENERATOR.normal(size=(d, rank or 2 * d))
    return torch.tensor(GENERATOR.normal(size=d)), torch.tensor(factor @ factor.T)


def test_frechet_in_one_dimension() -> None:
    """(μ_a − μ_b)² + (σ_a − σ_b)²."""
    a, b = (torch.tensor([1.5]), torch.tensor([[4.0]])), (torch.tensor([-0.5]), torch.tensor([[9.0]]))
    assert frechet_distance(*a, *b) == pytest.approx(2.0**2 + (2 - 3) ** 2, rel=1e-12)


def test_frechet_of_diagonal_covariances() -> None:
    """‖μ_a − μ_b‖² + Σ(σ_a − σ_b)², here also with variances of 0."""
    std_a, std_b = torch.tensor([0.0, 1.0, 2.0, 0.0]).double(), torch.tensor([0.5, 3.0, 0.0, 0.0]).double()
    mean_a, mean_b = torch.zeros(4).double(), torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    expected = 30 + float((std_a - std_b).square().sum())
    assert frechet_distance(mean_a, std_a.square().diag(), mean_b, std_b.square().diag()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("d", [2, 10, 128])
def test_frechet_agrees_with_scipys_matrix_root(d: int) -> None:
    """tr (Σ_a Σ_b)^½ by the Schur method: another algorithm, on the product that is not symmetric."""
    (mean_a, cov_a), (mean_b, cov_b) = random_gaussian(d), random_gaussian(d)
    root = scipy.linalg.sqrtm(cov_a.numpy() @ cov_b.numpy())
    expected = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * np.trace(root).real
    # Schur's method squares the condition number (about 30² for 2d samples): 1e3·d·1e-16 and a margin of 100.
    assert frechet_distance(mean_a, cov_a, mean_b, cov_b) == pytest.approx(float(expected), rel=1e-9)


def test_frechet_is_a_symmetric_distance_unchanged_by_rotation() -> None:
    a, b = random_gaussian(12), random_gaussian(12)
    forth = frechet_distance(*a, *b)
    assert frechet_distance(*b, *a) == pytest.approx(forth, rel=1e-10)
    turn = torch.linalg.qr(torch.tensor(GENERATOR.normal(size=(12, 12)))).Q
    turned = [(turn @ mean, turn @ cov @ turn.T) for mean, cov in (a, b)]
    assert frechet_distance(*turned[0], *turned[1]) == pytest.approx(forth, rel=1e-10)
    assert forth > 0


def test_frechet_of_a_gaussian_to_itself_is_zero_even_if_flat() -> None:
    mean, cov = random_gaussian(20, rank=5)
    # 15 eigenvalues are 0 up to ±1e-15 of the largest (about 50); their roots err by √(50·1e-15) = 2e-7 each.
    assert abs(frechet_distance(mean, cov, mean, cov)) < 2 * 15 * 50**0.5 * 2e-7


def test_statistics_agree_with_numpy() -> None:
    x = GENERATOR.normal(size=(50, 4)) * 3 + 100
    mean, cov = feature_statistics(torch.tensor(x, dtype=torch.float32))
    x = x.astype(np.float32).astype(np.float64)
    assert np.allclose(mean, x.mean(0), rtol=1e-13) and np.allclose(cov, np.cov(x.T), rtol=1e-10)
    assert mean.dtype == cov.dtype == torch.float64


@pytest.mark.parametrize("shape", [(1, 3), (5,), (2, 3, 4)])
def test_statistics_refuse_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, D\) with N ≥ 2"):
        feature_statistics(torch.zeros(shape))


def test_floor_falls_as_the_number_of_samples_grows() -> None:
    """The bias of the Fréchet distance is about proportional to 1/n: four times the samples, about a quarter."""
    x = torch.tensor(GENERATOR.normal(size=(20_000, 8)))
    small, large = (np.mean([random_floor(x, n, seed) for seed in range(5)]) for n in (250, 1000))
    assert 3 < small / large < 5.5
    assert random_floor(x, len(x)) == pytest.approx(0, abs=1e-6)


def brute_force(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """Kynkäänniemi et al. 2019, eqs 1 and 2, by loops."""

    def share(points: np.ndarray, manifold: np.ndarray) -> float:
        radii = [sorted(np.linalg.norm(manifold - p, axis=1))[k] for p in manifold]  # [0] is the point itself
        return float(np.mean([any(np.linalg.norm(p - m) <= r for m, r in zip(manifold, radii, strict=True)) for p in points]))

    return share(fake, real), share(real, fake)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_agree_with_loops(k: int) -> None:
    real, fake = GENERATOR.normal(size=(60, 3)), GENERATOR.normal(size=(40, 3)) * 0.7 + 0.5
    expected = brute_force(real, fake, k)
    assert precision_recall(torch.tensor(real), torch.tensor(fake), k) == pytest.approx(expected, abs=1e-12)
    assert 0 < expected[1] < 1, "a case in which they are neither all nor nothing"


def test_precision_and_recall_of_constructed_sets() -> None:
    cluster = torch.arange(6.0)[:, None].double()
    two = torch.cat([cluster, cluster + 100])
    assert precision_recall(two, two.clone()) == (1.0, 1.0)
    assert precision_recall(two, two + 1000) == (0.0, 0.0)
    assert precision_recall(two, cluster + 0.25) == (1.0, 0.5), "one cluster is never made: recall tells"
    assert precision_recall(cluster, torch.cat([cluster, cluster + 100])) == (0.5, 1.0), "half are nonsense: precision tells"


def test_precision_needs_more_rows_than_neighbours() -> None:
    with pytest.raises(ValueError, match="more than k = 3 rows, got 3 and 9"):
        precision_recall(torch.zeros(3, 2), torch.zeros(9, 2))


def test_nearest_rows_agree_with_brute_force() -> None:
    queries, references = GENERATOR.normal(size=(70, 5)), GENERATOR.normal(size=(200, 5))
    distance, row = nearest_rows(torch.tensor(queries), torch.tensor(references), chunk=32)
    table = np.linalg.norm(queries[:, None] - references[None], axis=2)
    assert np.array_equal(row, table.argmin(1))
    assert np.allclose(distance, table.min(1), rtol=1e-12)


def test_a_copy_lies_at_distance_zero() -> None:
    """In float32 and many dimensions too, or a memorised digit would not be noticed as one."""
    references = torch.tensor(GENERATOR.uniform(-1, 1, size=(300, 784)), dtype=torch.float32)
    distance, row = nearest_rows(references[[5, 250]], references)
    assert row.tolist() == [5, 250] and distance.tolist() == [0.0, 0.0]


def test_features_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    net, x = DigitClassifier(width=4), torch.rand(7, 1, 28, 28) * 2 - 1
    whole, parts = features_of(net, x), features_of(net, x, batch=3)
    for a, b, width in zip(whole, parts, (128, 10), strict=True):
        assert a.shape == (7, width) and a.dtype == torch.float64
        assert (a - b).abs().max() < 1e-4 * a.abs().max()  # float32 sums of up to 256 terms, in another order
