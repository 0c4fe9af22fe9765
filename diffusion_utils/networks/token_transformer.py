"""A transformer over tokens: letters with holes go in, logits of the letters come out; or, causal, the letter that follows.

Source: Su et al. 2021 (rotary positions); Zhang & Sennrich 2019 (RMSNorm); So et al. 2021 (ReLU²).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..conditions import Condition
from .embedding import sinusoidal
from .network import Network


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Turn pairs of numbers by the angles of their place, so that q·k depends on how far apart they are.

    Su et al. 2021, eq. 34. x: (B, heads, L, d); angle: (L, d/2).
    """
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class TokenBlock(nn.Module):
    """h = x + attention(norm(x)); y = h + mlp(norm(h)), over (B, L, dim); both begin as nothing."""

    def __init__(self, dim: int, heads: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.wide = nn.Linear(dim, 4 * dim, bias=False)
        self.narrow = nn.Linear(4 * dim, dim, bias=False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor, angle: Tensor) -> Tensor:
        parts = self.qkv(norm(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, L, d)
        q, k = rotate(norm(q), angle), rotate(norm(k), angle)
        y = F.scaled_dot_product_attention(q, k, v.to(q.dtype),
                                           is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.narrow(F.relu(self.wide(norm(x))).square())


def norm(x: Tensor) -> Tensor:
    """x/√(mean of x²) along the last axis."""
    return F.rms_norm(x, x.shape[-1:])


class TokenTransformer(Network):
    """Tokens (B, L), int64 0…states − 1 → logits of their classes (B, L, classes).

    length: the longest row; states: classes, and a mask where the limit has one; timed: whether it is told the time, which a
    mask tells anyway; placed: whether it is told the number of each place, where rows are whole and not cut from a longer text;
    causal: row i sees only what stands before it, and where nothing does, the last state.
    """

    def __init__(self, classes: int, states: int, length: int, dim: int = 192, layers: int = 6, heads: int = 6,
                 causal: bool = False, timed: bool = False, placed: bool = False):
        super().__init__()
        self.classes, self.states, self.length, self.causal = classes, states, length, causal
        self.table = nn.Embedding(states, dim)
        self.time = nn.Linear(dim, dim) if timed else None
        self.place = nn.Embedding(length, dim) if placed else None
        self.blocks = nn.ModuleList(TokenBlock(dim, heads, causal) for _ in range(layers))
        self.head = nn.Linear(dim, classes)
        nn.init.zeros_(self.head.weight)
        half = dim // heads // 2
        omega = 1000.0 ** (-torch.arange(half) / half)  # the slowest turns by about one radian in a thousand places
        self.register_buffer("angle", torch.arange(length)[:, None] * omega, persistent=False)

    def outer(self) -> Iterator[nn.Module]:
        """The layers next to the tokens, the time and the places."""
        yield from (layer for layer in (self.table, self.head, self.time, self.place) if layer is not None)

    def forward(self, x: Tensor, time: Tensor,
                cond: Condition = None) -> Tensor:
        if cond is not None:
            raise ValueError("a network of tokens takes cond=None only")
        if x.ndim != 2 or x.shape[1] > self.length:
            raise ValueError(f"tokens must be (B, L), L ≤ {self.length}, got {tuple(x.shape)}")
        if self.causal:
            first = torch.full_like(x[:, :1], self.states - 1)
            x = torch.cat([first, x[:, :-1]], 1)
        h = self.table(x)
        if self.time is not None:
            clock = sinusoidal(time, h.shape[-1]).to(h.dtype)
            h = h + self.time(clock)[:, None]
        if self.place is not None:
            h = h + self.place.weight[:x.shape[1]]
        h = norm(h)
        for block in self.blocks:
            h = block(h, self.angle[:x.shape[1]])
        return self.head(norm(h))
