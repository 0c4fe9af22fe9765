"""From arrays in [-1, 1] to pictures: levels 0..255, grids of images, sprite sheets, encoded bytes."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

# Standard Gaussian noise stays well inside this; data that was left in 0..255 does not.
LARGEST_PLAUSIBLE_VALUE = 16.0
WEBP_MAX_SIDE = 16383


def as_array(values: object, what: str) -> np.ndarray:
    """A NumPy array from an array, a (possibly GPU) torch tensor or nested lists of them.

    Raises ValueError if the parts do not all have the same size.
    """
    if hasattr(values, "detach"):
        tensor = values.detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()  # NumPy knows no bfloat16
    if isinstance(values, (list, tuple)):
        parts = [as_array(part, what) for part in values]
        shapes = sorted({part.shape for part in parts})
        if len(shapes) > 1:
            raise ValueError(f"{what}: every part must have the same size; given sizes {shapes}")
        return np.stack(parts) if parts else np.empty(0)
    return np.asarray(values)


def to_uint8(values: object, what: str = "frames") -> np.ndarray:
    """Levels 0..255 of grey or of a colour (uint8), of any shape.

    Integers must already lie in 0..255. Floats are read as [-1, 1]: -1 becomes 0, 1 becomes 255, and what lies
    outside is clipped, because a noised image legitimately leaves the range.

    Raises ValueError for NaN or infinite values, for integers outside 0..255, for floats that look like 0..255
    (larger than 16 in size) and for any other type.
    """
    array = as_array(values, what)
    if array.size == 0:
        raise ValueError(f"{what}: there must be at least one value; given an array of shape {array.shape}")
    if array.dtype.kind in "iu":
        if array.min() < 0 or array.max() > 255:
            raise ValueError(f"{what}: integers must lie in 0..255; given {array.min()}..{array.max()}")
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        raise ValueError(f"{what}: must be uint8 in 0..255 or float in [-1, 1]; given dtype {array.dtype}")
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise ValueError(f"{what}: every value must be finite; given {bad} NaN or infinite values of {array.size}")
    largest = float(np.abs(array).max())
    if largest > LARGEST_PLAUSIBLE_VALUE:
        raise ValueError(
            f"{what}: floats must be in [-1, 1] (a little outside is clipped); given values up to {largest:g} in size. "
            "Clip them, or pass uint8 if they are grey levels 0..255"
        )
    return np.rint((np.clip(array, -1, 1) + 1) * 127.5).astype(np.uint8)


def as_pictures(images: object, what: str) -> np.ndarray:
    """A batch of pictures as an array (B, H, W), or (B, H, W, 3) in colour; the values stay as they are.

    images: (B, H, W) or (B, 1, H, W) in grey, (B, 3, H, W) or (B, H, W, 3) in colour, NumPy or torch.

    Raises ValueError for any other shape, and for (B, 3, H, 3), which may be either kind of colour.
    """
    array = as_array(images, what)
    if array.ndim == 3:
        return array
    channels = array.shape[1::2] if array.ndim == 4 else ()  # where they may stand: first, or last
    if channels == (3, 3):
        raise ValueError(f"{what}: {array.shape} may be (B, 3, H, W) or (B, H, W, 3); pad the pictures to another width")
    if channels[:1] == (1,):
        return array[:, 0]
    if channels[:1] == (3,):
        return np.moveaxis(array, 1, -1)
    if channels[1:] == (3,):
        return array
    raise ValueError(f"{what}: shape must be (B, H, W) or (B, 1, H, W) in grey, (B, 3, H, W) or (B, H, W, 3) in colour; "
                     f"given {array.shape}")


def tile(images: object, cols: int, pad: int = 1, background: float = 0.0) -> np.ndarray:
    """One picture that shows a batch of images as a grid, row by row.

    images: float in [-1, 1] (or uint8), NumPy or torch; shape (B, H, W) or (B, 1, H, W) in grey, (B, 3, H, W) or
        (B, H, W, 3) in colour. Values outside are clipped.
    cols: images in a row. pad: pixels between neighbours. background: grey of the gaps, in [-1, 1].
    Returns uint8 of shape (rows*H + (rows-1)*pad, cols*W + (cols-1)*pad), and a last axis of 3 in colour.

    Raises ValueError for any other shape, for NaN, and for cols < 1, pad < 0 or background outside [-1, 1].
    """
    pictures = to_uint8(as_pictures(images, "images"), "images")
    if cols < 1 or pad < 0:
        raise ValueError(f"tile: needs cols >= 1 and pad >= 0; given cols={cols}, pad={pad}")
    if not -1 <= background <= 1:
        raise ValueError(f"tile: background must lie in [-1, 1]; given {background}")
    count, height, width, *colours = pictures.shape
    rows = math.ceil(count / cols)
    shape = (rows * (height + pad) - pad, cols * (width + pad) - pad, *colours)
    grid = np.full(shape, to_uint8([float(background)])[0], np.uint8)
    for k in range(count):
        top, left = (k // cols) * (height + pad), (k % cols) * (width + pad)
        grid[top : top + height, left : left + width] = pictures[k]
    return grid


def scatter(
    points: object, colours: object, *, size: int = 200, limit: float = 3.0, radius: int = 1, onto: object = None
) -> np.ndarray:
    """A square picture of points in the plane, first coordinate to the right, second upwards: light enough for sprites.

    points: (N, 2), NumPy or torch; those outside [-limit, limit] are left out. colours: uint8 (N, 3), or (3,) for all.
    size: pixels a side. radius: each point is a square of 2*radius + 1 pixels; later points cover earlier ones.
    onto: a picture (size, size, 3) to draw on; by default white. Returns uint8 (size, size, 3).

    Raises ValueError for other shapes, for points that are not finite, and for limit <= 0, size < 8 or radius < 0.
    """
    xy, ink = as_array(points, "points").astype(float), as_array(colours, "colours")
    if xy.ndim != 2 or xy.shape[1] != 2 or ink.shape not in ((3,), (len(xy), 3)):
        raise ValueError(f"scatter: points must be (N, 2) and colours (3,) or (N, 3); given {xy.shape} and {ink.shape}")
    if not np.isfinite(xy).all():
        raise ValueError("scatter: every point must be finite; given NaN or infinity")
    if limit <= 0 or size < 8 or radius < 0:
        raise ValueError(f"scatter: needs limit > 0, size >= 8, radius >= 0; given {limit}, {size}, {radius}")
    picture = np.full((size, size, 3), 255, np.uint8) if onto is None else as_array(onto, "onto").copy()
    if picture.shape != (size, size, 3):
        raise ValueError(f"scatter: onto must have shape {(size, size, 3)}; given {picture.shape}")
    inside = (np.abs(xy) <= limit).all(axis=1)
    unit = (xy[inside] * [1, -1] / limit + 1) / 2
    pixels = radius + np.rint(unit * (size - 1 - 2 * radius)).astype(int)  # the squares stay inside the frame
    for (column, row), colour in zip(pixels, np.broadcast_to(ink, xy.shape[:1] + (3,))[inside], strict=True):
        picture[row - radius : row + radius + 1, column - radius : column + radius + 1] = colour
    return picture


def sprite_sheet(frames: np.ndarray) -> tuple[np.ndarray, int]:
    """All frames on one sheet, row by row, and the number of columns.

    frames: uint8 (N, H, W) or (N, H, W, 3). The sheet is about square, so that neither side meets WebP's limit early.
    Raises ValueError if it would exceed WebP's 16383 pixels on a side all the same.
    """
    count, height, width = frames.shape[:3]
    cols = min(count, max(1, round(math.sqrt(count * height / width))))
    rows = math.ceil(count / cols)
    if max(cols * width, rows * height) > WEBP_MAX_SIDE:
        raise ValueError(
            f"frames: {count} frames of {height}x{width} pixels need a sheet of {rows * height}x{cols * width}; "
            f"at most {WEBP_MAX_SIDE} on a side are allowed. Use fewer or smaller frames"
        )
    sheet = np.zeros((rows * height, cols * width, *frames.shape[3:]), np.uint8)
    for k, frame in enumerate(frames):
        top, left = (k // cols) * height, (k % cols) * width
        sheet[top : top + height, left : left + width] = frame
    return sheet, cols


def encode_webp(picture: np.ndarray) -> bytes:
    """Lossless WebP of a uint8 picture (H, W) or (H, W, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, quality=80, method=4)
    return buffer.getvalue()


def encode_png(picture: np.ndarray, scale: int = 1) -> bytes:
    """PNG of a uint8 picture (H, W) or (H, W, 3), each pixel repeated `scale` times both ways."""
    enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(enlarged).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
