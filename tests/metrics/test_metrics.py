"""Measures of sample quality, against closed forms and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from diffusion_utils.metrics.digits import check_images, check_label_list
from diffusion_utils.metrics.frechet import (
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


# Other precisions, and what is no data

ROWS = torch.tensor(GENERATOR.normal(size=(40, 4)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_type_is_measured_as_the_same_numbers_in_float64(dtype: torch.dtype) -> None:
    rows = ROWS.to(dtype)
    real, fake = rows[:20], rows[20:]
    wide_real, wide_fake = real.double(), fake.double()
    assert frechet_distance(*feature_statistics(real), *feature_statistics(fake)) == pytest.approx(
        frechet_distance(*feature_statistics(wide_real), *feature_statistics(wide_fake)), rel=1e-12)
    assert precision_recall(real, fake) == precision_recall(wide_real, wide_fake) == precision_recall(real, wide_fake)
    distance, row = nearest_rows(fake, wide_real)
    assert torch.equal(row, nearest_rows(wide_fake, wide_real)[1]) and distance.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_pictures_and_classifiers_of_any_precision_go_together(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net, x = DigitClassifier(width=4), torch.rand(3, 1, 28, 28) * 2 - 1
    usual = features_of(net, x)[0]
    eps = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    for given, asked in ((net, x.to(dtype)), (net.to(dtype), x)):
        found = features_of(given, asked)[0]
        # some ten layers, each of which rounds in that precision
        assert found.dtype == torch.float64 and float((found - usual).abs().max()) < 20 * eps * float(usual.abs().max())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    rows = ROWS.clone()
    rows[3, 1] = bad
    for measure in (lambda: feature_statistics(rows), lambda: precision_recall(ROWS, rows), lambda: nearest_rows(rows, ROWS),
                    lambda: nearest_rows(ROWS, rows), lambda: random_floor(rows, 5),
                    lambda: frechet_distance(rows[3], torch.eye(4), ROWS[0], torch.eye(4)),
                    lambda: frechet_distance(ROWS[0], torch.eye(4), ROWS[0], rows[:4]),
                    lambda: features_of(DigitClassifier(width=4), torch.full((2, 1, 28, 28), bad))):
        with pytest.raises(ValueError, match="hold NaN or infinite values"):
            measure()


@pytest.mark.parametrize(("measure", "words"), [
    (lambda: features_of(DigitClassifier(width=4), torch.zeros(28, 28)), r"\(N ≥ 1, C, …\).* got \(28, 28\)"),
    (lambda: features_of(DigitClassifier(width=4), torch.zeros(2, 1, 28, 28, dtype=torch.uint8)), "uint8"),
    (lambda: feature_statistics(torch.ones(4, 3, dtype=torch.int64)), r"features .* floating point, got \(4, 3\) torch.int64"),
    (lambda: precision_recall(ROWS, ROWS[:, :2]), r"rows of one length, got \(40, 4\) and \(40, 2\)"),
    (lambda: precision_recall(ROWS, ROWS, k=0), "k must be ≥ 1, got 0"),
    (lambda: nearest_rows(ROWS, ROWS[:0]), r"references must be \(N, D\) with N ≥ 1"),
    (lambda: random_floor(ROWS, 41), "n must lie in 2…40, the number of rows, got 41"),
    (lambda: frechet_distance(ROWS[0], torch.eye(4), ROWS[0, :3], torch.eye(3)),
     r"one D, .* got \(4,\), \(4, 4\), \(3,\), \(3, 3\)"),
])
def test_other_shapes_and_types_are_refused(measure, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measure()


# Sets of digits


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_digits_of_any_precision_are_taken(dtype: torch.dtype) -> None:
    x = torch.linspace(-1, 1, 2 * 784).reshape(2, 1, 28, 28)
    assert torch.equal(check_images(x.to(dtype)), x.to(dtype).float())


@pytest.mark.parametrize(("x", "words"), [
    (torch.full((2, 1, 28, 28), float("nan"), dtype=torch.float16), "NaN"), (torch.zeros(1, 1, 28, 28), "N ≥ 2"),
    (torch.zeros((2, 1, 28, 28), dtype=torch.uint8), "uint8"), (torch.full((2, 1, 28, 28), 2.0), r"−1, 1\], got 2…2"),
])
def test_what_are_no_digits_is_refused(x: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_images(x)


@pytest.mark.parametrize(("labels", "words"), [
    (torch.tensor([1.0, 2.0]), "float32"), (torch.tensor([True, False]), "bool"), (torch.tensor([1, 10]), "got 1…10"),
    (torch.tensor([-1, 3]), "got -1…3"), (torch.tensor([1]), r"2 integers in 0…9, got torch.int64 \(1,\)"),
])
def test_what_are_no_labels_is_refused(labels: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_label_list(labels, 2)


def test_labels_may_be_any_integers() -> None:
    for labels in ([3, 4], np.array([3, 4]), torch.tensor([3, 4], dtype=torch.uint8)):
        assert check_label_list(labels, 2).tolist() == [3, 4]
