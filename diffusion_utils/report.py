"""A report as one HTML file: pictures, a curve and tables inside it; no script and no other file; light and dark."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from .png import png

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ccc, #444); --curve: light-dark(#06c, #6bf); }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
figure { margin: 1rem 0; } figcaption { opacity: .8; }
img { max-width: 100%; height: auto; image-rendering: pixelated; background: #fff; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; } caption { text-align: left; opacity: .8; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: currentColor; }
.axis { stroke: var(--line); } .curve { fill: none; stroke: var(--curve); stroke-width: 2; }
"""


def page(title: str, parts: Iterable[str], language: str = "en") -> bytes:
    """The whole file. parts: HTML, as the functions below make it."""
    return (f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts)
            + "\n</main>\n</body>\n</html>\n").encode()


def heading(text: str) -> str:
    """Of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def lines(texts: Iterable[str]) -> str:
    """A list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(text.strip())}</li>" for text in texts) + "</ul>"


def picture(pixels: np.ndarray, says: str, scale: int = 1) -> str:
    """uint8 (H, W, 1 or 3) as an image in the page. says: what it shows, below it and for those who do not see it; scale: how
    many pixels of the screen one of them fills, where there is room."""
    height, width = pixels.shape[:2]
    data = base64.b64encode(png(pixels)).decode()
    return (f'<figure><img src="data:image/png;base64,{data}" width="{width * scale}" height="{height * scale}" '
            f'alt="{escape(says)}"><figcaption>{escape(says)}</figcaption></figure>')


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """Numbers stand to the right, with three digits; None is "not measured"."""
    body = "".join("<tr>" + _cell("th", row[0], ' scope="row"') + "".join(_cell("td", value) for value in row[1:]) + "</tr>"
                   for row in rows)
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return (f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def _cell(tag: str, value: str | float | None, more: str = "") -> str:
    if isinstance(value, (int, float)):
        return f'<{tag} class="number"{more}>{value:,}</{tag}>' if isinstance(value, int) else (
            f'<{tag} class="number"{more}>{value:.3g}</{tag}>')
    return f"<{tag}{more}>{escape('not measured' if value is None else value)}</{tag}>"


def curve(points: Sequence[tuple[float, float]], says: str, x_name: str, y_name: str) -> str:
    """A line through points (x, y > 0), y on a logarithmic scale, as an SVG drawing with its axes named."""
    left, right, top, bottom = 60, 700, 20, 240
    x_most = max((x for x, _ in points), default=1) or 1
    logs = [math.log10(max(y, 1e-12)) for _, y in points] or [0.0]
    low, high = min(logs), max(max(logs), min(logs) + 0.1)
    dots = " ".join(f"{left + (right - left) * x / x_most:.1f},{bottom - (bottom - top) * (log - low) / (high - low):.1f}"
                    for (x, _), log in zip(points, logs, strict=False))
    ends = [(f"{10 ** high:.3g}", left - 6, top + 5, "end"), (f"{10 ** low:.3g}", left - 6, bottom + 5, "end"),
            ("0", left, bottom + 20, "middle"), (f"{x_most:,}", right, bottom + 20, "end"),
            (x_name, (left + right) / 2, bottom + 20, "middle"), (y_name, left, top - 8, "start")]
    text = "".join(f'<text x="{x}" y="{y}" text-anchor="{side}">{escape(word)}</text>' for word, x, y, side in ends)
    return (f'<figure><svg viewBox="0 0 720 270" role="img" aria-label="{escape(says)}">'
            f'<path class="axis" fill="none" d="M{left} {top}V{bottom}H{right}"/><polyline class="curve" points="{dots}"/>'
            f"{text}</svg><figcaption>{escape(says)}</figcaption></figure>")
