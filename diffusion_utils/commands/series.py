"""What the commands forecast and impute share: a CSV file as a checkpoint of a series sees it, and the files they write."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data import DataError
from ..data.series_csv import Table, check_hourly, read_table
from ..errors import unknown_name
from ..files import check_writable, write_atomic
from ..metrics.series import sample_quantiles
from ..notices import notice

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles that are written
FEWEST = 48  # hours of a file
MOST_SAMPLES = 1000
BESIDE = (".csv", ".paths.csv", ".filled.csv", ".png")  # what --out ends in, and the files beside it


def load_series(checkpoint: str, device: str | None) -> Checkpoint:
    """A checkpoint by name or path, or in the folder of its run. Raises ValueError for one that is of no series."""
    if "series" not in checkpoints.read_card(checkpoint):
        raise ValueError(f"{checkpoint} draws no series; etth1 does, or what 'train series --data FILE.csv' makes")
    return checkpoints.load(checkpoint, device)


def read_for(checkpoint: Checkpoint, path: str) -> tuple[Table, Tensor]:
    """The table in a CSV file, and its values in the order of the checkpoint's columns, float32 (C, N), NaN where missing.

    A column that the file lacks is missing throughout, with a notice. Raises DataError for a file that cannot be read, is too
    short, has another step than an hour, or a column that the checkpoint does not know.
    """
    table, columns = read_table(path), checkpoint.card["series"]["columns"]
    for line in table.told:
        print(line)
    check_hourly(path, table)
    if len(table) < FEWEST:
        raise DataError(f"{path} has {len(table)} hours; at least {FEWEST} are needed")
    for name in table.columns:
        if name not in columns:
            raise DataError(f"{path}: {unknown_name(f'column of {checkpoint.name}', name, columns)}. "
                            f"'train series --data {path}' learns the columns of this file")
    absent = [name for name in columns if name not in table.columns]
    if absent:
        notice(f"{path} has no {', '.join(absent)}: taken as missing throughout")
    values = torch.full((len(columns), len(table)), torch.nan)
    values[[columns.index(name) for name in table.columns]] = table.values.float()
    if bool(values.isnan().all()):
        raise DataError(f"{path} has gaps only: nothing is measured in it")
    return table, values


def check_samples(n: int | None) -> int:
    """How many samples: 64 unless asked for."""
    n = 64 if n is None else n
    if not 2 <= n <= MOST_SAMPLES:
        raise ValueError(f"--samples must lie in 2…{MOST_SAMPLES}, got {n}")
    return n


# --- Files


def check_out(out: str, file: str) -> Path:
    """The path of the quantiles, beside which the others are written, if files can be made there, none of them over `file`."""
    path = Path(out)
    if path.suffix != ".csv":
        raise ValueError(f"--out must end in .csv, got {out}")
    if not path.parent.is_dir():
        raise ValueError(f"--out: the folder {path.parent} does not exist")
    for written in map(path.with_suffix, BESIDE):
        if written.exists() and Path(file).exists() and written.samefile(file):
            raise ValueError(f"--out {out} would write over {file} itself: give it another name")
    check_writable(path.parent)
    return path


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence]) -> bytes:
    """A CSV file; numbers with seven digits, as many as they have, a gap as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([cell if not isinstance(cell, float) else "" if cell != cell else f"{cell:.7g}" for cell in row])
    return text.getvalue().encode()


def quantiles_of(samples: Tensor) -> Tensor:
    """Of samples (n, C, K) at the LEVELS: float32 (5, C, K)."""
    return sample_quantiles(samples, LEVELS)


def quantiles_csv(table: Table, columns: Sequence[str], first: int, samples: Tensor, wanted: Tensor) -> bytes:
    """One row for each value that was filled: its time, its column, and the quantiles of the samples.

    samples: (n, C, K), K steps from number `first` on; wanted: bool (C, K).
    """
    quantiles = quantiles_of(samples)
    rows = ([table.time(first + k), columns[c], *quantiles[:, c, k].tolist()] for k, c in wanted.T.nonzero().tolist())
    return csv_bytes(["time", "column", *(f"q{100 * level:02.0f}" for level in LEVELS)], rows)


def paths_csv(table: Table, columns: Sequence[str], first: int, samples: Tensor, wanted: Tensor) -> bytes:
    """One row for each sample and step at which something was filled: all columns, which belong together."""
    steps = wanted.any(0).nonzero()[:, 0].tolist()
    rows = ([i, table.time(first + k), *path[:, k].tolist()] for i, path in enumerate(samples, 1) for k in steps)
    return csv_bytes(["sample", "time", *columns], rows)


def write_all(files: dict[Path, bytes]) -> None:
    """Each whole or not at all, once all are made."""
    for path, content in files.items():
        write_atomic(path, content)
    print("written: " + ", ".join(map(str, files)))
