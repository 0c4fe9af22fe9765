"""Features of pictures that nobody has to learn: how strongly random filters answer, from fine to coarse."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RandomFeatures(nn.Module):
    """(B, channels, H, W) → (B, width·stages): the mean strength of each random filter, finest first.

    A stage is a 3×3 convolution with weights from N(0, 2/(9·c_in)) and the absolute value; every second filter sums to 0, so
    it answers to differences alone, and the others to brightness as well. Between two stages the resolution is halved, so the
    last of four sees some 40 pixels. The same seed gives the same features on every machine.
    They tell colours, edges, textures and how these lie together, and know nothing of what is shown.
    """

    def __init__(self, channels: int, width: int = 16, stages: int = 4, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for stage in range(stages):
            c_in = width if stage else channels
            weight = torch.randn(width, c_in, 3, 3, generator=generator) * math.sqrt(2 / (9 * c_in))
            weight[::2] -= weight[::2].mean((2, 3), keepdim=True)
            self.register_buffer(f"weight{stage}", weight)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        strengths = []
        x = (x + 1) / 2  # 0 is black: around 0 the absolute value would make a picture and its negative the same
        for weight in self.buffers():
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight).abs()
            strengths.append(x.mean((2, 3)))
            x = F.avg_pool2d(x, 2, ceil_mode=True)
        return torch.cat(strengths, 1)
