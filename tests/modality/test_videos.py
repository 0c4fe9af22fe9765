"""Videos (C, F, H, W), with convolutions of two and of three dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from modality import (
    HOW,
    SCHEDULE,
    TRAIN,
    card_of,
    distance_to,
    drawn,
    evaluated,
    trained,
)
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion_utils import devices
from diffusion_utils.data import TensorData
from diffusion_utils.networks import Network
from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.recipes.diffusion import DiffusionRecipe


class VideoNet(Network):
    """Within each frame, then across frames."""

    def __init__(self, width: int):
        super().__init__()
        self.width, self.time = width, nn.Linear(width, width)
        self.read, self.write = nn.Conv3d(1, width, 1), nn.Conv3d(width, 1, 1)
        self.frame, self.across = nn.Conv2d(width, width, 3, padding=1), nn.Conv3d(width, width, 3, padding=1)

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.read, self.write, self.time)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = self.read(x) + self.time(sinusoidal(time, self.width))[..., None, None, None]
        pictures = F.silu(h).transpose(1, 2).flatten(0, 1)  # (B·F, C, H, W)
        h = h + self.frame(pictures).unflatten(0, (len(x), -1)).transpose(1, 2)
        return self.write(h + self.across(F.silu(h)))


def load_videos(split: str) -> TensorData:
    """A bright row that moves down by one in each of four frames of 6 × 6: the first decides the others."""
    n, generator = (256, torch.Generator().manual_seed(0)) if split == "train" else (64, torch.Generator().manual_seed(1))
    row = (torch.randint(0, 6, (n, 1), generator=generator) + torch.arange(4)) % 6
    frames = F.one_hot(row, 6).float()[..., None].expand(-1, -1, -1, 6)
    return TensorData((2 * frames - 1)[:, None].contiguous(), name=f"toy-videos-{split}", clip=(-1.0, 1.0))


VIDEOS = DiffusionRecipe("toy-videos", {"kind": "toy-video-net", "width": 16},
                         replace(TRAIN, steps=120, batch=32, optimiser="muon"), data="toy-videos",
                         metric="toy-videos", schedule=SCHEDULE, sampling=HOW)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=["channels last", "as usual"])
def test_videos_with_muon_whatever_the_layout_of_pictures(registered, command, monkeypatch, layout):
    """The layout stands for the two kinds of CPU."""
    monkeypatch.setattr(devices, "memory_format", lambda device: layout)
    registered(VIDEOS, load_videos, VideoNet, distance_to("toy-videos"))
    path = trained(command, "toy-videos")
    assert card_of(command, path)["config"]["sample"] == {"shape": [1, 4, 6, 6], "clip": [-1.0, 1.0], "condition": None}
    x = drawn(command, path, 64)
    assert x.shape == (64, 1, 4, 6, 6) and float(x.abs().max()) <= 1
    figures = evaluated(command, path, "--n", "64")
    assert figures["floor_test"] < figures["fd"] < figures["noise"] / 2


