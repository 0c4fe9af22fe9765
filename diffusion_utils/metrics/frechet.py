"""How good are the samples? Distances between two sets in the features of a network that judges them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def features_of(net: nn.Module, x: Tensor, batch: int = 500) -> tuple[Tensor, Tensor]:
    """What the judge has before its last layer, (N, D), and its logits, (N, classes): float64 on the CPU.

    net: with `features` and `head`, such as `DigitClassifier`; x: (N, C, …), as it takes them.
    Raises ValueError for samples of another shape or type, and for NaN.
    """
    if x.ndim < 3 or len(x) < 1 or not x.is_floating_point():
        raise ValueError(f"samples must be (N ≥ 1, C, …), floating point, got {tuple(x.shape)} {x.dtype}")
    if not bool(x.isfinite().all()):
        raise ValueError("samples hold NaN or infinite values")
    net.eval()
    weights = next(net.parameters())  # the samples go where these are, in their precision
    found = [net.features(part.to(weights.device, weights.dtype)) for part in x.split(batch)]
    features = torch.cat([f.cpu() for f in found])
    logits = torch.cat([net.head(f).cpu() for f in found])
    return features.double(), logits.double()


def checked(x: Tensor, name: str, rows: int = 1) -> Tensor:
    """Rows of numbers (N, D), N ≥ rows, on the CPU in float32 or wider; half precision has no distances or roots there.

    Raises ValueError for another shape or type, and for NaN or infinity.
    """
    if x.ndim != 2 or len(x) < rows or not x.is_floating_point():
        raise ValueError(f"{name} must be (N, D) with N ≥ {rows}, floating point, got {tuple(x.shape)} {x.dtype}")
    if not bool(x.isfinite().all()):
        raise ValueError(f"{name} hold NaN or infinite values")
    x = x.cpu()
    return x.to(torch.promote_types(x.dtype, torch.float32))


def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and covariance (D, D) with divisor N − 1, float64 on the CPU. features: (N, D) float, finite, N ≥ 2."""
    features = checked(features, "features", rows=2).double()
    return features.mean(0), torch.cov(features.T).reshape(2 * features.shape[1:])


def frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2(Σ_a^½ Σ_b Σ_a^½)^½): the Fréchet distance of two Gaussians (Heusel et al. 2017, eq. 6).

    Means (D,), covariances (D, D) symmetric positive semi-definite; both roots are of symmetric matrices, by eigenvalues.
    Raises ValueError for other shapes, and for NaN or infinity.
    """
    D = mean_a.shape[-1] if mean_a.ndim else 0
    shapes = [tuple(x.shape) for x in (mean_a, cov_a, mean_b, cov_b)]
    if shapes != 2 * [(D,), (D, D)]:
        raise ValueError(f"mean (D,), covariance (D, D), twice and with one D, are needed, got {', '.join(map(str, shapes))}")
    means = checked(torch.stack([mean_a.cpu(), mean_b.cpu()]), "means").double()
    cov_a, cov_b = (checked(cov, "covariances").double() for cov in (cov_a, cov_b))
    root_a = _symmetric_root(cov_a)
    cross = root_a @ cov_b @ root_a
    trace_of_root = torch.linalg.eigvalsh((cross + cross.T) / 2).clamp(min=0).sqrt().sum()
    return float((means[0] - means[1]).square().sum() + cov_a.trace() + cov_b.trace() - 2 * trace_of_root)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def random_floor(features: Tensor, n: int, seed: int = 0) -> float:
    """Fréchet distance of n random rows to all rows: what a perfect sampler would score with n samples.

    Raises ValueError unless 2 ≤ n ≤ N.
    """
    if not 2 <= n <= len(features):
        raise ValueError(f"n must lie in 2…{len(features)}, the number of rows, got {n}")
    features = checked(features, "features")
    rows = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))[:n]
    return frechet_distance(*feature_statistics(features), *feature_statistics(features[rows]))


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """(precision, recall): the share of fakes inside the real manifold, and of reals inside the fake one.

    A set's manifold is the union of balls around its points, each reaching to its k-th nearest neighbour
    (Kynkäänniemi et al. 2019, eqs 1–2). real (N, D), fake (M, D) with more than k rows each; use equal sizes to compare.
    Raises ValueError for too few rows, another shape or type, and NaN.
    """
    real, fake = _alike(real, fake, "real", "fake")
    if k < 1:
        raise ValueError(f"k must be ≥ 1, got {k}")
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"precision and recall need more than k = {k} rows, got {len(real)} and {len(fake)}")
    return _share_inside(fake, real, k), _share_inside(real, fake, k)


def _alike(a: Tensor, b: Tensor, *names: str) -> tuple[Tensor, Tensor]:
    """Both checked, and in one precision, the wider of the two."""
    a, b = checked(a, names[0]), checked(b, names[1])
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{' and '.join(names)} must have rows of one length, got {tuple(a.shape)} and {tuple(b.shape)}")
    wide = torch.promote_types(a.dtype, b.dtype)
    return a.to(wide), b.to(wide)


def _share_inside(points: Tensor, manifold: Tensor, k: int, chunk: int = 1000) -> float:
    radius = torch.cat([torch.cdist(part, manifold).kthvalue(k + 1, dim=1).values for part in manifold.split(chunk)])
    inside = [(torch.cdist(part, manifold) <= radius).any(1) for part in points.split(chunk)]
    return float(torch.cat(inside).double().mean())


def nearest_rows(queries: Tensor, references: Tensor, chunk: int = 500) -> tuple[Tensor, Tensor]:
    """(distance, row) of the nearest reference of each query, Euclidean: both (M,), on the CPU.

    queries (M, D), references (N, D). Raises ValueError for another shape or type, and for NaN.
    """
    queries, references = _alike(queries, references, "queries", "references")
    rows = torch.cat([torch.cdist(part, references).argmin(dim=1) for part in queries.split(chunk)])
    # cdist expands ‖a − b‖² and so rounds a copy's distance to more than 0: the chosen one is computed again
    return (queries - references[rows]).norm(dim=1), rows
