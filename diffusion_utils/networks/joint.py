"""Two encoders with one space: pictures and captions become unit vectors.

Source: Radford et al. 2021, section 2.4 (two encoders, a linear map to the shared space, unit length).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..joint import FIRST, LARGEST, unit
from .autoencoder import ConvBlock
from .text_unet import TextEncoder


class ImageEncoder(nn.Module):
    """Pictures (B, in_channels, 64, 64) to vectors (B, size): a convolutional network whose last layer knows every place.

    patch: pixels are folded first; channels: width of each level, fine to coarse, which halve the resolution one by one.
    """

    def __init__(self, in_channels: int, size: int, channels: Sequence[int], side: int, patch: int = 2):
        super().__init__()
        self.fold = nn.PixelUnshuffle(patch)
        self.conv_in = nn.Conv2d(in_channels * patch**2, channels[0], 3, padding=1)
        levels: list[nn.Module] = []
        for fine, coarse in zip(channels[:-1], channels[1:], strict=True):
            levels += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), ConvBlock(coarse, coarse)]
        self.levels = nn.Sequential(*levels, nn.GroupNorm(8, channels[-1]), nn.SiLU())
        last = side // (patch * 2 ** (len(channels) - 1))
        self.to_vector = nn.Linear(channels[-1] * last**2, size)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_vector(self.levels(self.conv_in(self.fold(x))).flatten(1))


class JointEmbedding(nn.Module):
    """net.image(x), net.text(tokens): both unit vectors, float32 (B, size). x: (B, 3, side, side) in [−1, 1]; tokens: int64
    (B, length), as `TextEncoder` takes them.

    Of a caption the vector of its beginning is taken, which has looked at all words. log_scale: of the contrastive loss.
    """

    def __init__(self, words: int, length: int, size: int = 64, side: int = 64, in_channels: int = 3,
                 channels: Sequence[int] = (32, 64, 128, 96), dim: int = 128, layers: int = 3):
        super().__init__()
        self.size, self.shape = size, (in_channels, side, side)
        self.pictures = ImageEncoder(in_channels, size, channels, side)
        self.captions = TextEncoder(words, length, dim, layers)
        self.to_vector = nn.Linear(dim, size)
        self.log_scale = nn.Parameter(torch.tensor(FIRST))

    def outer(self) -> Iterator[nn.Module]:
        """The layers next to pictures, words and the shared space."""
        yield from (self.pictures.conv_in, self.pictures.to_vector, self.captions.words, self.captions.places, self.to_vector)

    def image(self, x: Tensor) -> Tensor:
        """Unit vectors of pictures. Raises ValueError for pictures of another size."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"pictures must be (N, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}")
        return unit(self.pictures(x))

    def text(self, tokens: Tensor) -> Tensor:
        """Unit vectors of captions."""
        return unit(self.to_vector(self.captions(tokens).values[:, 0]))

    @torch.no_grad()
    def hold_scale(self) -> None:
        """Bring the scale back to at most 100. Done before each step, not within the loss, so that it can also fall again."""
        self.log_scale.clamp_(max=LARGEST)

    def forward(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of pictures and of captions, and the logarithm of the scale: what `contrastive_loss` takes."""
        return self.image(x), self.text(tokens), self.log_scale
