"""Between what is looked at and what is diffused: a codec. Of pixels it is the identity."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Codec(Protocol):
    """Turns samples into what the network sees, and back."""

    def encode(self, x: Tensor) -> Tensor:
        """What the network sees of samples (B, …)."""

    def decode(self, z: Tensor) -> Tensor:
        """The samples (B, …) again."""


class Identity:
    """The network sees the samples themselves."""

    def encode(self, x: Tensor) -> Tensor:
        """x."""
        return x

    def decode(self, z: Tensor) -> Tensor:
        """z."""
        return z


class NetworkCodec:
    """A network with `encode` and `decode`, a part of the same checkpoint; samples and codes stay on the device they are on."""

    def __init__(self, net: nn.Module):
        self.net, self.device = net, next(net.parameters()).device

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The network's codes of samples."""
        return self.net.encode(x.to(self.device)).to(x.device)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The network's samples of codes."""
        return self.net.decode(z.to(self.device)).to(z.device)


# kind → class, made from the rest of the card's "codec"; where that names a "part", from this network of the checkpoint
CODECS: dict[str, type[Codec]] = {"identity": Identity, "network": NetworkCodec}
