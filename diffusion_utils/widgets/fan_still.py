"""A FanChart standing still: the drawing that fan_chart.js makes of the same numbers, for one frame."""

from __future__ import annotations

from html import escape

import numpy as np

UNITS = 10_000  # of a panel's height
BANDS, OTHER = 5, 2  # rows of numbers: quantiles, and the edges of another method's band
LEGEND = ("fs-measured", "fs-hidden", "fs-median", "fs-band fs-band-50", "fs-band fs-band-90")  # as in fan_chart.js
PANEL = {"width": 360, "height": 150, "left": 36, "right": 8, "top": 20, "bottom": 20}  # as in fan_chart.js


def numbers_of(settings: dict, numbers: bytes, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The truth (P, L), and what fills the gap of this frame, (P, 5 + paths + 2, stop − start)."""
    whole = np.frombuffer(numbers, "<u2").astype(int)
    panels, rows = len(settings["panels"]), BANDS + settings["paths"] + OTHER
    lengths = [stop - start for start, stop in settings["gaps"]]
    first = panels * settings["steps"]
    begin = first + panels * rows * sum(lengths[:frame])
    fill = whole[begin:begin + panels * rows * lengths[frame]]
    return whole[:first].reshape(panels, -1), fill.reshape(panels, rows, -1)


def fan_html(settings: dict, numbers: bytes, frame: int, alt: str) -> str:
    """The face: its panels, the legend, and room for the boxes to tick."""
    truth, fill = numbers_of(settings, numbers, frame)
    gap = settings["gaps"][frame]
    last = len(truth) - 1
    drawings = "".join(panel_svg(settings, panel, truth[p], fill[p], gap, settings["ticks"] if p == last else [])
                       for p, panel in enumerate(settings["panels"]))
    legend = "".join(f'<span><svg viewBox="0 0 24 10" width="24" height="10" aria-hidden="true"><path class="{kind}" '
                     f'd="{"M0 0 H24 V10 H0 Z" if "band" in kind else "M0 5 H24"}"></path></svg> {escape(text)}</span>'
                     for kind, text in zip(LEGEND, settings["legend"], strict=True))
    boxes = "".join(f'<label><span class="fs-box"></span><svg width="24" height="10"></svg> {escape(text)}</label>'
                    for text in settings["toggles"])
    return (f'<div class="fs-face fs-fan"><div role="img" aria-label="{escape(alt)}">{drawings}</div>'
            f'<p class="fs-legend">{legend}</p><div class="fs-toggles fs-keep">{boxes}</div></div>')


def panel_svg(settings: dict, panel: dict, truth: np.ndarray, fill: np.ndarray, gap: list[int], ticks: list) -> str:
    """One series with its gap."""
    start, stop = gap
    steps = settings["steps"]
    width, height, left, right, top, bottom = PANEL.values()
    foot = height - bottom

    def points(first: int, values: np.ndarray) -> list[str]:
        return [f"{x_of(first + k, steps):.1f} {y_of(value):.1f}" for k, value in enumerate(values)]

    def line(first: int, values: np.ndarray) -> str:
        return "M" + " L".join(points(first, values))

    first, before = (start, []) if start == 0 else (start - 1, truth[start - 1:start])
    after = truth[stop:stop + 1]
    closed = [np.concatenate([before, row, after]) for row in fill]  # joined to what was measured beside the gap
    low90, low50, median, high50, high90 = closed[:BANDS]

    def band(low: np.ndarray, high: np.ndarray) -> str:
        return "M" + " L".join(points(first, low) + points(first, high)[::-1]) + " Z"

    ends = [x_of(min(max(step - 0.5, 0), steps - 1), steps) for step in gap]
    shapes = [("fs-gap", f"M{ends[0]:.1f} {top} H{ends[1]:.1f} V{foot} H{ends[0]:.1f} Z"),
              ("fs-band fs-band-90", band(low90, high90)), ("fs-band fs-band-50", band(low50, high50)),
              ("fs-median", line(first, median)),
              ("fs-hidden", line(first, np.concatenate([before, truth[start:stop], after])))]
    beside = ((0, truth[:start]), (stop, truth[stop:]))
    shapes += [("fs-measured", line(place, part)) for place, part in beside if len(part) > 1]  # a point alone is no line
    drawn = "".join(f'<path class="{kind}" d="{d}"></path>' for kind, d in shapes)
    grid = "".join(f'<path class="fs-grid" d="M{left} {y_of(UNITS * at / 1000):.1f} H{width - right}"></path>'
                   f'<text x="{left - 4}" y="{y_of(UNITS * at / 1000) + 4:.1f}" text-anchor="end">{escape(text)}</text>'
                   for at, text in panel["ticks"])
    below = "".join(f'<path class="fs-tick" d="M{x_of(step, steps):.1f} {foot} v4"></path>'
                    f'<text x="{x_of(step, steps):.1f}" y="{foot + 15}" text-anchor="middle">{escape(text)}</text>'
                    for step, text in ticks)
    return (f'<svg viewBox="0 0 {width} {height}" aria-hidden="true"><text x="{left}" y="12">{escape(panel["name"])}</text>'
            f'{grid}{below}<path class="fs-frame" d="M{left} {top} V{foot} H{width - right}"></path>{drawn}</svg>')


def x_of(step: float, steps: int) -> float:
    return PANEL["left"] + step / (steps - 1) * (PANEL["width"] - PANEL["left"] - PANEL["right"])


def y_of(value: float) -> float:
    return PANEL["height"] - PANEL["bottom"] - value / UNITS * (PANEL["height"] - PANEL["top"] - PANEL["bottom"])
