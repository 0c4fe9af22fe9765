"""The MNIST digits: from a folder, by download, or, with neither, the small digits that scikit-learn carries.

Source of the data: LeCun, Cortes & Burges; CC BY-SA 3.0. The offline digits: Alpaydin & Kaynak 1998 (UCI), CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..notices import notice
from .download import fetch
from .idx import content_of, parse

# MD5 of the unpacked IDX files: enough to notice a truncated or altered file.
FILES = {
    "train": {"train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
              "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624"},
    "test": {"t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
             "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637"},
}


class DataError(RuntimeError):
    """The data asked for is missing, incomplete, truncated or altered; the message names the file and what to do."""


@dataclass(frozen=True, eq=False)
class ImageData:
    """images: uint8 (N, C, H, W), 0…255; labels: int64 (N,), N ≥ 1; name and source: what was loaded and from where;
    sha256: of the image and label bytes, for the records of a training run. MNIST: C = 1, H = W = 28, labels 0…9.

    Raises ValueError for tensors of another type or shape, for none, and for more or fewer labels than images."""

    images: Tensor
    labels: Tensor
    name: str
    source: str
    sha256: str

    def __post_init__(self):
        _check("images", self.images, torch.uint8, "(N, C, H, W)", 4)
        _check("labels", self.labels, torch.int64, "(N,)", 1)
        if len(self.images) != len(self.labels) or not len(self):
            raise ValueError(f"{self.name}: as many labels as images are needed, and at least one; "
                             f"got {len(self.images)} images and {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one picture, (C, H, W)."""
        return tuple(self.images.shape[1:])

    @property
    def clip(self) -> tuple[float, float]:
        """The range of `to_model`."""
        return (-1.0, 1.0)

    def to(self, device: torch.device) -> ImageData:
        """The same pictures on the device, still as bytes."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """Pictures of these rows, float32 (B, C, H, W) in [−1, 1]."""
        return to_model(self.images[rows])

    def condition(self, rows: Tensor) -> Tensor:
        """Their labels, int64 (B,)."""
        return self.labels[rows]


def _check(what: str, given: Tensor, dtype: torch.dtype, shape: str, ndim: int) -> None:
    if not isinstance(given, Tensor):
        raise ValueError(f"{what} must be a tensor, {dtype} {shape}, got {type(given).__name__}")
    if given.dtype != dtype or given.ndim != ndim:
        raise ValueError(f"{what} must be {dtype} {shape}, got {given.dtype} {tuple(given.shape)}")


def to_model(images: Tensor) -> Tensor:
    """uint8 0…255 → float32 [−1, 1], the range that the schedules and the clip of x̂₀ assume."""
    if images.dtype != torch.uint8:
        raise TypeError(f"images must be uint8 0…255, got {images.dtype}")
    return images.to(torch.float32) / 127.5 - 1


def to_pixels(x: Tensor) -> Tensor:
    """float [−1, 1] → uint8 0…255; values outside are clipped, NaN is an error."""
    if torch.isnan(x).any():
        raise ValueError("images hold NaN")
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def load_mnist(split: str = "train") -> ImageData:
    """The 60,000 training or 10,000 test digits.

    split: 'train' or 'test'. Looks in the folder DIFFUSION_DATA (set but incomplete is an error, never a silent
    fallback), else downloads once from torchvision's mirrors, else falls back to scikit-learn's 1,797 digits, resized to
    28×28, with a notice that says what was tried. A dead network costs about ten seconds, and for the next ten minutes
    nothing (see download.fetch). Raises DataError for missing, truncated or altered files.
    """
    return _load(_checked(split), _chosen_folder(), cache_folder())


def check_mnist(split: str) -> None:
    """Find out before long work whether `load_mnist(split)` will have its files, and download them where they are due.

    Looks whether they are there and does not read them. Raises DataError where DIFFUSION_DATA names no folder or one
    that lacks them.
    """
    folder = _chosen_folder()
    for name in FILES[_checked(split)]:
        if folder is not None:
            _found(_existing(folder), name)
    if folder is None:
        _download(cache_folder())


def _checked(split: str) -> str:
    if split not in FILES:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return split


def _chosen_folder() -> Path | None:
    """What DIFFUSION_DATA names; None where it is not set, or empty."""
    folder = os.environ.get("DIFFUSION_DATA")
    return Path(os.path.expanduser(folder)) if folder else None


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(f"DIFFUSION_DATA is set to {folder}, which is not a folder. Unset it to download the digits instead")
    return folder


@lru_cache(maxsize=4)
def _load(split: str, folder: Path | None, cache: Path) -> ImageData:
    """Read once a process for each place to look in."""
    if folder is not None:
        return _read_folder(_existing(folder), split, f"DIFFUSION_DATA={folder}")
    problem = _download(cache)
    if problem is None:
        return _read_folder(cache, split, "torchvision download")
    notice(f"the MNIST digits are not at hand (DIFFUSION_DATA is not set; download: {problem}). "
           "Using the 1,797 smaller digits that scikit-learn carries, resized to 28×28: fine for trying things out, "
           "but figures will differ from the book's.")
    return _sklearn_digits(split)


def cache_folder() -> Path:
    """Where downloads are kept: $XDG_CACHE_HOME/diffusion_utils, by default ~/.cache/diffusion_utils.

    A user without a home, as in some containers, gets a folder among the temporary files.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return Path(chosen) / "diffusion_utils"
    try:
        return Path.home() / ".cache" / "diffusion_utils"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "diffusion_utils"


@lru_cache(maxsize=1)
def _download(root: Path) -> str | None:
    """Fetch what is missing under root; None, or why it failed. Once a process, so that both splits are of one kind."""
    files = FILES["train"] | FILES["test"]
    if all(_find(root, name) for name in files):
        return None
    from torchvision.datasets import MNIST

    return fetch(files, MNIST.mirrors, root / "MNIST" / "raw", "the MNIST digits (11 MB)")


def _find(root: Path, name: str) -> Path | None:
    """The unpacked or gzipped IDX file, in torchvision's layout or straight in the folder.

    Also as Kaggle has it: with a dot for the second hyphen, or in a folder of its own name.
    """
    names = (name, name.replace("-idx", ".idx"))
    folders = [folder / inner for folder in (root / "MNIST" / "raw", root / "raw", root) for inner in ("", *names)]
    candidates = (folder / (spelt + ending) for folder, spelt, ending in product(folders, names, ("", ".gz")))
    return next((path for path in candidates if path.is_file()), None)


def _found(root: Path, name: str) -> Path:
    path = _find(root, name)
    if path is None:
        raise DataError(f"{name} is missing under {root}: expected {root / 'MNIST' / 'raw' / name} (or with .gz)")
    return path


def _read_folder(root: Path, split: str, source: str) -> ImageData:
    images, labels = (_read_idx(root, name, md5) for name, md5 in FILES[split].items())
    return ImageData(_tensor(images[:, None]), _tensor(labels).long(), f"mnist-{split}", source, _fingerprint(images, labels))


def _read_idx(root: Path, name: str, md5: str) -> np.ndarray:
    """What the file of this name holds, once its bytes are known to be the right ones."""
    path = _found(root, name)
    try:
        content = content_of(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DataError(f"{path} is truncated or altered ({len(content)} bytes, MD5 differs from {md5}) and was not used. "
                        "Delete it and fetch it again")
    return parse(content)


def _sklearn_digits(split: str) -> ImageData:
    """1,500 training and 297 test digits, 8×8 with 17 grey levels, enlarged to 20×20 in a 28×28 frame as MNIST's are."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    part = slice(0, 1500) if split == "train" else slice(1500, None)
    small = torch.tensor(digits.images[part], dtype=torch.float32)[:, None] * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False)
    images = torch.nn.functional.pad(large, (4, 4, 4, 4)).round().to(torch.uint8)
    labels = torch.tensor(digits.target[part], dtype=torch.int64)
    return ImageData(images, labels, f"sklearn-digits-{split}", "scikit-learn", _fingerprint(images.numpy(), labels.numpy()))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy())  # a copy: the buffer of a file's bytes is read-only


def _fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    return hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
