"""Tensors in .npy files, as the command line reads and writes them."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .files import check_writable, write_atomic

ENDINGS = {".npy": "", ".png": " for pictures", ".txt": " for text"}  # of files of samples, and what they are for


def check_target(path: str, endings: Mapping[str, str] = ENDINGS) -> Path:
    """The path, if a file can be made there: found out before an hour of work, not after it.

    Raises ValueError for another ending or a missing folder, OSError where the folder cannot be written.
    """
    path = Path(path)
    if path.suffix not in endings:
        allowed = ", or in ".join(f"{ending}{what}" for ending, what in endings.items())
        raise ValueError(f"--out must end in {allowed}, got {path}")
    if path.is_dir():
        raise ValueError(f"--out: {path} is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"--out: the folder {path.parent} does not exist")
    check_writable(path.parent)
    return path


def check_room(path: Path, size: int) -> None:
    """Raise ValueError where a file of `size` bytes would fill the disk."""
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise ValueError(f"--out: {path} would take {size / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free there")


def write_npy(path: Path, x: Tensor) -> None:
    """An .npy file, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, x.numpy(), allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def read_npy(path: str) -> Tensor:
    """The numbers in an .npy file, without pickles. Raises ValueError for a file that is truncated or no array of numbers."""
    if not Path(path).is_file():
        raise ValueError(f"{path} is a folder, not a file" if Path(path).is_dir() else f"{path} does not exist")
    try:
        array = np.load(path, allow_pickle=False)
    except PermissionError as error:
        raise PermissionError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is truncated or not an .npy array: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} holds several arrays; one .npy array is needed")
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except TypeError:
        raise ValueError(f"{path} must hold numbers, got dtype {array.dtype}") from None
