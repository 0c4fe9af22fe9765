"""The data of a diffusion model in a latent space: codes of an autoencoder, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..data import Dataset
from ..devices import autocast


@dataclass(frozen=True, eq=False)
class MadeOf:
    """values (N, …): what a network made of each sample of `data`. It has no clip, for such numbers have no range."""

    values: Tensor
    data: Dataset
    clip = None
    made = "what was made"

    @property
    def name(self) -> str:
        return f"{self.made} of {self.data.name}"

    @property
    def source(self) -> str:
        return self.data.source

    @property
    def sha256(self) -> str:
        return self.data.sha256

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what was made of one sample."""
        return tuple(self.values.shape[1:])

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class LatentData(MadeOf):
    """values: codes, float16 (N, latent, h, w), in units in which all of them together have mean 0 and standard deviation 1 in
    each channel.

    They are the encoder's means, and no draws. Where a picture is plain, a draw is mostly noise, which nobody could predict.
    """

    made = "codes"

    def to(self, device: torch.device) -> LatentData:
        """The same codes on the device."""
        return replace(self, values=self.values.to(device), data=self.data.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """The codes of these rows, float32."""
        return self.values[rows].float()

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
