"""The prior of unCLIP: a transformer that turns a caption, and a noised embedding of a picture, into the embedding.

Source: Ramesh et al. 2022, section 2.2. Theirs reads with a causal mask and has a text encoder of its own; in ours everyone may
look at everyone, and the words go in as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .embedding import ConditionEmbedding
from .text_unet import PAD
from .transformer import Transformer
from .words_and_vector import WordsAndVector

OTHERS = 4  # what stands behind the words: caption, time, noised embedding, question


class Prior(WordsAndVector):
    """net(z, time, cond): z (B, size), a noised embedding of a picture times √size; cond: {"tokens": int64 (B, length), "text":
    float (B, size), the unit vector of the caption}. Returns (B, size), its estimate of the embedding times √size.

    The row is: the words, the caption's vector, the time, z, and a place that holds nothing, whose outcome is the answer.
    words: how many are known; dim, layers, heads: of the transformer.
    """

    vector = "text"

    def __init__(self, words: int, length: int, size: int = 64, dim: int = 128, layers: int = 4, heads: int = 4):
        super().__init__()
        self.vocabulary, self.length, self.size = words, length, size
        self.words, self.places = nn.Embedding(words, dim), nn.Embedding(length + OTHERS, dim)
        # without a bias, zeros stay zeros: nothing told is nothing added
        self.caption = nn.Linear(size, dim, bias=False)
        self.noised = nn.Linear(size, dim)
        self.time = ConditionEmbedding(dim)
        self.body = Transformer(dim, layers, heads)
        self.answer = nn.Linear(dim, size)

    def outer(self) -> Iterator[nn.Module]:
        """The tables, and the layers next to the embeddings and the time."""
        yield from (self.words, self.places, self.caption, self.noised, self.time, self.answer)

    def forward(self, z: Tensor, time: Tensor, cond: dict[str, Tensor] | None = None) -> Tensor:
        tokens, text = self.told(cond, z)
        noised = self.noised(z)
        others = [self.caption(text), self.time(time), noised, torch.zeros_like(noised)]
        row = torch.cat([self.words(tokens), torch.stack(others, 1)], 1)
        mask = torch.cat([tokens != PAD, tokens.new_ones(len(z), OTHERS).bool()], 1)
        return self.answer(self.body(row + self.places.weight, mask)[:, -1])
