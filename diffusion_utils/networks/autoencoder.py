"""An autoencoder for small pictures in colour: fewer numbers in the middle, in which a diffusion model can work.

Source: Kingma & Welling 2014 (the variational autoencoder); Rombach et al. 2022, section 3.1 (one whose codes keep the
picture's layout, so that a U-Net can work on them).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOWEST, HIGHEST = -30.0, 20.0  # of a log-variance: beyond, its exponential is 0 or overflows


class ConvBlock(nn.Module):
    """Two 3×3 convolutions with a short cut: y = conv2(silu(norm2(conv1(silu(norm1(x)))))) + skip(x)."""

    def __init__(self, c_in: int, c_out: int, groups: int = 8):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(groups, c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, c_in, H, W) -> (B, c_out, H, W)
        h = self.conv1(F.silu(self.norm1(x)))
        return self.conv2(F.silu(self.norm2(h))) + self.skip(x)


class Double(nn.Module):
    """Twice the resolution: each pixel is copied four times, and a 3×3 convolution smooths."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # (B, c_in, H, W) -> (B, c_out, 2H, 2W)
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Autoencoder(nn.Module):
    """Pictures (B, in_channels, H, W) in [−1, 1] ↔ codes (B, latent, h, w), h = H/(patch·2^(levels−1)).

    The encoder gives mean and log-variance of a normal distribution of codes, the decoder a picture for a code. patch: pixels
    are folded into patch² channels first; channels: width of each level, fine to coarse.
    shift, scale: buffers (latent, 1, 1), mean and standard deviation of each channel of the codes over the data; `encode` and
    `decode` use them, so that what is diffused has mean 0 and standard deviation 1 in each channel.
    Raises ValueError for a picture whose sides are not divisible by patch·2^(levels−1): it would come back larger.
    """

    def __init__(self, in_channels: int = 3, channels: Sequence[int] = (32, 64), latent: int = 4, patch: int = 2):
        super().__init__()
        self.divisor = patch * 2 ** (len(channels) - 1)
        self.fold, self.unfold = nn.PixelUnshuffle(patch), nn.PixelShuffle(patch)
        folded, last = in_channels * patch**2, channels[-1]
        self.conv_in = nn.Conv2d(folded, channels[0], 3, padding=1)
        down: list[nn.Module] = [ConvBlock(channels[0], channels[0])]
        for fine, coarse in zip(channels[:-1], channels[1:], strict=True):
            down += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), ConvBlock(coarse, coarse)]
        self.down = nn.Sequential(*down, nn.GroupNorm(8, last), nn.SiLU())
        self.to_code = nn.Conv2d(last, 2 * latent, 3, padding=1)
        self.from_code = nn.Conv2d(latent, last, 3, padding=1)
        up: list[nn.Module] = [ConvBlock(last, last), ConvBlock(last, last)]
        for fine, coarse in zip(reversed(channels[:-1]), reversed(channels[1:]), strict=True):
            up += [Double(coarse, fine), ConvBlock(fine, fine), ConvBlock(fine, fine)]
        self.up = nn.Sequential(*up, nn.GroupNorm(8, channels[0]), nn.SiLU())
        self.conv_out = nn.Conv2d(channels[0], folded, 3, padding=1)
        self.register_buffer("shift", torch.zeros(latent, 1, 1))
        self.register_buffer("scale", torch.ones(latent, 1, 1))

    def outer(self) -> Iterator[nn.Module]:
        """The layers next to the pictures and to the codes."""
        yield from (self.conv_in, self.to_code, self.from_code, self.conv_out)

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of pictures, as they were learnt: both (B, latent, h, w)."""
        if any(side % self.divisor for side in x.shape[2:]):
            raise ValueError(f"height and width must be divisible by {self.divisor}, got {'×'.join(map(str, x.shape[2:]))}")
        mean, log_variance = self.to_code(self.down(self.conv_in(self.fold(x)))).chunk(2, dim=1)
        return mean, log_variance.clamp(LOWEST, HIGHEST)

    def picture(self, code: Tensor) -> Tensor:
        """Pictures of codes as they were learnt, which may leave [−1, 1] a little."""
        return self.unfold(self.conv_out(self.up(self.from_code(code))))

    def encode(self, x: Tensor) -> Tensor:
        """The mean code, (mean − shift)/scale: what a diffusion model sees."""
        return (self.moments(x)[0] - self.shift) / self.scale

    def decode(self, z: Tensor) -> Tensor:
        """The pictures of such codes, (B, in_channels, H, W)."""
        return self.picture(z * self.scale + self.shift)

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction by way of the code mean + std·eps, mean and log-variance. eps: (B, latent, h, w) from N(0, I)."""
        mean, log_variance = self.moments(x)
        return self.picture(mean + (log_variance / 2).exp() * eps), mean, log_variance
