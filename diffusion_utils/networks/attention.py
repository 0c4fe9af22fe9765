"""How a picture looks at words: cross-attention, and its maps, which say which word each place looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .places import with_places


class Context(NamedTuple):
    """What is looked at. values: (B, L, D), one vector a word; mask: bool (B, L), False where there is no word."""

    values: Tensor
    mask: Tensor


class CrossAttention(nn.Module):
    """x + out(softmax(q·kᵀ/√d)·v): queries from the places of the picture, keys and values from the words.

    places: whether a query also knows where it asks from, as `with_places` tells it.
    Source: Vaswani et al. 2017, eq. 1; Rombach et al. 2022, section 3.3.
    """

    def __init__(self, channels: int, context_dim: int, heads: int = 4, groups: int = 8,
                 places: bool = False):
        super().__init__()
        self.heads, self.places = heads, places
        self.norm = nn.GroupNorm(groups, channels)
        self.q = nn.Conv2d(channels + 2 * places, channels, 1)
        self.kv = nn.Linear(context_dim, 2 * channels)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.kept: list[Tensor] | None = None  # where `attention_maps` collects

    def forward(self, x: Tensor, context: Context) -> Tensor:
        # x: (B, C, H, W), and so what is returned
        b, c, h, w = x.shape
        asked = self.norm(x)
        if self.places:
            asked = with_places(asked)
        # q: (B, heads, places, d); k, v: (B, heads, words, d)
        q = self.q(asked).reshape(b, self.heads, c // self.heads, h * w)
        q = q.transpose(-1, -2)
        kv = self.kv(context.values)
        kv = kv.reshape(b, -1, 2, self.heads, c // self.heads)
        k, v = kv.permute(2, 0, 3, 1, 4)
        # the same for all heads and places
        mask = context.mask[:, None, None, :]
        if self.kept is None:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:  # the fused kernel gives no weights away
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
            of_heads = weights.detach().mean(1).transpose(1, 2)
            self.kept.append(of_heads.unflatten(-1, (h, w)))
            y = weights @ v
        return x + self.out(y.transpose(-1, -2).reshape(b, c, h, w))


@contextmanager
def attention_maps(net: nn.Module) -> Iterator[list[list[Tensor]]]:
    """Within it every call of the network keeps its maps. Gives one list for each layer of cross-attention, in the order of
    `net.modules()`: its maps (B, L, H, W), one for each call, the mean over heads; at each place those of all words sum to 1.
    """
    layers = [layer for layer in net.modules() if isinstance(layer, CrossAttention)]
    for layer in layers:
        layer.kept = []
    try:
        yield [layer.kept for layer in layers]
    finally:
        for layer in layers:
            layer.kept = None
