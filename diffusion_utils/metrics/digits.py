"""What is measured of a set of digits: Fréchet distance beside its floors, accuracy, precision, recall, nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import checkpoints
from ..data import DataError, ImageData, load_mnist, to_model
from .frechet import feature_statistics, features_of, frechet_distance, nearest_rows, precision_recall

YARDSTICK = "mnist-classifier"


def check_images(x: Tensor) -> Tensor:
    """float32 (N, 1, 28, 28) on the CPU, N ≥ 2, finite, in [−1, 1]; anything else is a ValueError that says what was given."""
    if x.ndim != 4 or tuple(x.shape[1:]) != (1, 28, 28) or len(x) < 2:
        raise ValueError(f"images must be (N ≥ 2, 1, 28, 28), got {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"images must be floating point in [−1, 1], got {x.dtype}")
    if not torch.isfinite(x).all():
        raise ValueError("images hold NaN or infinite values")
    if float(x.min()) < -1.001 or float(x.max()) > 1.001:
        raise ValueError(f"images must lie in [−1, 1], got {float(x.min()):.3g}…{float(x.max()):.3g}")
    return x.cpu().float()


def check_label_list(labels: Tensor, n: int) -> Tensor:
    """int64 (n,) on the CPU with values 0…9, or a ValueError."""
    labels = torch.as_tensor(labels).cpu()
    if labels.is_floating_point() or labels.dtype == torch.bool or labels.shape != (n,):
        raise ValueError(f"labels must be {n} integers in 0…9, got {labels.dtype} {tuple(labels.shape)}")
    if n and not 0 <= int(labels.min()) <= int(labels.max()) <= 9:
        raise ValueError(f"labels must be {n} integers in 0…9, got {int(labels.min())}…{int(labels.max())}")
    return labels.long()


class Yardstick:
    """The shipped classifier with the statistics of the 60,000 training digits; works without the data set."""

    def __init__(self, device: str | None = None):
        self.checkpoint = checkpoints.load(YARDSTICK, device)
        tensors = checkpoints.read_tensors(YARDSTICK)
        self.mean, self.covariance = tensors["features.mean"], tensors["features.covariance"]
        self.figures = self.checkpoint.card["figures"]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 128) and logits (N, 10) of images (N, 1, 28, 28) in [−1, 1]."""
        return features_of(self.checkpoint.net, x)

    def distance(self, x: Tensor) -> float:
        """Fréchet distance of the images to the training digits; its value depends on N, so state N beside it."""
        return frechet_distance(self.mean, self.covariance, *feature_statistics(self.features(x)[0]))


def evaluate(x: Tensor, labels: Tensor | None = None, calls: int | None = None, device: str | None = None) -> dict:
    """All figures of a set of digits as a dictionary ready for JSON. x: float (N, 1, 28, 28) in [−1, 1]; labels int64 (N,).

    Precision, recall and nearest training digits need the training digits; without them these are None, with the reason.
    """
    x = check_images(x)
    labels = None if labels is None else check_label_list(labels, len(x))
    yardstick = Yardstick(device)
    features, logits = yardstick.features(x)
    figures = yardstick.figures
    result = {
        "fd": frechet_distance(yardstick.mean, yardstick.covariance, *feature_statistics(features)),
        "n": len(x), "calls": calls,
        "reference": "128 penultimate features of mnist-classifier over the 60,000 training digits",
        "floor_test": figures["floor_test"], "floor_random": figures["floor_random"],
        "accuracy": None if labels is None else float((logits.argmax(1) == labels).double().mean()),
    }
    try:
        train = load_mnist("train")
        if train.name != "mnist-train":
            raise DataError("the MNIST training digits are not at hand")
    except DataError as error:
        return result | {"precision": None, "recall": None, "nearest": None, "note": f"not measured: {error}"}
    return result | _against_training_digits(yardstick, x, features, train)


def _against_training_digits(yardstick: Yardstick, x: Tensor, features: Tensor, train: ImageData, worst: int = 5) -> dict:
    """Precision and recall against as many training digits (at most 10,000), and the samples nearest to a training digit."""
    size = min(len(x), 10_000)
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:size]
    real, _ = yardstick.features(to_model(train.images[rows]))
    precision, recall = precision_recall(real, features[:size]) if size > 3 else (None, None)
    references = to_model(train.images).flatten(1)
    distance, row = nearest_rows(x.flatten(1), references)
    per_pixel = distance / references.shape[1] ** 0.5  # root mean square difference of a pixel
    closest = per_pixel.argsort()[:worst]
    held_out, _ = nearest_rows(to_model(load_mnist("test").images[:1000]).flatten(1), references)
    return {
        "precision": precision, "recall": recall,
        "nearest": {
            "unit": "root mean square difference of a pixel, images in [−1, 1]",
            "worst": [{"sample": int(i), "training_digit": int(row[i]), "label": int(train.labels[row[i]]),
                       "distance": float(per_pixel[i])} for i in closest],
            "median": float(per_pixel.median()),
            "median_of_test_digits": float((held_out / references.shape[1] ** 0.5).median()),
            "smallest_of_test_digits": float((held_out / references.shape[1] ** 0.5).min()),
        },
    }
