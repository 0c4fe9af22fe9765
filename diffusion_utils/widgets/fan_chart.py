"""FanChart: a series with a gap, and what a model believes stood there: bands, a median, sample paths."""

from __future__ import annotations

import numpy as np
import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.companions import PlotScale
from diffusion_utils.widgets.fan_still import UNITS, fan_html
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.scrubber import Scrubber

WIDTH = 540  # CSS pixels
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles: the edges of the bands, and the median
LEGEND = ("measured", "what was hidden", "median", "middle 50 %", "middle 90 %")
MOST_PATHS = 16


class FanChart(Scrubber):
    """Two sliders over gaps in a series, and in each gap the bands of a forecast. Make one with `FanChart.from_arrays`.

    Two boxes to tick show single sample paths, and the band of another method to compare with.
    """

    _esm = front_end.source(*front_end.SCRUBBER, "drawing.js", "fan_chart.js")

    settings = traitlets.Dict().tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)  # uint16, little-endian, 0…UNITS of each panel's height
    width = traitlets.Int(WIDTH).tag(sync=True)

    @classmethod
    def from_arrays(
        cls,
        truth: object,
        gaps: list,
        quantiles: list,
        paths: list,
        other: list,
        *,
        panels: list[str],
        axes: list[Axis],
        title: str,
        alt: str,
        ticks: list[tuple[int, str]],
        paths_name: str = "sample paths",
        other_name: str = "90 % of another method",
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        interval_ms: int = 700,
        name: str | None = None,
    ) -> FanChart:
        """A chart over gaps that are already filled.

        truth: (P, L), P panels one above the other, L steps, in the units of each panel, whose name is in `panels`.
        gaps: for each frame (start, stop), the steps start … stop − 1 are hidden; nested as the sliders are, (N,) or (N, M).
        quantiles: for each frame (5, P, stop − start), at the LEVELS; paths: (S, P, stop − start), S the same in all frames;
            other: (2, P, stop − start), the 5 % and 95 % quantiles of another method.
        ticks: (step, text) pairs below the last panel. All else is as in `FrameScrubber.from_arrays`.

        Raises ValueError for shapes that do not fit, gaps outside the series, and numbers that are not finite.
        """
        check_axes(axes)
        leading = tuple(len(axis.values) for axis in axes)
        if not alt:
            raise ValueError("alt: must not be empty; it is what a screen reader reads")
        truth = check_truth(truth, panels)
        gaps, quantiles, paths, other = (flat_frames(given, leading, what) for given, what in (
            (gaps, "gaps"), (quantiles, "quantiles"), (paths, "paths"), (other, "other")))
        gaps = [check_gap(gap, truth.shape[1]) for gap in gaps]
        count = len(np.asarray(paths[0]))
        if not 1 <= count <= MOST_PATHS:
            raise ValueError(f"paths: 1 to {MOST_PATHS} in each frame; given {count}")
        rows = [np.concatenate([check_fill(given, (number, len(panels), stop - start), what) for given, number, what in (
            (quantiles[k], len(LEVELS), "quantiles"), (paths[k], count, "paths"), (other[k], 2, "other"))])
            for k, (start, stop) in enumerate(gaps)]
        scales = [PlotScale(np.concatenate([truth[p], *(fill[:, p].ravel() for fill in rows)]), log=False, margin=0.04)
                  for p in range(len(panels))]
        parts = [in_units(truth, scales)] + [in_units(fill, scales).swapaxes(0, 1) for fill in rows]
        settings = {
            "steps": truth.shape[1], "gaps": [list(gap) for gap in gaps], "paths": count, "units": UNITS,
            "panels": [{"name": panel, "ticks": scale.ticks()} for panel, scale in zip(panels, scales, strict=True)],
            "ticks": [[int(step), str(text)] for step, text in ticks], "legend": list(LEGEND),
            "toggles": [f"{count} {paths_name}", other_name],
        }  # fmt: skip
        widget = cls._made(leading, axes=axes, title=title, readouts=readouts, captions=captions, companions=None,
                           interval_ms=interval_ms, alt=alt, name=name, settings=settings,
                           numbers=b"".join(part.astype("<u2").tobytes() for part in parts))
        widget._warn_if_heavy("Use fewer frames, or shorter gaps")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The chart as the sliders stand, as a drawing."""
        if not self.numbers:
            raise ValueError("this FanChart has no numbers; make one with FanChart.from_arrays")
        return {"text/html": fan_html(self.settings, self.numbers, self.frame, self.alt)}, {}


def check_truth(truth: object, panels: list[str]) -> np.ndarray:
    """float64 (P, L), finite, with a name for each panel."""
    truth = np.asarray(truth, float)
    if truth.ndim != 2 or truth.shape[1] < 3 or len(truth) != len(panels) or not all(panels):
        raise ValueError(f"truth: must be (panels, steps) with a name for each panel; given {truth.shape} and {panels}")
    if not np.isfinite(truth).all():
        raise ValueError("truth: every number must be finite")
    return truth


def flat_frames(values: list, leading: tuple[int, ...], what: str) -> list:
    """One entry a frame, in the frames' order. Raises ValueError if nested otherwise than `leading`."""
    lengths = [len(values)] if len(leading) == 1 else [len(values), *map(len, values)]
    wanted = [leading[0]] if len(leading) == 1 else [leading[0], *[leading[1]] * leading[0]]
    if lengths != wanted:
        raise ValueError(f"{what}: must hold one entry a frame, nested as {' x '.join(map(str, leading))}; given {lengths}")
    return list(values) if len(leading) == 1 else [entry for row in values for entry in row]


def check_gap(gap: object, steps: int) -> tuple[int, int]:
    """(start, stop) inside the series, with something measured outside it."""
    start, stop = (int(end) for end in gap)
    if not 0 <= start < stop <= steps or stop - start == steps:
        raise ValueError(f"gaps: each must be (start, stop) within 0 … {steps}, and leave something; given {(start, stop)}")
    return start, stop


def check_fill(values: object, shape: tuple[int, ...], what: str) -> np.ndarray:
    """float64 of this shape, finite."""
    values = np.asarray(values, float)
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"{what}: must be finite numbers of shape {shape} in this gap; given {values.shape}")
    return values


def in_units(values: np.ndarray, scales: list[PlotScale]) -> np.ndarray:
    """(…, P, K) as whole numbers, 0 at the foot of its panel and UNITS at the top."""
    low = np.array([scale.low for scale in scales])[:, None]
    high = np.array([scale.high for scale in scales])[:, None]
    return np.rint(UNITS * (values - low) / (high - low))
