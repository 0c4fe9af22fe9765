"""How the frames of a video look at each other: attention along time, in which only distances in time are known.

Source: Harvey et al. 2022, section 4 and appendix A; Shaw et al. 2018, section 3.2 (relative positions in keys and values).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .unet import SelfAttention


def distances(index: Tensor) -> Tensor:
    """What a frame knows of when another one is: numbers of frames, (B, K) -> (B, K, K, 3).

    Entry (i, j) is ln(1 + d) for d > 0, ln(1 − d) for d < 0, and whether d = 0, where d = index_j − index_i.
    """
    d = (index[:, None, :] - index[:, :, None]).float()
    return torch.stack([d.clamp(min=0).log1p(), (-d).clamp(min=0).log1p(), (d == 0).float()], -1)


class TimeAttention(nn.Module):
    """Each place of each frame looks at the same place of all frames: x + out(Σ_j w_ij·(v_j + b_ij)) with
    w_i = softmax over j of q_i·(k_j + a_ij)/√d, where a and b come from the distance in time by a small network.

    No number of a frame enters but by its distance to others, so a video that begins later is the same video.
    """

    def __init__(self, channels: int, heads: int = 4, groups: int = 8, width: int = 64):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.when = nn.Linear(3, width)
        self.relative = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * channels))
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, apart: Tensor) -> Tensor:
        # x: (B·K, C, H, W), and so what is returned; apart: (B, K, K, 3)
        b, k = apart.shape[:2]
        c, h, w = x.shape[1:]
        # places go with the batch, frames are what is looked at:
        # q, keys, v (B, heads, K, places, d)
        qkv = self.qkv(self.norm(x)).reshape(b, k, 3, self.heads, -1, h * w)
        q, keys, v = qkv.permute(2, 0, 3, 1, 5, 4)
        # to_key, to_value: (B, heads, K, K, d)
        near = self.relative(self.when(apart.to(x.dtype)))
        near = near.reshape(b, k, k, 2, self.heads, -1)
        to_key, to_value = near.permute(3, 0, 4, 1, 2, 5)
        scores = (torch.einsum("bhipd,bhjpd->bhipj", q, keys)
                  + torch.einsum("bhipd,bhijd->bhipj", q, to_key))
        weights = (scores / q.shape[-1] ** 0.5).softmax(-1).to(v.dtype)
        y = (torch.einsum("bhipj,bhjpd->bhipd", weights, v)
             + torch.einsum("bhipj,bhijd->bhipd", weights, to_value))
        # back to (B, K, heads, d, places)
        y = y.permute(0, 2, 1, 4, 3).reshape(b * k, c, h, w)
        return x + self.out(y)


class FrameAttention(nn.Module):
    """First along time, then, where asked for, within each frame."""

    def __init__(self, channels: int, within: bool):
        super().__init__()
        self.time = TimeAttention(channels)
        self.within = SelfAttention(channels) if within else nn.Identity()

    def forward(self, x: Tensor, apart: Tensor) -> Tensor:
        return self.within(self.time(x, apart))
