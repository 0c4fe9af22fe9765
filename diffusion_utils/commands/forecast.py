"""Forecast the series in a CSV file."""

from __future__ import annotations

import argparse

import torch

from ..data.series_csv import Table
from ..data.windows import known_and_mask
from ..forecast import fill
from .series import (
    LEVELS,
    check_out,
    check_samples,
    load_series,
    paths_csv,
    quantiles_csv,
    quantiles_of,
    read_for,
    write_all,
)
from .series_figure import figure_png

SHARE = 0.75  # of a window: the longest forecast that checkpoints learn


def forecast(args: argparse.Namespace) -> None:
    """Write the quantiles, sample paths and a figure of the hours after the last row of a CSV file."""
    out, n, hours = check_out(args.out, args.file), check_samples(args.samples), 24 if args.hours is None else args.hours
    checkpoint = load_series(args.checkpoint, args.device)
    length = checkpoint.shape[-1]
    if not 1 <= hours <= SHARE * length:
        raise ValueError(f"--hours must lie in 1…{SHARE * length:.0f}, got {hours}")
    table, values = read_for(checkpoint, args.file)
    columns, past = checkpoint.card["series"]["columns"], len(table)
    window = window_at_end(values, hours, length)
    if bool(window.isnan().all()):
        raise ValueError(f"{args.file} has nothing measured in its last {length - hours} hours, on which a forecast is based")
    known, mask = known_and_mask(window)
    first_hour = torch.tensor([table.first_hour + past + hours - length])
    changes = {} if args.steps is None else {"steps": args.steps}
    samples = fill(checkpoint, known[None], mask[None], first_hour, n, seed=args.seed or 0, progress=True, **changes)
    files = files_of(out, table, columns, values, samples[0, ..., -hours:], f"{checkpoint.name}: the next {hours} hours")
    write_all(files)


def window_at_end(values: torch.Tensor, hours: int, length: int) -> torch.Tensor:
    """The last hours of a series (C, N), then `hours` that are missing: (C, length). What came before the first is missing."""
    window = torch.full((len(values), length), torch.nan)
    past = values[:, -(length - hours):]
    window[:, length - hours - past.shape[1]:length - hours] = past
    return window


def files_of(out, table: Table, columns: list[str], values: torch.Tensor, samples: torch.Tensor, title: str) -> dict:
    """What is written, by path. samples: (n, C, hours), from the step after the last on."""
    past, wanted = len(table), torch.ones(samples.shape[1:], dtype=torch.bool)
    gap = torch.full((len(columns), samples.shape[-1]), torch.nan)
    quantiles = torch.cat([torch.full((len(LEVELS), *values.shape), torch.nan), quantiles_of(samples)], -1)
    return {out: quantiles_csv(table, columns, past, samples, wanted),
            out.with_suffix(".paths.csv"): paths_csv(table, columns, past, samples, wanted),
            out.with_suffix(".png"): figure_png(table, columns, torch.cat([values, gap], -1), quantiles, title)}
