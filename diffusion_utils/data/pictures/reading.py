"""A folder of pictures as tensors: sizes, copies, colours."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..decode import Square
from ..mnist import DataError, ImageData
from .classes import classes_of, kept_back
from .files import Entry, decoded, find
from .told import describe, told_left_out

FEWEST = 10  # pictures
SMALLEST, LARGEST, USUAL = 8, 128, 32  # pixels


@dataclass(frozen=True, eq=False)
class Pictures:
    """A folder of pictures, decoded.

    images: uint8 (N, C, size, size), C = 1 where all are grey, else 3
    labels: int64 (N,), their numbers in `classes`; 0 where there are no classes
    held_out: bool (N,), which of them no network learns from, for measurements
    names: N names; told: what was found, line by line
    """

    folder: str
    images: Tensor
    labels: Tensor
    held_out: Tensor
    classes: tuple[str, ...]
    names: tuple[str, ...]
    told: tuple[str, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return self.images.shape[-1]

    @property
    def channels(self) -> int:
        """1 or 3."""
        return self.images.shape[1]

    def part(self, split: str) -> ImageData:
        """The pictures to learn from, 'train', or those kept back, 'test'."""
        if split not in ("train", "test"):
            raise ValueError(f"split must be 'train' or 'test', got {split!r}")
        rows = (self.held_out == (split == "test")).nonzero()[:, 0]
        images, labels = self.images[rows], self.labels[rows]
        digest = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
        return ImageData(images, labels, f"pictures-{split}", self.folder, digest)


def load_pictures(split: str, folder: str | Path, size: int | None = None, channels: int | None = None) -> ImageData:
    """The pictures of a folder, as `read_pictures` reads it: those to learn from, 'train', or those kept back, 'test'."""
    return read_pictures(folder, size, channels).part(split)


def read_pictures(folder: str | Path, size: int | None = None, channels: int | None = None) -> Pictures:
    """All pictures in a folder and in the folders below it; read once a process.

    size: they become size × size pixels; unless given 32, or less where most are smaller. channels: 1 for grey, 3 for RGB;
    unless given as they are. Folders in it are classes where every picture lies in one. Those named train, test or val
    are none: a test or val folder is kept back for measurements, and without one a tenth of all pictures is, by chance.
    Raises DataError, in one line, for a folder that is missing or holds fewer than 10 different pictures, and ValueError for
    a size that cannot be used.
    """
    if size is not None:
        check_size(size)
    folder = Path(os.path.expanduser(folder)).absolute()
    pictures = _read(folder, size or usual_size(find(folder)[0]))
    if channels in (None, pictures.channels):
        return pictures
    return replace(pictures, images=recoloured(pictures.images, channels))


def check_size(size: int) -> None:
    """Raise ValueError unless networks of pictures know the size: multiples of 4 to 32, of 8 to 64, of 16 to 128 pixels."""
    step = 4 if size <= 32 else 8 if size <= 64 else 16
    if not SMALLEST <= size <= LARGEST or size % step:
        raise ValueError(f"size must be 8, 12, 16 … 32, 40, 48 … 64, 80, 96, 112 or 128 pixels, got {size}")


@lru_cache(maxsize=2)
def _read(folder: Path, size: int) -> Pictures:
    entries, left_out = find(folder)
    squares = decoded(entries, size, left_out)
    entries = [entry for entry, square in zip(entries, squares, strict=True) if square is not None]
    squares = [square for square in squares if square is not None]
    keep = first_of_each(squares)
    if len(keep) < len(squares):
        left_out["the same as another picture, pixel by pixel"] += [
            entry.name for row, entry in enumerate(entries) if row not in keep]
    entries, squares = [entries[row] for row in keep], [squares[row] for row in keep]
    if len(entries) < FEWEST:
        raise DataError(f"at least {FEWEST} different pictures are needed, and {folder} holds {len(entries)}"
                        + "".join(f"; {line}" for line in told_left_out(left_out)))
    images = stacked(squares)
    classes, why_none = classes_of(entries)
    labels = [classes.index(entry.label) if classes else 0 for entry in entries]
    held_out = kept_back([entry.held_out for entry in entries])
    told = describe(folder, entries, squares, left_out, classes, why_none, held_out)
    return Pictures(str(folder), images, torch.tensor(labels), held_out, tuple(classes),
                    tuple(entry.name for entry in entries), tuple(told))


def usual_size(entries: list[Entry]) -> int:
    """32 pixels, or less where half of the pictures are smaller: a multiple of 4, at least 8."""
    short = sorted(min(entry.header.width, entry.header.height) for entry in entries) or [USUAL]
    return max(SMALLEST, min(USUAL, short[len(short) // 2]) // 4 * 4)


def first_of_each(squares: list[Square]) -> dict[int, None]:
    """Rows of the pictures that are no copy of an earlier one, in order."""
    first: dict[bytes, int] = {}
    for row, square in enumerate(squares):
        first.setdefault(hashlib.sha256(square.pixels.tobytes()).digest(), row)
    return dict.fromkeys(first.values())


def stacked(squares: list[Square]) -> Tensor:
    """uint8 (N, C, size, size): C = 1 where all are grey, else 3, and the grey ones are repeated."""
    size, channels = squares[0].pixels.shape[0], max(square.pixels.shape[-1] for square in squares)
    images = np.empty((len(squares), channels, size, size), np.uint8)
    for image, (pixels, _) in zip(images, squares, strict=True):
        image[:] = pixels.transpose(2, 0, 1)
    return torch.from_numpy(images)


def recoloured(images: Tensor, channels: int) -> Tensor:
    """uint8 (N, 1, H, W) → (N, 3, H, W), each repeated; or (N, 3, H, W) → (N, 1, H, W), their luma by ITU-R BT.601."""
    if channels == 3:
        return images.expand(-1, 3, -1, -1).contiguous()
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    return torch.stack([(image * luma).sum(0, keepdim=True).round() for image in images]).to(torch.uint8)
