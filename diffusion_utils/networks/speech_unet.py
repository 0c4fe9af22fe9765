"""A U-Net along a wave that is told which digit, whose voice, and what is known of the wave already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .embedding import check_labels
from .network import Network
from .unet import UNet

LABELS, WAVES = ("digit", "speaker"), ("known", "mask")


class SpeechUNet(Network):
    """net(x, time, cond): x (B, 1, length); cond a dictionary of any of digit and speaker, int64 (B,), whose last numbers,
    `digits` and `speakers`, stand for "not told", and known and mask, (B, 1, length), as `guidance.observed` makes them.

    Where the mask is 1 the network sees `known` and not x. At its coarsest level each place is known by a vector of its own,
    and looks at all others: so a sample may depend on every other one. Raises ValueError where the length is not divisible by
    patch·2^(levels − 1), and where the condition is another one.
    """

    conditional = True

    def __init__(self, digits: int = 10, speakers: int = 6, length: int = 6144, patch: int = 16,
                 channels: Sequence[int] = (64, 96, 160), blocks: int = 1, emb_dim: int = 256, dropout: float = 0.1):
        super().__init__()
        divisor = patch * 2 ** (len(channels) - 1)
        if length % divisor:
            raise ValueError(f"length must be divisible by {divisor}, got {length}")
        self.classes = {"digit": digits, "speaker": speakers}
        self.unet = UNet(3, channels, blocks, patch, emb_dim, dropout=dropout, dims=1, out_channels=1,
                         positions=length // divisor)
        self.digit, self.speaker = nn.Embedding(digits + 1, emb_dim), nn.Embedding(speakers + 1, emb_dim)

    def outer(self) -> Iterator[nn.Module | nn.Parameter]:
        """Those of the U-Net, and the tables of labels."""
        yield from (*self.unet.outer(), self.digit, self.speaker)

    def check_condition(self, cond: dict[str, Tensor] | None, batch: int) -> None:
        """Raises ValueError for labels that it does not know, and for known without mask or of another shape."""
        if cond is None:
            return
        if not isinstance(cond, dict) or not set(cond) <= {*LABELS, *WAVES} or ("known" in cond) != ("mask" in cond):
            given = ", ".join(cond) if isinstance(cond, dict) else type(cond).__name__
            raise ValueError(f"the condition must be a dictionary of digit, speaker, and known beside mask; got {given}")
        for name in set(cond) & set(LABELS):
            check_labels(cond[name], self.classes[name], batch)
        for name in set(cond) & set(WAVES):
            if cond[name].ndim != 3 or tuple(cond[name].shape[:2]) != (batch, 1):
                raise ValueError(f"{name} must be ({batch}, 1, L), got {tuple(cond[name].shape)}")

    def hide(self, cond: dict[str, Tensor], hidden: Tensor) -> dict[str, Tensor]:
        """Neither digit nor voice is told of the samples where `hidden` is true; what is known of the wave stays."""
        labels = {name: torch.where(hidden.to(cond[name].device), self.classes[name], cond[name])
                  for name in LABELS if name in cond}
        return cond | labels

    def forward(self, x: Tensor, time: Tensor, cond: dict[str, Tensor] | None = None) -> Tensor:
        cond, also = cond or {}, 0.0
        for name in LABELS:
            label = cond.get(name)
            label = torch.full_like(time, self.classes[name], dtype=torch.int64) if label is None else label.to(time.device)
            also = also + getattr(self, name)(label.expand(len(x)))
        nothing = torch.zeros_like(x)
        known, mask = (cond.get(name, nothing).to(x) for name in WAVES)
        return self.unet(torch.cat([x * (1 - mask), known * mask, mask], 1), time, also=also)
