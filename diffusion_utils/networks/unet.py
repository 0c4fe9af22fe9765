"""A U-Net for small images, and for series of numbers: the network that predicts the noise (or v, x_0, flow).

Source: Ho, Jain & Abbeel 2020, appendix B, for the shape (residual blocks, group norm, attention at the coarsest
level); Dhariwal & Nichol 2021, section 3.1, for the scale-and-shift conditioning of each block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import Context, CrossAttention
from .embedding import ConditionEmbedding
from .network import Network
from .places import with_places

CONV = {1: nn.Conv1d, 2: nn.Conv2d}  # by the axes of what is convolved: along a series, or over a picture


class ResBlock(nn.Module):
    """Two convolutions of width 3 with a short cut; the embedding of (t, label) scales and shifts the second norm.

    h = conv1(silu(norm1(x)));  y = conv2(silu(norm2(h)·(1 + scale) + shift)) + skip(x).
    """

    def __init__(self, c_in: int, c_out: int, emb_dim: int, groups: int = 8, dropout: float = 0.0, dims: int = 2):
        super().__init__()
        conv = CONV[dims]
        self.norm1 = nn.GroupNorm(groups, c_in)
        self.conv1 = conv(c_in, c_out, 3, padding=1)
        self.emb = nn.Linear(emb_dim, 2 * c_out)
        self.norm2 = nn.GroupNorm(groups, c_out)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv(c_out, c_out, 3, padding=1)
        self.skip = conv(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)  # each block starts as the identity, so a deep net starts easy to train
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:  # (B, c_in, …), (B, emb_dim) -> (B, c_out, …)
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.emb(emb).reshape(len(x), -1, *(x.ndim - 2) * (1,)).chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.conv2(self.dropout(F.silu(h))) + self.skip(x)


class SelfAttention(nn.Module):
    """Every place looks at every other one: softmax(q·kᵀ/√d)·v over the H·W (or L) positions (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, channels: int, heads: int = 4, groups: int = 8, dims: int = 2):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = CONV[dims](channels, 3 * channels, 1)
        self.out = CONV[dims](channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, …) -> (B, C, …)
        b, c = x.shape[:2]
        qkv = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, -1)
        q, k, v = qkv.transpose(-1, -2).unbind(dim=1)  # each (B, heads, positions, C/heads)
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(-1, -2).reshape(x.shape))


class UNet(Network):
    """A U-Net over (B, in_channels, H, W), or (B, in_channels, L) with dims=1; all sides divisible by patch·2^(levels−1).

    patch: pixels are folded into patch² channels first and unfolded last, which saves the costly full resolution;
    channels: width of each level, fine to coarse; blocks: residual blocks a level on the way down (one more on the
    way up); attention works at the coarsest level alone. num_classes: 0 for an unconditional network.
    Called as net(x, time, cond): x (B, C, H, W) float; time (B,) float in [0, 1000] (1000·t/T); cond None, or
    one label or integers (B,), 0…num_classes−1 and num_classes for "no label". Returns a tensor shaped like x, with
    out_channels where that is given, as where a part of the input is only looked at.
    context_dim: 0, or the width of a `Context`, such as words, that each block looks at: net(x, time, context=…).
    also, in a call: (B, emb_dim), what each block is told beside the time.
    positions: how many places the coarsest level has, each of which learns a vector of its own; 0 for none, only with dims=1.
    places: whether each pixel is told where it is; without it the network hardly tells left from right.
    Raises ValueError where a side is not divisible as said, a label is none of these, or dims is neither 1 nor 2.
    """

    def __init__(self, in_channels: int = 1, channels: Sequence[int] = (64, 128), blocks: int = 1, patch: int = 1,
                 emb_dim: int = 128, num_classes: int = 0, dropout: float = 0.0,
                 context_dim: int = 0, places: bool = False, dims: int = 2, out_channels: int | None = None,
                 positions: int = 0):
        super().__init__()
        if dims not in CONV or dims == 1 and (context_dim or places):
            raise ValueError(f"dims must be 2, or 1 without context and places; got {dims}")
        if positions and dims != 1:
            raise ValueError(f"positions are those of a series, dims=1; got {dims}")
        self.places, self.divisor, self.num_classes = places, patch * 2 ** (len(channels) - 1), num_classes
        self.dims, conv = dims, CONV[dims]
        self.fold = nn.PixelUnshuffle(patch) if dims == 2 else Fold(patch)
        self.unfold = nn.PixelShuffle(patch) if dims == 2 else Unfold(patch)
        self.embed = ConditionEmbedding(emb_dim, num_classes)
        self.conv_in = conv(in_channels * patch**dims + 2 * places, channels[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, width = [channels[0]], channels[0]
        for level, c in enumerate(channels):
            if level > 0:
                self.down.append(conv(width, width, 3, stride=2, padding=1))
                skips.append(width)
            for _ in range(blocks):
                self.down.append(ResBlock(width, c, emb_dim, dropout=dropout, dims=dims))
                width = c
                skips.append(width)
        self.positions = nn.Parameter(torch.zeros(1, width, positions)) if positions else None
        self.mid1 = ResBlock(width, width, emb_dim, dropout=dropout, dims=dims)
        self.mid_attention = SelfAttention(width, dims=dims)
        self.mid2 = ResBlock(width, width, emb_dim, dropout=dropout, dims=dims)
        for level, c in reversed(list(enumerate(channels))):
            for _ in range(blocks + 1):
                self.up.append(ResBlock(width + skips.pop(), c, emb_dim, dropout=dropout, dims=dims))
                width = c
            if level > 0:
                self.up.append(Upsample(width, dims))
        self.words = nn.ModuleDict({name: CrossAttention(c, context_dim, places=places)
                                    for name, c in self._blocks() if context_dim})
        self.norm_out = nn.GroupNorm(8, width)
        self.conv_out = conv(width, (out_channels or in_channels) * patch**dims, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def _blocks(self) -> Iterator[tuple[str, int]]:
        """Name and width of each block, after which a context is looked at."""
        for part in ("down", "up"):
            for number, layer in enumerate(getattr(self, part)):
                if isinstance(layer, ResBlock):
                    yield f"{part}{number}", layer.conv2.out_channels
        yield "mid", self.mid1.conv2.out_channels

    def outer(self) -> Iterator[nn.Module | nn.Parameter]:
        """The first and the last convolution, and what embeds time and label."""
        yield from (self.conv_in, self.conv_out, self.embed)
        if self.positions is not None:
            yield self.positions

    def forget_labels(self) -> None:
        """Become the unconditional network that computes what this one does where no label is given."""
        self.embed.forget_labels()
        self.num_classes = 0

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None, context: Context | None = None,
                also: Tensor | None = None) -> Tensor:
        if x.ndim != 2 + self.dims or any(side % self.divisor for side in x.shape[2:]):
            sides, given = ("height and width", "length")[self.dims == 1], "×".join(map(str, x.shape[2:]))
            raise ValueError(f"{sides} must be divisible by {self.divisor}, got {given}")
        emb = self.embed(time, cond)  # (B, emb_dim)
        if also is not None:
            emb = emb + also
        h = self.fold(x)
        h = self.conv_in(with_places(h) if self.places else h)
        skips = [h]
        for number, layer in enumerate(self.down):
            h = layer(h, emb) if isinstance(layer, ResBlock) else layer(h)
            h = self._look(f"down{number}", h, context)
            skips.append(h)
        if self.positions is not None:
            h = h + self._positions(h)
        h = self._look("mid", self.mid_attention(self.mid1(h, emb)), context)
        h = self.mid2(h, emb)
        for number, layer in enumerate(self.up):
            h = layer(torch.cat([h, skips.pop()], dim=1), emb) if isinstance(layer, ResBlock) else layer(h)
            h = self._look(f"up{number}", h, context)
        return self.unfold(self.conv_out(F.silu(self.norm_out(h))))

    def _positions(self, h: Tensor) -> Tensor:
        """The vectors of the places of h, the coarsest level."""
        if h.shape[-1] != self.positions.shape[-1]:
            raise ValueError(f"length must be {self.divisor * self.positions.shape[-1]}, got {self.divisor * h.shape[-1]}: "
                             "each place has a vector of its own")
        return self.positions

    def _look(self, name: str, h: Tensor, context: Context | None) -> Tensor:
        """What the block of this name makes of the words, where it looks at any."""
        return self.words[name](h, context) if name in self.words else h


class Upsample(nn.Module):
    """Double the resolution by copying each pixel to all its new places, then smooth with a convolution of width 3."""

    def __init__(self, channels: int, dims: int = 2):
        super().__init__()
        self.conv = CONV[dims](channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, 2H, 2W), or (B, C, L) -> (B, C, 2L)
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Fold(nn.Module):
    """`patch` neighbours of a series become channels, (B, C, L) -> (B, C·patch, L/patch), as PixelUnshuffle does."""

    def __init__(self, patch: int):
        super().__init__()
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (-1, self.patch)).transpose(2, 3).flatten(1, 2)


class Unfold(Fold):
    """The way back: (B, C·patch, L/patch) -> (B, C, L)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, self.patch)).transpose(2, 3).flatten(2, 3)
