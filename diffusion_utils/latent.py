"""Between what is looked at and what is diffused: a codec. Of pixels it is the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from .data.speech import EmphasisCodec


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
    """A network with `encode` and `decode`, a part of the same checkpoint; samples and codes stay on the device they are on.

    shape, clip: of one sample and its range, which what is decoded does not leave; None where the card does not say.
    """

    def __init__(self, net: nn.Module, shape: Sequence[int] | None = None, clip: Sequence[float] | None = None):
        self.net, self.device = net, next(net.parameters()).device
        self.shape, self.clip = shape and tuple(shape), clip and tuple(map(float, clip))

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The network's codes of samples."""
        return self.net.encode(x.to(self.device)).to(x.device)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """The network's samples of codes."""
        x = self.net.decode(z.to(self.device)).to(z.device)
        return x if self.clip is None else x.clamp(*self.clip)


# kind → class, made from the rest of the card's "codec"; where that names a "part", from this network of the checkpoint
CODECS: dict[str, type[Codec]] = {"identity": Identity, "network": NetworkCodec, "emphasis": EmphasisCodec}


def kl_to_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, I)) = ½Σ(mean² + variance − 1 − ln variance), in nats: (B, …) twice → (B,).

    Source: Kingma & Welling 2014, appendix B.
    """
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return 0.5 * terms.flatten(1).sum(1)


def autoencoder_loss(x: Tensor, rebuilt: Tensor, mean: Tensor,
                     log_variance: Tensor, kl_weight: float) -> Tensor:
    """(Σ|x − x̂| + Σ(x − x̂)² + kl_weight·KL)/pixels, averaged over the batch: a scalar.

    Error and KL are both *summed* over a sample and then divided by the same number: averaged each on its own, the KL of few
    codes would weigh as much as the error of many pixels, and the codes would carry nothing. x, rebuilt: (B, C, H, W).
    """
    off = (x - rebuilt).flatten(1)
    error = (off.abs() + off.square()).sum(1)
    loss = error + kl_weight * kl_to_standard(mean, log_variance)
    return loss.mean() / off.shape[1]
