"""Your own series: a CSV file with a column of times, one row a step, gaps allowed.

The rules, each with an error or a notice of its own:
- The first line names the columns. The first column that holds times is the time column; all others are channels.
- Times are written as 2016-07-01 00:00:00 or any other form of ISO 8601, rise, and none is there twice.
- The step is the most common distance of two rows. Rows left out are put in as gaps; other distances are an error.
- An empty cell, nan, na, null, none or - is a gap; every other cell is a number.
- Columns may be separated by commas, semicolons or tabs. A decimal comma is read where it is not what separates.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import sha256
from .mnist import DataError
from .windows import Series, standard_parts

GAPS = ("", "nan", "na", "n/a", "null", "none", "-")  # cells in which nothing was measured, in any case
SEPARATORS = ",;\t"
MONDAY = datetime(2001, 1, 1)
HOUR = timedelta(hours=1)
MOST = 64 * 2**20  # bytes of a file
LONGEST = 5_000_000  # steps, those left out counted
MOST_COLUMNS = 16  # to learn from: the covariance of a window has (192 · columns)² entries
FEWEST = 4 * 168  # hours to learn from: the parts to learn from, to choose by and to measure with are then long enough


@dataclass(frozen=True, eq=False)
class Table:
    """values: float64 (C, N), NaN in gaps; columns: the names of the C channels
    start: the time of the first of the N steps; step: from one to the next
    told: what was found, line by line
    """

    values: Tensor
    columns: tuple[str, ...]
    start: datetime
    step: timedelta
    told: tuple[str, ...] = field(repr=False, default=())

    def __len__(self) -> int:
        return self.values.shape[1]

    @property
    def first_hour(self) -> int:
        """Of the start, counted from a Monday at midnight, hour 0."""
        return (self.start - MONDAY) // HOUR % 168

    def time(self, number: int) -> datetime:
        """The time of the step of this number, which may lie beyond the end."""
        return self.start + number * self.step


def read_table(path: str | Path) -> Table:
    """The series in a CSV file. Raises DataError, in one line, for what the rules above do not allow."""
    lines = read_lines(path)
    header, rows = [name.strip() for name in lines[0][1]], lines[1:]
    column = time_column(path, header, rows)
    names = tuple(name for k, name in enumerate(header) if k != column)
    check_names(path, names)
    times = read_times(path, header, rows, column)
    numbers = read_numbers(path, header, rows, column)
    step, places = on_a_grid(path, times, [line for line, _ in rows])
    values = np.full((len(names), places[-1] + 1), np.nan)
    values[:, places] = numbers.T
    told = findings(path, names, values, times, step, len(rows))
    return Table(torch.from_numpy(values), names, times[0], step, told)


# --- The file


def read_lines(path: str | Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of each line that is not empty; all have as many cells as the first."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is a folder, not a CSV file" if path.is_dir() else f"{path} does not exist")
    if path.stat().st_size > MOST:
        raise DataError(f"{path} has {path.stat().st_size / 2**20:.0f} MiB; at most {MOST // 2**20} can be read")
    try:
        text = path.read_text(encoding="utf-8-sig")  # with the mark that Excel puts first, and without
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8: save it as 'CSV UTF-8'") from None
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=separator)
    lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if len(lines) < 3:
        raise DataError(f"{path} needs a line of names and at least two rows, got {len(lines)} lines")
    for number, row in lines:
        if len(row) != len(lines[0][1]):
            raise DataError(f"{path}, line {number}: {len(row)} cells, where the first line names {len(lines[0][1])} columns "
                            f"(separated by {separator!r})")
    return lines


def time_column(path: str | Path, header: list[str], rows: list) -> int:
    """The number of the first column whose first cell is a time."""
    if any(as_time(name) for name in header):
        raise DataError(f"{path}: the first line must name the columns, got {', '.join(header)[:80]!r}")
    for column in range(len(header)):
        if as_time(rows[0][1][column]):
            return column
    raise DataError(f"{path} has no time column: none of {', '.join(header)} begins with a time such as 2016-07-01 00:00:00")


def check_names(path: str | Path, names: tuple[str, ...]) -> None:
    """Each channel has a name, and one of its own."""
    if not names:
        raise DataError(f"{path} has times and no other column")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled or "" in names:
        raise DataError(f"{path}: every column needs a name of its own, got {doubled[0]!r} twice" if doubled else
                        f"{path}: every column needs a name, and one has none")


# --- Its cells


def as_time(cell: str) -> datetime | None:
    """The time that a cell holds, or None. A number alone, such as 20160701, is none."""
    cell = cell.strip()
    if "-" not in cell[1:] and ":" not in cell:
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def read_times(path: str | Path, header: list[str], rows: list, column: int) -> list[datetime]:
    """The time of each row, all in one zone, which is then left out."""
    times = []
    for line, row in rows:
        time = as_time(row[column])
        if time is None:
            raise DataError(f"{path}, line {line}: {header[column]} must be a time such as 2016-07-01 00:00:00, "
                            f"got {row[column].strip()!r}")
        times.append(time)
    zones = {time.utcoffset() for time in times}
    if len(zones) > 1:
        raise DataError(f"{path}: times are written in {len(zones)} zones; write all in one, such as UTC")
    return [time.replace(tzinfo=None) for time in times]


def read_numbers(path: str | Path, header: list[str], rows: list, column: int) -> np.ndarray:
    """float64 (rows, channels), NaN for gaps."""
    channels = [k for k in range(len(header)) if k != column]
    return np.array([[number(path, line, header[k], row[k]) for k in channels] for line, row in rows])


def number(path: str | Path, line: int, name: str, cell: str) -> float:
    """The number in a cell; NaN for a gap."""
    text = cell.strip()
    if text.lower() in GAPS:
        return np.nan
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = np.inf
    if "_" in text or not np.isfinite(value):
        raise DataError(f"{path}, line {line}: {name} must be a number, or empty for a gap, got {cell.strip()!r}")
    return value


# --- The grid of times


def on_a_grid(path: str | Path, times: list[datetime], lines: list[int]) -> tuple[timedelta, np.ndarray]:
    """The step, and the number of the step at which each row stands."""
    apart = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    for k, distance in enumerate(apart):
        if distance <= timedelta(0):
            what = "is there twice" if distance == timedelta(0) else f"comes after {times[k]}; times must rise"
            raise DataError(f"{path}, line {lines[k + 1]}: the time {times[k + 1]} {what}")
    step = Counter(apart).most_common(1)[0][0]
    for k, distance in enumerate(apart):
        if distance % step:
            raise DataError(f"{path}, line {lines[k + 1]}: {times[k + 1]} is {distance} after the row before, "
                            f"which is no multiple of the usual step, {step}")
    places = np.cumsum([0, *(distance // step for distance in apart)])
    if places[-1] >= LONGEST:
        raise DataError(f"{path}: {times[0]} … {times[-1]} are {places[-1]:,} steps of {step}; at most {LONGEST:,} are read. "
                        "Is a year mistyped?")
    return step, places


def findings(path: str | Path, names: tuple[str, ...], values: np.ndarray, times: list, step: timedelta, rows: int) -> tuple:
    """What was found, in words."""
    gaps, steps = np.isnan(values), values.shape[1]
    lines = [f"{Path(path).name}: {steps:,} steps of {step} from {times[0]} to {times[-1]}, {len(names)} channels: "
             + ", ".join(names)]
    if steps > rows:
        lines.append(f"  {steps - rows:,} time stamps are left out; they are taken as gaps")
    if gaps.any():
        each = ", ".join(f"{name} {share:.1%}" for name, share in zip(names, gaps.mean(1), strict=True) if share)
        lines.append(f"  missing: {each}")
    return tuple(lines)


def check_channels(path: str | Path, table: Table) -> None:
    """Raise DataError for a channel of which nothing can be learnt: one that is empty, or never changes, in the whole file or
    in the part to learn from; and for a part to choose by, or to measure with, in which all channels are empty."""
    parts = standard_parts(len(table))
    learnt = len(parts["train"])
    for name, row in zip(table.columns, table.values.numpy(), strict=True):
        for where, part in (("", row), (f" in the first {learnt:,} hours, which are learnt from", row[:learnt])):
            seen = part[~np.isnan(part)]
            if len(seen) == 0:
                raise DataError(f"{path}: {name} is empty{where}: leave the column out")
            if (seen == seen[0]).all():
                raise DataError(f"{path}: {name} is {seen[0]:g} throughout{where}, which teaches nothing: leave the column out")
    for use, part in (("choose by", parts["validation"]), ("measure with", parts["test"])):
        if bool(table.values[:, part.start:part.stop].isnan().all()):
            raise DataError(f"{path} has gaps only from {table.time(part.start)} to {table.time(part.stop - 1)}, the part to "
                            f"{use}")


def check_hourly(path: str | Path, table: Table) -> None:
    """Raise DataError for another step than an hour: the networks of this package know the hour of the day and of the week."""
    if table.step != HOUR:
        raise DataError(f"{path} has a step of {table.step}, and series are learnt in steps of {HOUR}: "
                        + ("take the mean of each hour" if table.step < HOUR else "they must be measured more often"))


def series_to_learn(path: str | Path) -> tuple[Series, tuple[str, ...]]:
    """The series in a CSV file, to learn from, and what was found. Raises DataError for one that is too short, has another step
    than an hour, or a channel of which nothing can be learnt."""
    table = read_table(path)
    check_hourly(path, table)
    if len(table) < FEWEST:
        raise DataError(f"{path} has {len(table)} hours, and at least {FEWEST} (four weeks) are needed to learn from")
    if len(table.columns) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(table.columns)} columns beside the time, and at most {MOST_COLUMNS} can be learnt "
                        "together: leave some out")
    check_channels(path, table)
    series = Series(table.values.float(), table.first_hour, table.columns, "as in the file", standard_parts(len(table)),
                    Path(path).stem, str(path), sha256(Path(path).read_bytes()))
    return series, table.told
