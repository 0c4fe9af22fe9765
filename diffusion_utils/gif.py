"""Videos as a film that any browser plays: a GIF of one or many, side by side."""

from __future__ import annotations

import io

from PIL import Image
from torch import Tensor

from .png import grid

FRAME_MS = 100  # milliseconds that a frame is shown
ENLARGED = 4  # pixels of the film, along one side, that a pixel of a video becomes


def gif(videos: Tensor, columns: int | None = None) -> bytes:
    """An endless film of videos (N, F, C, H, W) in [−1, 1], on a grid. It is to look at, and no more: it has 256 colours.

    Raises ValueError for another shape: C is 1 or 3.
    """
    if videos.ndim != 5 or videos.shape[1] < 1:
        raise ValueError(f"a GIF file holds videos (N ≥ 1, F ≥ 1, 1 or 3, H, W), got {tuple(videos.shape)}")
    pages = []
    for frames in videos.transpose(0, 1):
        pixels = grid(frames, columns).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        pages.append(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))
    buffer = io.BytesIO()
    # frames that are alike become one, which is shown for as long
    pages[0].save(buffer, "GIF", save_all=True, append_images=pages[1:], duration=FRAME_MS, loop=0)
    return buffer.getvalue()
