"""What the toy modalities of tests/modality share: their settings, a metric, and the commands that they are put through."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion_utils.data import LOADERS, Dataset, TensorData
from diffusion_utils.metrics import feature_statistics, frechet_distance, random_floor
from diffusion_utils.networks import Network
from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.training import TrainConfig

SCHEDULE = {"name": "cosine", "T": 100}
HOW = {"sampler": "ddim", "steps": 10}
TRAIN = TrainConfig(steps=300, batch=64, lr=4e-3, warmup=20, ema=0.98, log_every=100)


def everything(data: Dataset) -> Tensor:
    """All samples of a data set."""
    return data.x0(torch.arange(len(data)))


def distance_to(loader: str, n: int | None = None):
    """A metric: the Fréchet distance of the flattened samples to the training data, with both floors."""
    def measure(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
        train, test = (everything(LOADERS[loader](split)).flatten(1) for split in ("train", "test"))
        real, noise = feature_statistics(train), torch.randn(train.shape, generator=torch.Generator().manual_seed(2))
        return {"fd": frechet_distance(*real, *feature_statistics(x.flatten(1))), "n": len(x), "calls": calls,
                "floor_test": frechet_distance(*real, *feature_statistics(test)),
                "floor_random": random_floor(train, len(test)),
                "noise": frechet_distance(*real, *feature_statistics(noise))}
    return measure


def trained(command, name: str) -> str:
    """Trains a toy; returns the path of its checkpoint."""
    command("train", name, "--device", "cpu")
    return f"runs/{name}/{name}"


def card_of(command, path: str) -> dict:
    """What `info` prints of a checkpoint."""
    return json.loads(command("info", path))


def drawn(command, path: str, n: int, *options: str) -> Tensor:
    """What `sample` writes."""
    command("sample", "--checkpoint", path, "--n", str(n), "--out", "x.npy", "--device", "cpu", *options)
    return torch.from_numpy(np.load("x.npy"))


def evaluated(command, what: str, *options: str) -> dict:
    """What `evaluate` prints."""
    return json.loads(command("evaluate", what, "--device", "cpu", *options))




# --- A z-scored series (C, L), whose values leave ±1: also what others are made from


class SeriesNet(Network):
    """Three circular convolutions along the series, told the time."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.time = nn.Linear(width, width)
        self.read, self.write = nn.Conv1d(channels, width, 1), nn.Conv1d(width, channels, 1)
        self.hidden = nn.ModuleList(nn.Conv1d(width, width, 7, padding=3, padding_mode="circular") for _ in range(3))
        self.width = width

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.read, self.write, self.time)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = self.read(x) + self.time(sinusoidal(time, self.width))[..., None]
        for layer in self.hidden:
            h = h + layer(F.silu(h))
        return self.write(h)


def load_series(split: str) -> TensorData:
    """Two sines of one random phase, each with mean 0 and standard deviation 1: values up to ±√2."""
    n, generator = (512, torch.Generator().manual_seed(0)) if split == "train" else (128, torch.Generator().manual_seed(1))
    phase = 2 * math.pi * torch.rand(n, 1, generator=generator)
    angle = phase + 2 * math.pi * torch.arange(16) / 16
    return TensorData(math.sqrt(2) * torch.stack([angle.sin(), (2 * angle).cos()], 1), name=f"toy-series-{split}")


SERIES = DiffusionRecipe("toy-series", {"kind": "toy-series-net", "channels": 2, "width": 32}, TRAIN, data="toy-series",
                         metric="toy-series", schedule=SCHEDULE, sampling=HOW, snapshots=(1, 300))


# --- A network with two conditions, and tokens


class TwofoldNet(Network):
    """Told {"level": float (B, 1), "kind": int64 (B,)}; where nothing is told, the kind is 3 and the level 0."""

    conditional = True

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.time, self.kind, self.level = nn.Linear(width, width), nn.Embedding(4, width), nn.Linear(1, width)
        self.read, self.write = nn.Linear(3, width), nn.Linear(width, 3)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(3))

    def check_condition(self, cond, batch: int) -> None:
        if cond is not None and set(cond) != {"level", "kind"}:
            raise ValueError(f"the condition must have level and kind, got {', '.join(cond)}")

    def hide(self, cond, hidden: Tensor):
        return {"level": torch.where(hidden[:, None], 0.0, cond["level"]), "kind": torch.where(hidden, 3, cond["kind"])}

    def forward(self, x: Tensor, time: Tensor, cond=None) -> Tensor:
        cond = cond or {"level": x.new_zeros(len(x), 1), "kind": torch.full((len(x),), 3)}
        told = self.time(sinusoidal(time, self.width)) + self.kind(cond["kind"]) + self.level(cond["level"])
        h = self.read(x) + told
        for layer in self.hidden:
            h = h + layer(F.silu(h + told))
        return self.write(F.silu(h))


def load_tokens(split: str) -> TensorData:
    """Eight tokens in a row, each one more than that before it, modulo five."""
    n, generator = (256, torch.Generator().manual_seed(0)) if split == "train" else (64, torch.Generator().manual_seed(1))
    return TensorData((torch.randint(0, 5, (n, 1), generator=generator) + torch.arange(8)) % 5, name=f"toy-tokens-{split}")
