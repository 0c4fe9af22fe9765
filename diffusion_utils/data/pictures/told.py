"""What was found in a folder of pictures, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from torch import Tensor

from ..decode import Square
from .files import Entry, LeftOut


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
