"""Your own pictures: a folder of PNG, JPEG, WebP, GIF or BMP files of any size, or of IDX files, as a data set."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from .decode import Header, Square, decode, read_header, squared
from .idx import content_of, parse
from .mnist import DataError, ImageData

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
TRAINING, HELD_OUT = ("train", "training"), ("test", "val", "valid", "validation")  # folders with these names are no classes
BY_SYSTEMS = ("Thumbs.db", "desktop.ini")
FEWEST = 10  # pictures
PER_CLASS = 5  # pictures of a class, on average: with fewer, folders are no classes but an order of another kind
SMALLEST, LARGEST, USUAL = 8, 128, 32  # pixels


@dataclass(frozen=True)
class Entry:
    """One picture before it is decoded. name: as in the folder, or the file and row; label: of its class, or None;
    held_out: whether it lies in a folder such as 'test'; load: (size) → Square."""

    name: str
    label: str | None
    held_out: bool
    header: Header
    load: Callable[[int], Square]


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


# --- What is there


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


def classes_of(entries: list[Entry]) -> tuple[list[str], str]:
    """The names of the classes in order; or none, and why there are none."""
    names = sorted({entry.label for entry in entries if entry.label is not None}, key=_natural)
    outside = sum(entry.label is None for entry in entries)
    if len(names) < 2:
        return [], "none: there are no folders in it that could be classes"
    if outside:
        return [], f"none: {outside} pictures lie in no folder of their own"
    if len(entries) < PER_CLASS * len(names):
        return [], f"none: {len(names)} folders with fewer than {PER_CLASS} pictures each, on average, are no classes"
    return names, ""


def _natural(name: str) -> tuple[bool, int, str]:
    """Numbers first, by their value: 2 comes before 10."""
    number = name.isascii() and name.isdecimal()
    return not number, int(name) if number else 0, name


def kept_back(named: list[bool]) -> Tensor:
    """Which pictures no network learns from, bool (N,): those that lie in a folder for it, or else a tenth, by chance."""
    chosen = torch.tensor(named)
    if 2 <= int(chosen.sum()) <= len(named) - 2:
        return chosen
    count = min(1000, max(2, len(named) // 10))
    rows = torch.randperm(len(named), generator=torch.Generator().manual_seed(0))[:count]
    return torch.zeros(len(named), dtype=torch.bool).index_fill(0, rows, True)


# --- Decoding


def usual_size(entries: list[Entry]) -> int:
    """32 pixels, or less where half of the pictures are smaller: a multiple of 4, at least 8."""
    short = sorted(min(entry.header.width, entry.header.height) for entry in entries) or [USUAL]
    return max(SMALLEST, min(USUAL, short[len(short) // 2]) // 4 * 4)


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


# --- What was found, in words


def describe(folder: Path, entries: list[Entry], squares: list[Square], left_out: LeftOut, classes: list[str], why_none: str,
             held_out: Tensor) -> Iterator[str]:
    """Lines for the reader: what is used and how, and what is not and why."""
    kinds = Counter(entry.header.kind for entry in entries)
    sizes = sorted({(entry.header.width, entry.header.height) for entry in entries}, key=lambda size: size[0] * size[1])
    span = " to ".join(f"{width} × {height}" for width, height in dict.fromkeys((sizes[0], sizes[-1])))
    yield f"{len(entries):,} pictures in {folder}: {counted(kinds.items())}; {span} pixels"
    for done, count in Counter(done for square in squares for done in square.done).most_common():
        yield f"  {count:,} {done}"
    per_class = Counter(entry.label for entry in entries)
    yield "  labels: " + (f"{len(classes)} classes: {counted([(name, per_class[name]) for name in classes])}" if classes
                          else why_none)
    yield from (f"  left out: {line}" for line in told_left_out(left_out))
    kept, size, grey = int(held_out.sum()), squares[0].pixels.shape[0], all(s.pixels.shape[-1] == 1 for s in squares)
    yield (f"  used as {size} × {size} pixels in {'grey' if grey else 'RGB'}: {len(entries) - kept:,} to learn from, "
           f"{kept:,} kept back to measure by")


def counted(pairs: Iterable[tuple[str, int]], most: int = 10) -> str:
    """Names with their counts, the first few of many."""
    pairs = list(pairs)
    shown = ", ".join(f"{name} ({count:,})" for name, count in pairs[:most])
    return shown + f" and {len(pairs) - most} more" * (len(pairs) > most)


def told_left_out(left_out: LeftOut) -> Iterator[str]:
    """For each reason how many files, and the first of them."""
    for reason, names in left_out.items():
        yield f"{len(names):,} {reason} ({names[0]}{', …' * (len(names) > 1)})"
