"""A U-Net along a series that is told what was observed of it, and a side channel or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..conditions import check_names
from .network import Network
from .unet import UNet

TOLD = ("known", "mask", "side")


class SeriesUNet(Network):
    """net(x, time, cond): x (B, series, L); cond a dictionary of known (B, series, L), 0 where missing, mask, and side
    (B, side, L), as `guidance.observed` makes it; None tells nothing. Returns (B, series, L).

    What was observed is no part of x_t that the network looks at: it sees x_t where it is to be filled, 0 elsewhere.
    L must be divisible by 2^(levels − 1). Raises ValueError where it is not, or where the condition is another one.
    """

    conditional = True

    def __init__(self, series: int, side: int, channels: Sequence[int] = (64, 96, 128), blocks: int = 1, emb_dim: int = 128,
                 dropout: float = 0.0):
        super().__init__()
        self.series, self.side = series, side
        self.unet = UNet(3 * series + side, channels, blocks, emb_dim=emb_dim, dropout=dropout, dims=1, out_channels=series)

    def outer(self) -> Iterator[nn.Module]:
        """Those of the U-Net."""
        yield from self.unet.outer()

    def check_condition(self, cond: dict[str, Tensor] | None, batch: int) -> None:
        """Raises ValueError unless there are known, mask and side, of so many samples and channels."""
        if cond is None:
            return
        check_names(cond, *TOLD)
        for name, channels in zip(TOLD, (self.series, self.series, self.side), strict=True):
            if cond[name].ndim != 3 or tuple(cond[name].shape[:2]) != (batch, channels):
                raise ValueError(f"{name} must be ({batch}, {channels}, L), got {tuple(cond[name].shape)}")

    def hide(self, cond: dict[str, Tensor], hidden: Tensor) -> dict[str, Tensor]:
        """Nothing is told of the samples where `hidden` is true: all entries are 0."""
        return {name: torch.where(hidden.to(entry.device)[:, None, None], 0.0, entry) for name, entry in cond.items()}

    def forward(self, x: Tensor, time: Tensor, cond: dict[str, Tensor] | None = None) -> Tensor:
        if cond is None:
            told = x.new_zeros(len(x), 2 * self.series + self.side, x.shape[-1])
            return self.unet(torch.cat([x, told], 1), time)
        known, mask, side = (cond[name].to(x) for name in TOLD)
        return self.unet(torch.cat([x * (1 - mask), known * mask, mask, side], 1), time)
