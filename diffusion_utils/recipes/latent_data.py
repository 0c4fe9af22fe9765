"""The data of a diffusion model in a latent space: codes of an autoencoder, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..data import Dataset
from ..devices import autocast


@dataclass(frozen=True, eq=False)
class LatentData:
    """codes: float16 (N, latent, h, w), in units in which all of them together have mean 0 and standard deviation 1 in each
    channel; data: what they are the codes of. It has no clip: codes have no range.

    They are the encoder's means, and no draws. Where a picture is plain, a draw is mostly noise, which nobody could predict.
    """

    codes: Tensor
    data: Dataset
    clip = None

    @property
    def name(self) -> str:
        return f"codes of {self.data.name}"

    @property
    def source(self) -> str:
        return self.data.source

    @property
    def sha256(self) -> str:
        return self.data.sha256

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one code, (latent, h, w)."""
        return tuple(self.codes.shape[1:])

    def __len__(self) -> int:
        return len(self.codes)

    def to(self, device: torch.device) -> LatentData:
        """The same codes on the device."""
        return replace(self, codes=self.codes.to(device), data=self.data.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """The codes of these rows, float32."""
        return self.codes[rows].float()

    def condition(self, rows: Tensor):
        """What belongs to these rows of the data."""
        return self.data.condition(rows)


@torch.no_grad()
def encoded(data: Dataset, coder: nn.Module, batch: int = 250) -> LatentData:
    """The codes of all samples by an `Autoencoder`, on whose device the work is done; they are kept on the CPU."""
    device = next(coder.parameters()).device
    codes = []
    for rows in tqdm(torch.arange(len(data)).split(batch), desc="encoding", leave=False):
        with autocast(device):
            codes.append(coder.encode(data.x0(rows).to(device)).half().cpu())
    return LatentData(torch.cat(codes), data)
