"""Pictures in PNG files: one, or many on a grid."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image
from torch import Tensor

from .data.mnist import to_pixels

PIXELS = (-1.0, 1.0)  # the range of pictures
GAP = 2  # pixels between the pictures of a grid


def is_picture(shape: tuple[int, ...], clip: tuple[float, float] | None) -> bool:
    """Whether samples of this shape and range are pictures: (1 or 3, H, W) in [−1, 1]."""
    return len(shape) == 3 and shape[0] in (1, 3) and clip == PIXELS


def grid(x: Tensor, columns: int | None = None) -> np.ndarray:
    """uint8 (height, width, C) of pictures (N, C, H, W) in [−1, 1], row by row on white; by itself about as wide as high.

    Raises ValueError for another shape: C is 1 or 3.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3) or len(x) < 1:
        raise ValueError(f"a PNG file holds pictures (N ≥ 1, 1 or 3, H, W), got {tuple(x.shape)}")
    n, channels, height, width = x.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 255, np.uint8)
    for i, picture in enumerate(to_pixels(x).permute(0, 2, 3, 1).numpy()):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[top:top + height, left:left + width] = picture
    return sheet


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8 (H, W, 1 or 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
