"""A plot's second form, for pages in the dark: the same lines and words in ink that is as easy to see there, on no ground.

A chapter's kernel calls `begin` before the first cell. From then on each plot's output carries that form in its metadata, which
Colab and JupyterLab pass over; book/_ext/dark_plots.py puts it into the page. Pictures within a plot stay as they are.
"""

from __future__ import annotations

import base64
import colorsys
import functools
import io
from collections.abc import Callable

import numpy as np
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg

Colour = tuple[float, ...]  # red, green and blue in 0..1, and how opaque it is
PAGE, INK = (0x12 / 255, 0x12 / 255, 0x12 / 255), (0xCE / 255, 0xD6 / 255, 0xDD / 255)  # of the theme in the dark
PAPER = (1.0, 1.0, 1.0)
GROUND = 2.0  # a pale colour of less contrast to white paper is a ground or a grid, and every other one is ink
PALE = 0.75  # lightness, from black, 0, over the strongest colours, 0.5, to white, 1


def luminance(colour: Colour) -> float:
    """0 for black, 1 for white, as in the Web Content Accessibility Guidelines 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """From 1, no difference, to 21, black on white, as there."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@functools.cache
def turned(colour: Colour) -> Colour:
    """The colour of the same hue for the dark page: white is nothing, a ground stands out as little as on paper, and ink as
    much, or more if it does so already."""
    seen = contrast(colour, PAPER)
    if seen < 1.02:
        return (*colour[:3], 0.0)
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour[:3])
    if (seen >= GROUND or lightness < PALE) and luminance(colour) > luminance(PAGE):
        seen = max(seen, contrast(colour, PAGE))
    wanted = min(luminance(INK), seen * (luminance(PAGE) + 0.05) - 0.05)
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        below = luminance(colorsys.hls_to_rgb(hue, middle, saturation)) < wanted
        low, high = (middle, high) if below else (low, middle)
    return (*colorsys.hls_to_rgb(hue, high, saturation), *colour[3:])


class DarkRenderer(RendererAgg):
    """Draws every line, face and word in its turned colour."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)
        self.draw_markers = self._turning(self.draw_markers)
        self.draw_path_collection = self._turning_collection(self.draw_path_collection)

    def draw_path(self, gc, path, transform, rgbFace=None) -> None:
        super().draw_path(self._turned(gc), path, transform, rgbFace if rgbFace is None else turned(tuple(rgbFace)))

    def draw_text(self, gc, *arguments, **options) -> None:
        super().draw_text(self._turned(gc), *arguments, **options)

    def _turned(self, gc):
        new = self.new_gc()
        new.copy_properties(gc)
        new.set_foreground(turned(gc.get_rgb()), isRGBA=True)
        return new

    def _turning(self, draw: Callable) -> Callable:
        def draw_markers(gc, marker, marker_transform, path, transform, rgbFace=None):
            face = rgbFace if rgbFace is None else turned(tuple(rgbFace))
            draw(self._turned(gc), marker, marker_transform, path, transform, face)

        return draw_markers

    def _turning_collection(self, draw: Callable) -> Callable:
        def draw_path_collection(gc, transform, paths, transforms, offsets, offset_transform, faces, edges, *rest, **options):
            faces, edges = (np.reshape([turned(tuple(colour)) for colour in colours], (-1, 4)) for colours in (faces, edges))
            draw(self._turned(gc), transform, paths, transforms, offsets, offset_transform, faces, edges, *rest, **options)

        return draw_path_collection


class DarkCanvas(FigureCanvasAgg):
    """A canvas that draws so."""

    def get_renderer(self) -> DarkRenderer:
        key = (*self.figure.bbox.size, self.figure.dpi)
        if getattr(self, "drawn_for", None) != key:
            self.renderer, self.drawn_for = DarkRenderer(*key), key
        return self.renderer


def in_the_dark(figure) -> bytes:
    """The PNG of a figure for a dark page, as large as the one that Jupyter shows."""
    canvas, picture = figure.canvas, io.BytesIO()
    try:
        DarkCanvas(figure).print_figure(picture, format="png", dpi=figure.dpi, bbox_inches="tight", facecolor="none")
    finally:
        figure.set_canvas(canvas)
    return picture.getvalue()


def both_forms(figure, include=None, exclude=None) -> tuple[dict, dict]:
    """The PNG that Jupyter shows, drawn first and so untouched, and as its metadata the other one."""
    light = print_figure(figure, "png", base64=True)
    if light is None:  # an empty figure
        return {}, {}
    return {"image/png": light}, {"image/png": {"dark": base64.b64encode(in_the_dark(figure)).decode()}}


def begin() -> None:
    formatter = get_ipython().display_formatter.mimebundle_formatter
    formatter.for_type_by_name("matplotlib.figure", "Figure", both_forms)
