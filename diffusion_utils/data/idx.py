"""IDX files, the format of MNIST and its relatives: a header of a few bytes, then the numbers."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

UINT8 = 8  # the code of the only type that pictures and labels come in


def content_of(path: Path) -> bytes:
    """All bytes of a plain or gzipped file. Raises OSError where it cannot be read or unpacked."""
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error) as error:
        raise OSError(f"it is no whole gzip file ({error})") from error


def parse(content: bytes) -> np.ndarray:
    """Two zero bytes, the type, the number of dimensions, each dimension as big-endian int32, the data: uint8, read-only.

    Raises ValueError for another header or type, and for more or fewer bytes than the header says.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise ValueError("it does not begin as an IDX file does")
    if content[2] != UINT8:
        raise ValueError(f"its numbers are of IDX type {content[2]}, and only {UINT8}, unsigned bytes, can be read")
    ndim = content[3]
    start = 4 + 4 * ndim
    shape = tuple(int.from_bytes(content[at:at + 4], "big") for at in range(4, start, 4))
    if len(content) != start + math.prod(shape):
        raise ValueError(f"its header says {' × '.join(map(str, shape))} bytes of data, and {len(content) - start} follow")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
