"""Where a pixel is, told to a network that could not know: a convolution does the same everywhere.

Source: Liu et al. 2018, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor


def with_places(x: Tensor) -> Tensor:
    """x, (B, C, H, W), and two channels more, (B, C + 2, H, W): how far down and how far to the right, −1…1."""
    b, _, h, w = x.shape
    like = {"device": x.device, "dtype": x.dtype}
    down = torch.linspace(-1, 1, h, **like)[:, None].expand(b, 1, h, w)
    right = torch.linspace(-1, 1, w, **like).expand(b, 1, h, w)
    return torch.cat([x, down, right], dim=1)
