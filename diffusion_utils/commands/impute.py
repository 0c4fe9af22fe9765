"""Fill the gaps of the series in a CSV file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..checkpoints import Checkpoint
from ..data.series_csv import Table
from ..data.windows import known_and_mask
from ..forecast import fill
from .series import (
    check_out,
    check_samples,
    csv_bytes,
    load_series,
    paths_csv,
    quantiles_csv,
    quantiles_of,
    read_for,
    write_all,
)
from .series_figure import figure_png


def impute(args: argparse.Namespace) -> None:
    """Write quantiles, sample paths and a figure of what is missing in a CSV file, and the file with medians in its gaps."""
    out, n = check_out(args.out, args.file), check_samples(args.samples)
    checkpoint = load_series(args.checkpoint, args.device)
    table, values = read_for(checkpoint, args.file)
    missing = values.isnan()
    if not bool(missing.any()):
        raise ValueError(f"{args.file} has no gaps; leave cells empty, or rows out, where something is to be filled")
    columns = checkpoint.card["series"]["columns"]
    changes = {} if args.steps is None else {"steps": args.steps}
    samples = filled(checkpoint, values, table, n, args.seed or 0, **changes)
    quantiles = torch.where(missing, quantiles_of(samples), torch.nan)
    write_all({
        out: quantiles_csv(table, columns, 0, samples, missing),
        out.with_suffix(".paths.csv"): paths_csv(table, columns, 0, samples, missing),
        out.with_suffix(".filled.csv"): filled_csv(table, columns, quantiles[2]),
        out.with_suffix(".png"): figure_png(table, columns, values, quantiles, f"{checkpoint.name}: what is missing"),
    })


def filled_csv(table: Table, columns: list[str], medians: Tensor) -> bytes:
    """The table with medians (C, N) in its gaps; its own numbers are those of the file, not of the network's float32."""
    measured = dict(zip(table.columns, table.values.tolist(), strict=True))

    def column(name: str, fill: list[float]) -> list[float | str]:
        own = measured.get(name, [float("nan")] * len(fill))
        return [f"{value:.15g}" if value == value else median for value, median in zip(own, fill, strict=True)]

    rows = zip(*map(column, columns, medians.tolist()), strict=True)
    return csv_bytes(["time", *columns], ([table.time(k), *row] for k, row in enumerate(rows)))


def filled(checkpoint: Checkpoint, values: Tensor, table: Table, n: int, seed: int, **changes) -> Tensor:
    """n ways in which the gaps of values (C, N) may be filled: (n, C, N), equal to what was measured.

    A long series is filled window by window, and each window is told what its own sample holds before it: so every sample is
    one story from end to end. Of a window only the middle half is kept, where both sides are seen.
    """
    length = checkpoint.shape[-1]
    before = max(0, length - values.shape[1])  # hours that a short series lacks
    paths = torch.cat([torch.full((len(values), before), torch.nan), values], -1).repeat(n, 1, 1)
    first_hour = table.first_hour - before
    with_gaps = [(start, keep) for start, keep in windows(paths.shape[-1], length)
                 if bool(paths[0, :, max(keep.start, before):keep.stop].isnan().any())]
    for start, keep in tqdm(with_gaps, unit="window", delay=2):
        known, mask = known_and_mask(paths[..., start:start + length])
        hours = torch.full((n,), first_hour + start)
        x = fill(checkpoint, known, mask, hours, 1, seed=seed + start, **changes)[:, 0]
        paths[..., keep.start:keep.stop] = x[..., keep.start - start:keep.stop - start]
    return paths[..., before:]


def windows(steps: int, length: int) -> Iterator[tuple[int, range]]:
    """Windows half a length apart: where each begins, and the steps that are kept of it, all of which follow one another."""
    starts = sorted({*range(0, steps - length, length // 2), steps - length})
    ends = [start + 3 * length // 4 for start in starts[:-1]] + [steps]
    for start, begin, end in zip(starts, [0, *ends], ends, strict=False):
        yield start, range(begin, end)
