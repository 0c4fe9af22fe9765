"""How a network is told the time t and the label: one vector for both.

Source: Vaswani et al. 2017, section 3.5 (sinusoids); Ho, Jain & Abbeel 2020, appendix B (sinusoids of t into every
residual block); Ho & Salimans 2022, section 3 (a learned "no label" entry, for guidance).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoidal(time: Tensor, dim: int, max_period: float = 10_000.0) -> Tensor:
    """Sines and cosines of the time at dim/2 geometrically spaced frequencies.

    time: (B,) float in [0, 1000]; fed t in [0, 1] instead, every entry is nearly constant and the network is blind
    to the noise level. Returns (B, dim) float32: [cos(ω_i·time), sin(ω_i·time)], ω_i = max_period^(−i/(dim/2)).
    """
    half = dim // 2
    omega = torch.exp(-math.log(max_period) * torch.arange(half, device=time.device, dtype=torch.float32) / half)
    angle = time.float()[:, None] * omega[None, :]  # (B, half)
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class ConditionEmbedding(nn.Module):
    """emb = MLP(sinusoidal(time)) + table[label]: (B,) and None or (B,) -> (B, dim), ready for the residual blocks."""

    def __init__(self, dim: int, num_classes: int = 0):
        super().__init__()
        self.dim, self.num_classes = dim, num_classes
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        # Entry num_classes is "no label": what guidance calls the unconditional model.
        self.table = nn.Embedding(num_classes + 1, dim) if num_classes else None

    def forward(self, time: Tensor, cond: Tensor | None = None) -> Tensor:
        emb = self.mlp(sinusoidal(time, self.dim))
        if self.table is not None:
            label = cond if cond is not None else torch.full_like(time, self.num_classes, dtype=torch.int64)
            emb = emb + self.table(label)
        elif cond is not None:
            raise ValueError("this network was built with num_classes=0 and takes cond=None only")
        return nn.functional.silu(emb)
