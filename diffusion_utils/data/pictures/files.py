"""Which pictures a folder holds, before and while they are decoded; what cannot be used is kept by its reason."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from ..decode import Header, Square, decode, read_header, squared
from ..idx import content_of, parse
from ..mnist import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
TRAINING, HELD_OUT = ("train", "training"), ("test", "val", "valid", "validation")  # folders with these names are no classes
BY_SYSTEMS = ("Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Entry:
    """One picture before it is decoded. name: as in the folder, or the file and row; label: of its class, or None;
    held_out: whether it lies in a folder such as 'test'; load: (size) → Square."""

    name: str
    label: str | None
    held_out: bool
    header: Header
    load: Callable[[int], Square]


class LeftOut(dict):
    """Why files are not used → their names."""

    def __missing__(self, reason: str) -> list[str]:
        self[reason] = []
        return self[reason]


def find(folder: Path) -> tuple[list[Entry], LeftOut]:
    """All pictures of the folder in the order of their names, and what was left out. Raises DataError where there is none."""
    if not folder.exists():
        raise DataError(f"{folder} does not exist: --data names a folder of pictures")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file, and --data names a folder: unpack an archive first")
    files = sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix())
    left_out = LeftOut()
    idx = [path for path in files if "idx3-ubyte" in path.name]
    if idx:
        return [entry for path in idx for entry in idx_entries(path, files)], left_out
    pictures = []
    for path in files:
        if path.suffix.lower() in ENDINGS:
            pictures.append(path)
        else:
            left_out[f"no {', '.join(ending[1:].upper() for ending in ENDINGS if ending != '.jpeg')}"].append(path.name)
    if not pictures:
        beside = f", but {len(files)} other file{'s' * (len(files) > 1)}" if files else ""
        raise DataError(f"{folder} holds no pictures{beside}. Pictures are {', '.join(ENDINGS)}; or files of the format IDX")
    headers = _in_threads(_try(read_header), pictures, "files looked at")
    labels = labels_of([path.relative_to(folder).as_posix() for path in pictures])
    entries = []
    for path, header, (label, held_out) in zip(pictures, headers, labels, strict=True):
        name = path.relative_to(folder).as_posix()
        if isinstance(header, str):
            left_out[header].append(name)
        else:
            entries.append(Entry(name, label, held_out, header, lambda size, path=path: decode(path, size)))
    return entries, left_out


def _files(folder: Path) -> Iterator[Path]:
    """All files but hidden ones and those that systems put into folders by themselves."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        yield from (Path(root) / name for name in names if not name.startswith(".") and name not in BY_SYSTEMS)


def labels_of(names: list[str]) -> list[tuple[str | None, bool]]:
    """For each relative path: the folder that is its class, None where it lies in none, and whether it is kept back.

    Folders that all paths begin with say nothing, and neither do those called train, test or val.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    held_out = [any(part.lower() in HELD_OUT for part in parts) for parts in folders]
    folders = [tuple(part for part in parts if part.lower() not in TRAINING + HELD_OUT) for parts in folders]
    shared = os.path.commonprefix(folders)  # of tuples as well as of strings
    labels = [parts[len(shared)] if len(parts) > len(shared) else None for parts in folders]
    return list(zip(labels, held_out, strict=True))


def idx_entries(path: Path, files: list[Path]) -> list[Entry]:
    """The pictures of an IDX file, with the labels of the file beside it where there is one; 't10k' is kept back."""
    images, labels = _idx(path, ndim=3), None
    stem = path.name.removesuffix(".gz")
    partner = stem.replace("images", "labels").replace("idx3", "idx1")
    beside = [file for file in files if file.name.removesuffix(".gz") == partner and file != path]
    if beside:
        labels = _idx(beside[0], ndim=1)
        if len(labels) != len(images):
            raise DataError(f"{path.name} holds {len(images)} pictures, and {beside[0].name} {len(labels)} labels")
    header = Header("IDX", images.shape[2], images.shape[1])
    held_out = stem.startswith(("t10k", *HELD_OUT))
    return [Entry(f"{stem}[{row}]", None if labels is None else str(labels[row]), held_out, header,
                  lambda size, row=row: squared(Image.fromarray(images[row]), size)) for row in range(len(images))]


def _idx(path: Path, ndim: int) -> np.ndarray:
    try:
        array = parse(content_of(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if array.ndim != ndim or 0 in array.shape:
        raise DataError(f"{path} should hold {'N × height × width' if ndim == 3 else 'N'} bytes, got {array.shape}")
    return array


def decoded(entries: list[Entry], size: int, left_out: LeftOut) -> list[Square | None]:
    """The squares; None for files that are damaged, which join those left out."""
    squares = _in_threads(lambda entry: _try(entry.load)(size), entries, "pictures read")
    for entry, square in zip(entries, squares, strict=True):
        if isinstance(square, str):
            left_out[square].append(entry.name)
    return [None if isinstance(square, str) else square for square in squares]


def _try(read: Callable) -> Callable:
    """The same function, which returns the reason, a string, where it fails."""
    def tried(*args):
        try:
            return read(*args)
        except Image.DecompressionBombError:
            return "too large to be opened"
        except PermissionError:
            return "not allowed to be read"
        except Exception:  # each of Pillow's decoders raises errors of its own for a damaged file
            return "damaged, or no picture"
    return tried


def _in_threads(work: Callable, items: list, what: str) -> list:
    """work(item) of all items, in order; Pillow decodes several at once. What it warns of is told with what is left out."""
    with ThreadPoolExecutor(os.cpu_count()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a picture of 100 million pixels, or EXIF data that cannot be read
        return list(tqdm(pool.map(work, items), total=len(items), desc=what, delay=2))
