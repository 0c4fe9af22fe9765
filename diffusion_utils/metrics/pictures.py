"""What is measured of pictures of any kind: Fréchet distance in random features beside its floors, and nearest neighbours."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..conditions import Condition
from ..data import Dataset
from ..data.pictures import load_pictures
from ..networks.encoders.random_features import RandomFeatures
from .frechet import feature_statistics, frechet_distance, nearest_rows, precision_recall

MOST = 10_000  # pictures whose features are compared
SEEN_AT = 16  # pixels: the size at which the nearest pictures are looked for
REFERENCE = ("64 strengths of random filters, each divided by its spread over the training pictures: they tell colours, edges "
             "and textures, not what is shown. Compare with the floors here, and with no distance elsewhere")


class Yardstick:
    """The features of a folder's training pictures, and how they are spread. train: pictures (C, H, W) in [−1, 1]."""

    def __init__(self, train: Dataset):
        self.train, self.encoder = train, RandomFeatures(train.shape[0])
        raw = self._raw(train.x0(spread_rows(len(train), MOST)))
        self.mean, self.std = raw.mean(0), raw.std(0).clamp(min=1e-6)  # a filter may answer to no picture at all
        self.features = (raw - self.mean) / self.std
        self.statistics = feature_statistics(self.features)

    def __call__(self, x: Tensor) -> Tensor:
        """Features (N, 64), float64, of pictures (N, C, H, W) in [−1, 1]."""
        return (self._raw(x) - self.mean) / self.std

    def distance(self, features: Tensor) -> float:
        """Fréchet distance to the training pictures; it depends on the number of rows, so state that beside it."""
        return frechet_distance(*self.statistics, *feature_statistics(features))

    def _raw(self, x: Tensor) -> Tensor:
        return torch.cat([self.encoder(part) for part in x.split(500)]).cpu().double()


def evaluate(x: Tensor, cond: Condition = None, calls: int | None = None, device: str | None = None, *,
             folder: str | Path | None = None) -> dict:
    """All figures of a set of pictures as a dictionary ready for JSON. x: float (N, C, H, W) in [−1, 1], C = 1 or 3.

    folder: of the pictures that the network learnt from, of which some were kept back. The floors are what as many of these
    score. Raises ValueError for x of another shape or range, or no folder; DataError where there are no pictures in it.
    """
    x = check_pictures(x)
    if folder is None:
        raise ValueError("pictures are measured by those of a folder: give --data FOLDER")
    train, held_out = (load_pictures(split, folder, x.shape[-1], x.shape[1]) for split in ("train", "test"))
    yardstick = Yardstick(train)
    real, fake = yardstick(held_out.x0(spread_rows(len(held_out), len(x)))), yardstick(x)
    size, n_real = min(len(real), len(fake)), len(real)
    precision, recall = precision_recall(real[:size], fake[:size]) if size > 3 else (None, None)
    return {
        "fd": yardstick.distance(fake), "n": len(x), "calls": calls, "reference": REFERENCE,
        "floor_held_out": yardstick.distance(real), "n_held_out": n_real,
        "floor_train": yardstick.distance(yardstick.features[spread_rows(len(yardstick.features), len(x))]),
        "precision": precision, "recall": recall, "nearest": nearest(x, train, held_out),
    }


def check_pictures(x: Tensor) -> Tensor:
    """float32 (N, C, size, size) on the CPU, N ≥ 2, C = 1 or 3, in [−1, 1]; else a ValueError that says what was given."""
    if x.ndim != 4 or len(x) < 2 or x.shape[1] not in (1, 3) or x.shape[2] != x.shape[3]:
        raise ValueError(f"pictures must be (N ≥ 2, 1 or 3, size, size), got {tuple(x.shape)}")
    if not x.is_floating_point() or not bool(x.isfinite().all()):
        raise ValueError(f"pictures must be finite floating point numbers in [−1, 1], got {x.dtype}")
    if float(x.abs().max()) > 1.001:
        raise ValueError(f"pictures must lie in [−1, 1], got {float(x.min()):.3g}…{float(x.max()):.3g}")
    return x.cpu().float()


def spread_rows(n: int, most: int) -> Tensor:
    """At most so many of n row numbers, at random, always the same."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:most]


def nearest(x: Tensor, train: Dataset, held_out: Dataset, worst: int = 5) -> dict:
    """How far each picture is from the nearest that was learnt from, beside the same of pictures kept back.

    The distance is the root mean square difference of a pixel, in [−1, 1], at 16 × 16 pixels.
    """
    references = torch.cat([_small(train.x0(rows)) for rows in torch.arange(len(train)).split(1000)])
    distance, row = _nearest(_small(x), references)
    kept, _ = _nearest(_small(held_out.x0(spread_rows(len(held_out), 1000))), references)
    closest = distance.argsort()[:worst]
    return {
        "unit": f"root mean square difference of a pixel, in [−1, 1], at {SEEN_AT} × {SEEN_AT} pixels",
        "worst": [{"sample": int(i), "training_picture": int(row[i]), "distance": float(distance[i])} for i in closest],
        "median": float(distance.median()), "median_of_held_out": float(kept.median()),
        "smallest_of_held_out": float(kept.min()),
    }


def _small(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, min(SEEN_AT, x.shape[-1])).flatten(1)


def _nearest(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    distance, row = nearest_rows(queries, references)
    return distance / references.shape[1] ** 0.5, row
