"""Pictures like a picture: --like."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..checkpoints import Checkpoint
from ..data import to_model
from ..data.decode import decode, read_header
from ..unclip import check_unclip, variations
from .options import settings_of


def draw_like(checkpoint: Checkpoint, args: argparse.Namespace, n: int) -> Tensor:
    """n pictures of the embedding of the one that --like names. Raises ValueError for a checkpoint that knows no embeddings,
    for other options that say what to draw, and what `read_picture` does."""
    others = {"--prompt": args.prompt is not None, "--label": args.label is not None, "--like-data": args.like_data}
    if any(others.values()):
        named = ", ".join(name for name, given in others.items() if given)
        raise ValueError(f"--like says what to draw, and so does {named}: give one of them")
    check_unclip(checkpoint)
    picture = read_picture(args.like, checkpoint.drawn[0])
    return variations(checkpoint, picture, n, progress=True, **settings_of(checkpoint, args, picture))


def read_picture(path: str, shape: tuple[int, ...]) -> Tensor:
    """A picture from a file as float32 (1, 3, H, W) in [−1, 1]; where it is transparent it becomes white.

    Raises ValueError for a file that is no picture, and for another size; OSError where there is none.
    """
    channels, height, width = shape
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    try:
        found = read_header(Path(path))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture that can be read: PNG, JPEG, WebP, GIF or BMP") from error
    if (found.width, found.height) != (width, height):
        raise ValueError(f"{path} is {found.width} × {found.height} pixels, and must be {width} × {height}")
    try:
        pixels = torch.from_numpy(decode(Path(path), height).pixels.copy())
    except Exception as error:  # each of Pillow's decoders raises errors of its own for a damaged file
        raise ValueError(f"{path} is damaged and cannot be read") from error
    return to_model(pixels.permute(2, 0, 1)[None].expand(1, channels, -1, -1))
