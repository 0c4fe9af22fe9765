"""One picture of any kind becomes a small square of bytes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps


class Header(NamedTuple):
    """What a file says of itself before it is decoded: its format, such as 'PNG', width and height in pixels."""

    kind: str
    width: int
    height: int


class Square(NamedTuple):
    """pixels: uint8 (size, size, C), C = 1 where the picture is grey, else 3; done: what was changed on the way, in words."""

    pixels: np.ndarray
    done: tuple[str, ...]


def read_header(path: Path) -> Header:
    """Raises OSError or what else Pillow raises where the file is no picture."""
    with Image.open(path) as image:
        return Header(image.format, *image.size)


def decode(path: Path, size: int) -> Square:
    """The picture in a file, as `squared` returns it. Of several frames the first is taken.

    Raises OSError or what else Pillow raises for a file that is damaged: its decoders have no common error.
    """
    with Image.open(path) as image:
        done = ("animated: their first frame is taken",) if getattr(image, "is_animated", False) else ()
        image.draft(image.mode, (2 * size, 2 * size))  # a large JPEG is decoded at a fraction of its size
        image.load()
        turned = upright(image)
        done += ("turned as their EXIF data say",) if turned is not image else ()
        square = squared(turned, size)
    return Square(square.pixels, done + square.done)


def squared(image: Image.Image, size: int) -> Square:
    """The middle of a picture, scaled to size × size, in grey or RGB of 8 bits; what is transparent becomes white."""
    done = []
    if image.mode.startswith("I"):
        image = eight_bits(image)
        done.append("with 16 bits a pixel, of which the upper 8 are kept")
    if image.mode == "CMYK":
        done.append("in CMYK, turned into RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        if clear.getchannel("A").getextrema()[0] < 255:
            image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
            done.append("partly transparent, laid on white")
    if image.width != image.height:
        done.append("not square: their middle is taken")
    if min(image.size) < size:
        done.append(f"smaller than {size} × {size} and enlarged")
    pixels = np.asarray(ImageOps.fit(image.convert("RGB"), (size, size)))
    grey = bool((pixels == pixels[..., :1]).all())
    return Square(pixels[..., :1] if grey else pixels, tuple(done))


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF data ask; itself where they ask nothing or cannot be read."""
    with suppress(Exception):  # damaged EXIF data leave the picture as it is
        if image.getexif().get(0x0112, 1) != 1:
            return ImageOps.exif_transpose(image)
    return image


def eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits, 0…65535, in 8: 65535 becomes 255."""
    values = np.asarray(image).astype(np.float64).clip(0, 65535)
    return Image.fromarray((values / 257).round().astype(np.uint8))
