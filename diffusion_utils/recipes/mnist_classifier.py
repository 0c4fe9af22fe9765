"""mnist-classifier: the yardstick. A digit classifier whose 128 penultimate features measure sample quality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Dataset, load_mnist, to_model
from ..metrics.frechet import feature_statistics, features_of, frechet_distance, random_floor
from ..training import LossFn, Step, TrainConfig
from ..training.distributed import Group
from .recipe import Recipe, check_labels


def jitter(x: Tensor, generator: torch.Generator, degrees: float = 12, shift: float = 2.0, scale: float = 0.1) -> Tensor:
    """Turn, move and zoom each image a little: up to ±degrees, ±shift pixels, ±scale. x: (B, 1, 28, 28) → the same."""
    u = torch.rand((len(x), 4), generator=generator) * 2 - 1
    angle, zoom = u[:, 0] * math.radians(degrees), 1 + u[:, 1] * scale
    move = u[:, 2:] * shift / (x.shape[-1] / 2)  # in the grid's unit: half the image
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack([torch.stack([cos, -sin, move[:, 0]], 1), torch.stack([sin, cos, move[:, 1]], 1)], 1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False).to(x.device)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1  # outside the frame: 0 after + 1, the background


@dataclass(frozen=True)
class ClassifierRecipe(Recipe):
    """Cross-entropy on jittered digits; the checkpoint carries the feature statistics of the training digits."""

    def config(self) -> dict:
        return {"network": self.network}

    def check(self, runs: Path) -> None:
        """The test digits, by which the finished network is measured, must be there."""
        load_mnist("test")

    def check_data(self, data: Dataset) -> None:
        """Pictures of the network's size, labels 0…9, and enough of them for covariances."""
        if data.shape != (1, 28, 28) or len(data) < 4:
            raise ValueError(f"{self.name} needs at least 4 pictures of shape (1, 28, 28), got {(len(data), *data.shape)}")
        check_labels(data, 10)

    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        self.check_data(data)
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            rows = step.rows.to(device)
            x, wanted = jitter(data.x0(rows), step.generator), data.condition(rows)
            return F.cross_entropy(net(group.share(x)).float(), group.share(wanted), label_smoothing=0.05)

        return loss

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """Mean and covariance of the features of the training digits, both floors, and the test accuracy."""
        net = net.half().float()  # as it will be shipped
        test = load_mnist("test")
        train_features, _ = features_of(net, data.x0(torch.arange(len(data))))
        test_features, logits = features_of(net, to_model(test.images))
        mean, covariance = feature_statistics(train_features)
        figures = {
            "test_accuracy": float((logits.argmax(1) == test.labels).double().mean()),
            "floor_test": frechet_distance(mean, covariance, *feature_statistics(test_features)),
            "floor_random": random_floor(train_features, n=min(10_000, len(data) // 2)),
            "n_test": len(test),
        }
        return {"features.mean": mean, "features.covariance": covariance}, {"figures": figures}


MNIST_CLASSIFIER = ClassifierRecipe(
    name="mnist-classifier",
    data="mnist",
    network={"kind": "classifier", "width": 32, "dropout": 0.3},
    metric=None,  # it draws nothing
    train=TrainConfig(steps=7000, batch=128, lr=2e-3, warmup=300, ema=0.998, weight_decay=0.01),
)
