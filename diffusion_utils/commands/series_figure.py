"""The figure that forecast and impute write: what was measured, and the bands and the median of what was filled."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from torch import Tensor

from ..data.series_csv import Table

BLUE = "#0072B2"
MOST_PANELS, MOST_STEPS = 12, 28 * 24


def figure_png(table: Table, columns: Sequence[str], values: Tensor, quantiles: Tensor, title: str) -> bytes:
    """One panel a column, below each other, as a PNG.

    values: (C, N), NaN where missing, N steps from the table's start on, also beyond its end; quantiles: (5, C, N), NaN where
    nothing was filled. Shown are the last four weeks that hold something filled, of twelve columns at most.
    """
    filled = ~quantiles[0].isnan()
    steps = filled.any(0).nonzero()[:, 0]
    stop = min(values.shape[1], int(steps[-1]) + 25)
    start = max(0, stop - MOST_STEPS, int(steps[0]) - 96)
    shown = [c for c in range(len(columns)) if bool(filled[c, start:stop].any())][:MOST_PANELS]
    times = np.array([table.time(k) for k in range(start, stop)])
    figure = Figure(figsize=(9, 1 + 1.7 * len(shown)), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    for axes, c in zip(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0], shown, strict=True):
        low90, low50, median, high50, high90 = joined(values[c, start:stop].numpy(), quantiles[:, c, start:stop].numpy())
        axes.fill_between(times, low90, high90, color=BLUE, alpha=0.2, lw=0, label="middle 90 %")
        axes.fill_between(times, low50, high50, color=BLUE, alpha=0.35, lw=0, label="middle 50 %")
        axes.plot(times, median, color=BLUE, lw=1.5, label="median")
        axes.plot(times, values[c, start:stop], color="black", lw=1, label="measured")
        lonely = alone(values[c, start:stop].numpy())
        axes.plot(times[lonely], values[c, start:stop][lonely], ".", color="black", ms=3)
        axes.set_ylabel(columns[c])
        axes.grid(color="#dddddd")
        axes.spines[["top", "right"]].set_visible(False)
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.axes[0].legend(ncols=4, frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))
    canvas.draw()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def alone(values: np.ndarray) -> np.ndarray:
    """Where something was measured between two gaps, (K,): a point, of which no line is drawn."""
    there = np.pad(~np.isnan(values), 1)
    return there[1:-1] & ~there[:-2] & ~there[2:]


def joined(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The quantiles (5, K), and what was measured right beside a gap, so that the bands begin and end there."""
    filled = ~np.isnan(quantiles[0])
    beside = np.zeros_like(filled)
    beside[1:] |= filled[:-1]
    beside[:-1] |= filled[1:]
    return np.where(beside & ~filled, values, quantiles)
