"""How good are the samples? Distances between sets of images in the features of our own digit classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def features_of(net: nn.Module, x: Tensor, batch: int = 500) -> tuple[Tensor, Tensor]:
    """Penultimate features (N, 128) and logits (N, 10), float64 on the CPU. x: (N, 1, 28, 28) float in [−1, 1]."""
    net.eval()
    device = next(net.parameters()).device
    found = [net.features(part.to(device)) for part in x.split(batch)]
    features = torch.cat([f.cpu() for f in found])
    logits = torch.cat([net.head(f).cpu() for f in found])
    return features.double(), logits.double()


def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and covariance (D, D) with divisor N − 1, float64. features: (N, D), N ≥ 2."""
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features must be (N, D) with N ≥ 2, got {tuple(features.shape)}")
    return features.double().mean(0), torch.cov(features.double().T)


def frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2(Σ_a^½ Σ_b Σ_a^½)^½): the Fréchet distance of two Gaussians (Heusel et al. 2017, eq. 6).

    Means (D,), covariances (D, D) symmetric positive semi-definite; both roots are of symmetric matrices, by eigenvalues.
    """
    root_a = _symmetric_root(cov_a.double())
    cross = root_a @ cov_b.double() @ root_a
    trace_of_root = torch.linalg.eigvalsh((cross + cross.T) / 2).clamp(min=0).sqrt().sum()
    gap = (mean_a.double() - mean_b.double()).square().sum()
    return float(gap + cov_a.double().trace() + cov_b.double().trace() - 2 * trace_of_root)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def random_floor(features: Tensor, n: int, seed: int = 0) -> float:
    """Fréchet distance of n random rows to all rows: what a perfect sampler would score with n samples."""
    rows = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))[:n]
    return frechet_distance(*feature_statistics(features), *feature_statistics(features[rows]))


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """(precision, recall): the share of fakes inside the real manifold, and of reals inside the fake one.

    A set's manifold is the union of balls around its points, each reaching to its k-th nearest neighbour
    (Kynkäänniemi et al. 2019, eqs 1–2). real (N, D), fake (M, D) with more than k rows each; use equal sizes to compare.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"precision and recall need more than k = {k} rows, got {len(real)} and {len(fake)}")
    return _share_inside(fake, real, k), _share_inside(real, fake, k)


def _share_inside(points: Tensor, manifold: Tensor, k: int, chunk: int = 1000) -> float:
    radius = torch.cat([torch.cdist(part, manifold).kthvalue(k + 1, dim=1).values for part in manifold.split(chunk)])
    inside = [(torch.cdist(part, manifold) <= radius).any(1) for part in points.split(chunk)]
    return float(torch.cat(inside).double().mean())


def nearest_rows(queries: Tensor, references: Tensor, chunk: int = 500) -> tuple[Tensor, Tensor]:
    """(distance, row) of the nearest reference of each query, Euclidean: both (M,). queries (M, D), references (N, D)."""
    rows = torch.cat([torch.cdist(part, references).argmin(dim=1) for part in queries.split(chunk)])
    # cdist expands ‖a − b‖² and so rounds a copy's distance to more than 0: the chosen one is computed again
    return (queries - references[rows]).norm(dim=1), rows
