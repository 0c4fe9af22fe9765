"""A Film standing still: the drawing that film.js makes of the same frames and calls, for one frame."""

from __future__ import annotations

from html import escape

import numpy as np

from diffusion_utils.widgets.sketch_still import tiles_html

# Units of the map below the pictures; as in film.js.
STRIP = {"width": 360, "edge": 4, "name": 14, "arcs": 16, "cell": 10, "below": 9}
LOW = 3  # of a frame that was neither given nor made with the one that is shown
LEGEND = ("fs-film-given", "fs-film-together", "fs-film-arc")  # as in film.js

Row = list  # [frames that were given, [[observed, latent] of each call]]


def film_html(settings: dict, rows: list[Row], pictures: list[np.ndarray], k: int, alt: str) -> str:
    """The face: pictures side by side, below them a map of each row, and the legend."""
    tiles = tiles_html(zip(settings["panels"], pictures, strict=True))
    legend = "".join(f'<span><svg viewBox="0 0 24 10" width="24" height="10" aria-hidden="true"><path class="{kind}" '
                     f'd="{"M2 9 A10 8 0 0 1 22 9" if kind.endswith("arc") else "M8 0 H16 V10 H8 Z"}"></path></svg> '
                     f"{escape(text)}</span>" for kind, text in zip(LEGEND, settings["legend"], strict=True))
    return (f'<div class="fs-face fs-film"><div role="img" aria-label="{escape(alt)}">{tiles}</div>'
            f'{map_svg(settings, rows, k)}<p class="fs-legend">{legend}</p></div>')


def map_svg(settings: dict, rows: list[Row], k: int) -> str:
    """The rows, one below the other."""
    tall = row_height(settings)
    drawn = "".join(f'<g transform="translate(0 {tall * r})">{row_svg(settings, name, row, k)}</g>'
                    for r, (name, row) in enumerate(zip(settings["rows"], rows, strict=True)))
    return f'<svg class="fs-film-map" viewBox="0 0 {STRIP["width"]} {tall * len(rows)}" aria-hidden="true">{drawn}</svg>'


def row_height(settings: dict) -> int:
    """Rows that have names are higher by a line."""
    return sum(STRIP[part] for part in ("arcs", "cell", "below")) + (STRIP["name"] if settings["rows"][0] else 0)


def row_svg(settings: dict, name: str, row: Row, k: int) -> str:
    """A bar for each frame, high where it was given or was made with frame k; arcs from k to what the network saw then."""
    given, _ = row
    observed, latent = call_of(row, k)
    frames = settings["frames"]
    top = STRIP["arcs"] + (STRIP["name"] if name else 0)
    foot = top + STRIP["cell"]
    others = [frame for frame in range(frames) if frame not in given and frame not in latent]
    shapes = [("fs-film-made", bars(others, foot - LOW, foot, frames)), ("fs-film-given", bars(given, top, foot, frames)),
              ("fs-film-together", bars(latent, top, foot, frames)),
              ("fs-film-arc", "".join(arc(frame, k, top, frames) for frame in observed)),
              ("fs-film-now", marker(k, foot, frames))]
    text = f'<text x="{STRIP["edge"]}" y="10">{escape(name)}</text>' if name else ""
    return text + "".join(f'<path class="{kind}" d="{d}"></path>' for kind, d in shapes)


def call_of(row: Row, k: int) -> tuple[list[int], list[int]]:
    """(observed, latent) of the call that made frame k: nothing where it was given."""
    return next(((observed, latent) for observed, latent in row[1] if k in latent), ([], []))


def across(frame: float, frames: int) -> float:
    return STRIP["edge"] + frame * (STRIP["width"] - 2 * STRIP["edge"]) / frames


def bars(which: list[int], top: float, foot: float, frames: int) -> str:
    """A bar leaves a tenth of its place free on both sides."""
    return "".join(f"M{across(frame + 0.1, frames):.1f} {top} H{across(frame + 0.9, frames):.1f} V{foot} "
                   f"H{across(frame + 0.1, frames):.1f} Z" for frame in which)


def arc(frame: int, k: int, top: float, frames: int) -> str:
    """From the middle of one bar to that of another, the higher the further."""
    x, y = across(frame + 0.5, frames), across(k + 0.5, frames)
    height = min(STRIP["arcs"] - 1, 4 + abs(y - x) / 6)
    return f"M{x:.1f} {top} Q{(x + y) / 2:.1f} {top - 2 * height:.1f} {y:.1f} {top}"


def marker(k: int, foot: float, frames: int) -> str:
    """A triangle below the frame that is shown."""
    x = across(k + 0.5, frames)
    return f"M{x:.1f} {foot + 1} L{x - 4:.1f} {foot + 8} H{x + 4:.1f} Z"
