"""Between what is looked at and what is diffused: a codec. Of pixels it is the identity."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


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


CODECS: dict[str, type[Codec]] = {"identity": Identity}  # kind → class, made from the rest of the card's "codec"
