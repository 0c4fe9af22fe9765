"""The decoder of unCLIP: a U-Net that reads a caption and is told the embedding of a picture, in two ways.

Source: Ramesh et al. 2022, section 2.1: the embedding, mapped by a matrix, is added to the embedding of the time; and four
vectors made of it stand beside those of the words, for the picture to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .attention import Context
from .text_unet import TextUNet
from .words_and_vector import WordsAndVector

BESIDE = 4  # vectors made of the embedding, beside those of the words


class UnclipUNet(WordsAndVector, TextUNet):
    """net(x, time, cond): as `TextUNet`, cond {"tokens": int64 (B, length), "image": float (B, size), a unit vector}.

    Both ways are closed where the vector is zeros. Then, and with the weights of a `TextUNet`, it is that network.
    """

    vector = "image"

    def __init__(self, words: int, length: int, size: int = 64, emb_dim: int = 128, dim: int = 128, **unet):
        super().__init__(words, length, emb_dim=emb_dim, dim=dim, **unet)
        self.size = size
        # neither has a bias: zeros tell nothing
        self.beside_time = nn.Linear(size, emb_dim, bias=False)
        self.beside_words = nn.Linear(size, BESIDE * dim, bias=False)
        nn.init.zeros_(self.beside_time.weight)

    def outer(self) -> Iterator[nn.Module]:
        """Those of the network that reads, and the two ways in."""
        yield from super().outer()
        yield from (self.beside_time, self.beside_words)

    def forward(self, x: Tensor, time: Tensor,
                cond: dict[str, Tensor] | None = None) -> Tensor:
        tokens, image = self.told(cond, x)
        words = self.text(tokens)
        more = self.beside_words(image).unflatten(1, (BESIDE, -1))
        there = (image != 0).any(1, keepdim=True).expand(-1, BESIDE)
        context = Context(torch.cat([words.values, more], 1),
                          torch.cat([words.mask, there], 1))
        return self.unet(x, time, context=context,
                         also=self.beside_time(image))
