"""A small network for points: coordinates and time go in, a few dense blocks, numbers of the same shape come out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .embedding import ConditionEmbedding
from .network import Network


class MLP(Network):
    """net(x, time, cond) for points: x (B, dim) float, about in [−1, 1]; time (B,) = 1000·t/T; returns (B, dim).

    dim: of the points; width: of the hidden layers; blocks: residual ones, each told the time; num_classes: labels, or 0.
    time_scale multiplies the time first; anything but 1 is a mistake, which chapter 14 makes on purpose.
    """

    def __init__(self, dim: int = 2, width: int = 64, blocks: int = 3, num_classes: int = 0, time_scale: float = 1.0):
        super().__init__()
        if min(dim, width, blocks) < 1 or width % 2:
            raise ValueError(f"dim and blocks must be ≥ 1 and width even, got {dim}, {blocks} and {width}")
        self.time_scale, self.num_classes = time_scale, num_classes
        self.embed = ConditionEmbedding(width, num_classes)
        self.read = nn.Linear(7 * dim, width)
        self.blocks = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
                                    for _ in range(blocks))
        self.write = nn.Linear(width, dim)

    def outer(self) -> Iterator[nn.Module]:
        """The layers that read and write coordinates, and what embeds time and label."""
        yield from (self.read, self.write, self.embed)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        emb = self.embed(self.time_scale * time, cond)
        h = self.read(waves(x))
        for block in self.blocks:
            h = h + block(h + emb)
        return self.write(h)


def waves(x: Tensor) -> Tensor:
    """x and the sines and cosines of πx, 2πx, 3πx: without them a small network sees only smooth shapes. (B, D) → (B, 7D)."""
    angle = torch.cat([k * math.pi * x for k in (1, 2, 3)], dim=1)
    return torch.cat([x, angle.sin(), angle.cos()], dim=1)
