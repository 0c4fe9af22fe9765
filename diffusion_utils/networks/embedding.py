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


def check_labels(labels: int | Tensor, num_classes: int, batch: int) -> None:
    """Raises ValueError unless labels are one integer or integers (B,), 0…num_classes, which stands for "no label".

    Their values are looked at, so a GPU waits; without that, its error would end the whole process.
    """
    labels = torch.as_tensor(labels)
    allowed = f"labels must be one integer or int64 ({batch},), 0…{num_classes - 1}, or {num_classes} for no label"
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool or labels.shape not in ((), (batch,)):
        raise ValueError(f"{allowed}; got {labels.dtype} {tuple(labels.shape)}")
    if labels.device.type != "meta" and bool(((labels < 0) | (labels > num_classes)).any()):
        raise ValueError(f"{allowed}; got {int(labels.min())}…{int(labels.max())}")


class ConditionEmbedding(nn.Module):
    """emb = MLP(sinusoidal(time)) + table[label]: (B,) and None or (B,) -> (B, dim), ready for the residual blocks.

    Computed in the precision of the weights, save for the sinusoids: in half of it 1000 and 1000.4 are one time.
    """

    def __init__(self, dim: int, num_classes: int = 0):
        super().__init__()
        self.dim, self.num_classes = dim, num_classes
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        # Entry num_classes is "no label": what guidance calls the unconditional model.
        self.table = nn.Embedding(num_classes + 1, dim) if num_classes else None

    def forward(self, time: Tensor, cond: Tensor | None = None) -> Tensor:
        emb = self.mlp(sinusoidal(time, self.dim).to(self.mlp[0].weight.dtype))
        if self.table is not None:
            emb = emb + self.table(self.label(time, cond))
        elif cond is not None:
            raise ValueError("this network was built with num_classes=0 and takes cond=None only")
        return nn.functional.silu(emb)

    @torch.no_grad()
    def forget_labels(self) -> None:
        """Be told no label from now on. "No label" always added the same row of the table, which belongs in the bias."""
        if self.table is None:
            raise ValueError("this network has no labels to forget: it was built with num_classes=0")
        self.mlp[-1].bias += self.table.weight[-1]
        self.table, self.num_classes = None, 0

    def label(self, time: Tensor, cond: int | Tensor | None) -> Tensor:
        """The row of the table for each sample, int64 (B,): its label, or the last row where there is none.

        On a GPU the values are not looked at, which would make each step wait; a `Denoiser` does so once.
        """
        if cond is None:
            return torch.full_like(time, self.num_classes, dtype=torch.int64)
        cond = torch.as_tensor(cond)
        if cond.device.type == "cpu" and not torch.compiler.is_compiling():
            check_labels(cond, self.num_classes, len(time))
        return cond.to(time.device, torch.int64).expand(time.shape)
