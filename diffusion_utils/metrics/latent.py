"""What is measured of an autoencoder: the statistics of its codes, and how well pictures come back."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..data import Dataset


@torch.no_grad()
def code_statistics(net: nn.Module, data: Dataset, rows: Tensor, batch: int = 250) -> tuple[Tensor, Tensor, float]:
    """Mean and standard deviation of each channel of the mean codes of these rows, float32 (latent, 1, 1), over all positions;
    and how large the encoder's own standard deviation is by theirs. Where a picture is plain, that is 1 or more: the code has
    nothing to say there, and says it.

    net: an `Autoencoder`. Summed in float64.
    """
    total, square, inner, count = 0.0, 0.0, 0.0, 0
    device = next(net.parameters()).device
    for part in rows.split(batch):
        mean, log_variance = (m.cpu().double() for m in net.moments(data.x0(part).to(device)))
        total = total + mean.sum((0, 2, 3))
        square = square + mean.square().sum((0, 2, 3))
        inner = inner + log_variance.exp().sum((0, 2, 3))
        count += mean.shape[0] * mean.shape[2] * mean.shape[3]
    shift, within = total / count, inner / count
    scale = (square / count - shift.square()).sqrt()
    ratio = float((within.sqrt() / scale).mean())
    return shift.float()[:, None, None], scale.float()[:, None, None], ratio


@torch.no_grad()
def psnr(net: nn.Module, data: Dataset, rows: Tensor, batch: int = 250) -> float:
    """Peak signal-to-noise ratio of reconstructions from the mean code: 10·log₁₀(2²/mean square error), in decibels.

    The range of pictures, [−1, 1], is 2 wide. The mean is over all pixels of all rows.
    """
    device, total, count = next(net.parameters()).device, 0.0, 0
    for part in rows.split(batch):
        x = data.x0(part).to(device)
        off = (net.decode(net.encode(x)).clamp(-1, 1) - x).cpu().double()
        total, count = total + float(off.square().sum()), count + off.numel()
    return 10 * math.log10(4 * count / total)
