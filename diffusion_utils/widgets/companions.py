"""Small plots that follow a scrubber's sliders: a curve with a dot on it, and a histogram.

Everything is turned into whole numbers 0..1000 of the plot's width and height here, ticks included, so that the
front end only draws, in the colours of the page's theme.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

UNITS = 1000  # finer than a pixel at any size these plots are shown at
CLIPPED = UNITS + 1  # a bar that leaves the plot; drawn with a gap at its top
MAX_LINES = 4  # as many line styles as the front end can keep apart without colour
LETTER = 40  # units of the x-axis that a letter of a tick takes: 6.4 of the 160 pixels that the axis is long


class PlotScale:
    """Maps numbers to 0..1000 along one axis, linear or logarithmic, and chooses its ticks."""

    def __init__(self, values: np.ndarray, log: bool, margin: float = 0.0) -> None:
        self.log = log
        low, high = self._forward(values.min()), self._forward(values.max())
        spread = (high - low) or 1.0
        self.low, self.high = low - margin * spread, low + (1 + margin) * spread

    def _forward(self, values: np.ndarray) -> np.ndarray:
        return np.log10(values) if self.log else np.asarray(values, float)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Whole numbers, 0 at the low end and 1000 at the high end."""
        return np.rint(UNITS * (self._forward(values) - self.low) / (self.high - self.low)).astype(int)

    def ticks(self) -> list[list]:
        """A handful of [position, text] pairs at round numbers."""
        values = self._powers_of_ten() if self.log else round_values(self.low, self.high)
        if len(values) < 2:  # a logarithmic axis too short for powers of ten
            values = round_values(10.0**self.low, 10.0**self.high)
        return [[int(self(np.float64(v))), f"{v:.6g}".replace("-", "−")] for v in values]

    def _powers_of_ten(self) -> list[float]:
        """Powers of ten; with their doubles and fives where there are fewer than two decades."""
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        stride = max(1, round(len(decades) / 5))
        multiples = (1, 2, 5) if self.high - self.low < 2 else (1,)
        values = [m * 10.0**k for k in decades[::stride] for m in multiples]
        return [v for v in values if self.low - 1e-9 <= math.log10(v) <= self.high + 1e-9]


def apart(ticks: list[list]) -> list[list]:
    """Those of the x-axis's ticks whose text does not touch that of the one kept before, by nearly a letter."""
    kept = ticks[:1]
    for place, text in ticks[1:]:
        before, written = kept[-1]
        if place - before >= LETTER * ((len(text) + len(written)) / 2 + 0.8):
            kept.append([place, text])
    return kept


def round_values(low: float, high: float) -> list[float]:
    """Three to seven round numbers, equally spaced, from low to high."""
    # A thousandth of slack here and below, so that rounding errors do not lose a step or a number at the very end.
    third = 1.001 * (high - low) / 3
    power = 10.0 ** math.floor(math.log10(third))
    step = next(m * power for m in (5, 2, 1) if m * power <= third)
    first, last = math.ceil(low / step - 1e-3), math.floor(high / step + 1e-3)
    return [k * step for k in range(first, last + 1)]


def numbers(values: object, what: str, positive: bool = False) -> np.ndarray:
    """A float array. Raises ValueError if it is ragged, empty, not finite or, where asked, not positive."""
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: must be numbers in an array without gaps; given {type(values).__name__}") from error
    if array.size == 0:
        raise ValueError(f"{what}: must not be empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: every number must be finite; leave points that are infinite or NaN out")
    if positive and array.min() <= 0:
        raise ValueError(f"{what}: a logarithmic axis needs numbers above 0; given {array.min():g}")
    return array


def need_shape(array: np.ndarray, allowed: list[tuple[int, ...]], what: str) -> None:
    """Raise ValueError unless the array has one of the allowed shapes."""
    if array.shape not in allowed:
        raise ValueError(f"{what}: shape must be {' or '.join(map(str, allowed))}; given {array.shape}")


@dataclass
class Curve:
    """One or more lines, and a dot on each at the place the sliders stand for.

    x: (K,) rising or falling. y: (K,), or (M, K) with one line for each position of the second slider, or (M, L, K) of the
    second and third, of which the chosen one is drawn strongly. lines: in place of y, up to four named lines, {"name": y}.
    at: the dot's place on the x-axis, in the units of x, for each frame: (N,), (N, M) or (N, M, L). Left out, it is x itself
    if x has N points. The dot's height is read off the line.
    """

    title: str
    x: object
    y: object = None
    at: object = None
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    lines: dict[str, object] | None = None

    def state(self, leading: tuple[int, ...]) -> dict:
        """What the front end draws, for frames of this leading shape, (N,) to (N, M, L).

        Raises ValueError for lengths that do not match, numbers that are not finite, x that turns back, and dots
        beyond the ends of x.
        """
        what = f"Curve {self.title!r}"
        settings = math.prod(leading[1:])
        x = self._x(what)
        lines = {name: self._line(y, len(x), leading, f"{what}, y{f' of {name!r}' if name else ''}")
                 for name, y in self._named_lines(what).items()}
        at = self._at(x, leading, what)
        scale_x = PlotScale(x, self.log_x)
        scale_y = PlotScale(np.concatenate([y.ravel() for y in lines.values()]), self.log_y, margin=0.04)
        return {
            "kind": "curve", "title": self.title, "x_label": self.x_label, "y_label": self.y_label,
            "x_ticks": apart(scale_x.ticks()), "y_ticks": scale_y.ticks(),
            "x": scale_x(x).tolist(), "at": scale_x(at).ravel().tolist(),
            "lines": [
                {"name": name, "y": scale_y(y).tolist(),
                 "dots": scale_y(read_off(x, y, at)).reshape(-1, settings).ravel().tolist()}
                for name, y in lines.items()
            ],
        }  # fmt: skip

    def _named_lines(self, what: str) -> dict[str, object]:
        if (self.y is None) == (self.lines is None):
            raise ValueError(f"{what}: give either y or lines, and not both")
        lines = {"": self.y} if self.lines is None else self.lines
        if not 1 <= len(lines) <= MAX_LINES:
            raise ValueError(f"{what}: lines must hold 1 to {MAX_LINES} lines; given {len(lines)}")
        return lines

    def _x(self, what: str) -> np.ndarray:
        x = numbers(self.x, f"{what}, x", positive=self.log_x)
        steps = np.diff(x) if x.ndim == 1 else np.empty(0)
        if len(steps) == 0 or not (np.all(steps > 0) or np.all(steps < 0)):
            raise ValueError(f"{what}, x: must be at least two numbers that only rise or only fall; shape {x.shape}")
        return x

    def _line(self, y: object, points: int, leading: tuple[int, ...], what: str) -> np.ndarray:
        """Shape (M, K), M for all settings of the sliders but the first."""
        y = numbers(y, what, positive=self.log_y)
        of_each = (*leading[1:], points)
        need_shape(y, list(dict.fromkeys([(points,), of_each])), what)
        return np.broadcast_to(y, of_each).reshape(-1, points)

    def _at(self, x: np.ndarray, leading: tuple[int, ...], what: str) -> np.ndarray:
        """Shape (N, M), M for all settings of the sliders but the first."""
        at = numbers(x if self.at is None else self.at, f"{what}, at")
        need_shape(at, [leading, leading[:1]], f"{what}, at (one place on the x-axis for each frame)")
        if at.min() < x.min() or at.max() > x.max():
            raise ValueError(
                f"{what}, at: places must lie on the x-axis, {x.min():g}..{x.max():g}; given {at.min():g}..{at.max():g}"
            )
        settings = math.prod(leading[1:])
        return np.broadcast_to(at.reshape(leading[0], -1), (leading[0], settings))


def read_off(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Height of each line at each place, linear between points: x (K,), y (M, K), at (N, M) to (N, M)."""
    order = np.argsort(x)  # np.interp wants a rising x
    return np.stack([np.interp(at[:, m], x[order], y[m][order]) for m in range(len(y))], axis=1)


@dataclass
class Histogram:
    """Bars for each frame, and an outline to compare them with.

    edges: (K + 1,) rising. counts: (N, K), (N, M, K) or (N, M, L, K), zero or more, in any unit. reference: (K,) in
    the same unit.
    All frames share one vertical scale. With a reference, the scale ends at three times its highest bar, so that a
    single spike does not flatten everything else; taller bars are cut and drawn with a gap near the top.
    """

    title: str
    edges: object
    counts: object
    x_label: str = ""
    y_label: str = ""
    reference: object = None

    def state(self, leading: tuple[int, ...]) -> dict:
        """What the front end draws, for frames of this leading shape, (N,) to (N, M, L).

        Raises ValueError for lengths that do not match, edges that do not rise, and negative or non-finite counts.
        """
        what = f"Histogram {self.title!r}"
        edges = numbers(self.edges, f"{what}, edges")
        if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
            raise ValueError(f"{what}, edges: must be at least two rising numbers; given shape {edges.shape}")
        bars = len(edges) - 1
        counts = self._heights(self.counts, (*leading, bars), f"{what}, counts")
        reference = None
        if self.reference is not None:
            reference = self._heights(self.reference, (bars,), f"{what}, reference")
        top = counts.max() or 1.0
        if reference is not None and reference.max() > 0:
            top = min(max(top, 1.05 * reference.max()), 3 * reference.max())
        scale = PlotScale(edges, log=False)
        return {
            "kind": "histogram", "title": self.title, "x_label": self.x_label, "y_label": self.y_label,
            "x_ticks": apart(scale.ticks()), "y_ticks": [], "edges": scale(edges).tolist(),
            "bars": to_units(counts.reshape(-1, bars), top),
            "reference": None if reference is None else to_units(reference, top),
        }  # fmt: skip

    @staticmethod
    def _heights(values: object, shape: tuple[int, ...], what: str) -> np.ndarray:
        heights = numbers(values, what)
        need_shape(heights, [shape], what)
        if heights.min() < 0:
            raise ValueError(f"{what}: must be 0 or more; given {heights.min():g}")
        return heights


def to_units(heights: np.ndarray, top: float) -> list:
    """0..1000 of the plot's height, or CLIPPED for what is taller."""
    return np.where(heights > top, CLIPPED, np.rint(UNITS * heights / top)).astype(int).tolist()
