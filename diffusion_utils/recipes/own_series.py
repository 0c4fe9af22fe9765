"""A model of your own series: look at the file, train, and measure it against a Gaussian and against yesterday."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data.series_csv import series_to_learn
from ..data.windows import DAY, WINDOW, Series, known_and_mask
from ..forecast import fill, gaussian_fill
from ..masks import last_hours
from ..metrics.series import fair_crps
from ..training.run_folder import check_free
from .etth1 import ETTH1
from .series import SeriesRecipe, series_recipe

MEASURED, SAMPLES = 24, 16  # windows of the test part, and samples of each


def own_series_recipe(series: Series, minutes: float = 60.0) -> SeriesRecipe:
    """The recipe of a series, trained for so many minutes, as etth1 is in all else. Raises ValueError for no minutes."""
    name = "series-" + re.sub(r'[\s<>:"/\\|?*.]+', "-", series.name).strip("-")
    return series_recipe(name, len(series.columns), series=series, train=replace(ETTH1.train, minutes=minutes))


def train_series(data: str | Path, *, minutes: float = 60.0, folder: str | Path = "runs", resume: bool = False,
                 device: str | None = None, log: Callable[[str], None] = tqdm.write) -> Path | None:
    """Train on the series in a CSV file, or go on; writes the checkpoint into folder/name, and says how well it forecasts.

    Returns the checkpoint's card, None in all processes but the first. Raises what `series_to_learn` and `Recipe.run` do.
    """
    series, told = series_to_learn(data)
    for line in told:
        log(line)
    recipe = own_series_recipe(series, minutes)
    check_free(Path(folder) / recipe.name, resume)
    card = recipe.run(folder, resume=resume, device=device, data=recipe.load("train"), log=log)
    if card is not None:
        for line in measured(checkpoints.load(card, device), series):
            log(line)
        log(f"Now: python -m diffusion_utils forecast {data} --checkpoint {card.parent} --hours 24 --out forecast.csv")
    return card


def measured(checkpoint: Checkpoint, series: Series) -> list[str]:
    """How well it forecasts days of the last fifth of the series, beside its Gaussian alone and yesterday again, in words."""
    rows = series.parts["test"]
    first = max(0, rows.start - (WINDOW - DAY))
    starts = torch.linspace(first, rows.stop - WINDOW, MEASURED).long().unique()
    windows = torch.stack([series.values[:, start:start + WINDOW] for start in starts.tolist()])
    values, there = known_and_mask(windows)
    mask = there * last_hours(len(series.columns), WINDOW, DAY)
    hours = series.first_hour + starts
    ours = fill(checkpoint, values, mask, hours, SAMPLES)
    gaussian = gaussian_fill(checkpoint, values, mask, hours, SAMPLES)
    asked, std = (there - mask)[..., -DAY:] > 0, series.std[:, None]
    before = (there[..., -2 * DAY:-DAY] > 0) & asked

    def crps(samples: torch.Tensor) -> float:
        return float((fair_crps(samples.transpose(0, 1), values) / std)[..., -DAY:][asked].mean())

    naive = ((values[..., -DAY:] - values[..., -2 * DAY:-DAY]).abs() / std)[before].mean()
    return [f"CRPS of {len(starts)} forecasts of the next 24 hours in the last fifth of the series, in standard deviations of "
            "each column (less is better):",
            f"  the network {crps(ours):.3f}, the Gaussian alone {crps(gaussian):.3f}, yesterday again {naive:.3f}"]
