"""A scene as a picture: real digits, made thinner or thicker, scaled, coloured, and placed on black."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from .facts import COLOUR, COUNT, FIRST, RELATION, SECOND, SIZE, STROKE

SIDE = 64  # pixels of a scene
BOX = (24, 38)  # pixels that the 28 of a digit become, small and large; ±6 %
GAP, MARGIN = 4, 1  # pixels between two digits at least, and to the edge
ALONG = 1.5  # two digits are this much farther apart along their relation than across it, or else it is ambiguous
PALETTE = np.array([[255, 50, 50], [40, 210, 70], [60, 110, 255], [255, 220, 40], [240, 60, 240], [255, 255, 255]])


def stroked(digit: np.ndarray, stroke: int, box: float) -> np.ndarray:
    """Ink 0…255, float32, cut to its bounding box: a digit, uint8 (28, 28), thin (0) or thick (1), its 28 pixels made `box`.

    At double resolution, one grey erosion makes it thin and two dilations make it thick, as in Morpho-MNIST (Castro et al.
    2019).
    """
    picture = Image.fromarray(digit).resize((56, 56), Image.Resampling.BICUBIC)
    for _ in range(2 if stroke else 1):
        picture = picture.filter(ImageFilter.MaxFilter(3) if stroke else ImageFilter.MinFilter(3))
    ink = np.asarray(picture.resize((round(box), round(box)), Image.Resampling.LANCZOS)).astype(np.float32)
    ink *= 255 / max(1.0, ink.max())  # a thin line is as bright as a thick one
    rows, columns = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
    if not len(rows):
        return ink
    return ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def corners(heights: list[int], widths: list[int], relation: int, rng: np.random.Generator,
            tries: int = 64) -> np.ndarray | None:
    """Random upper left corners (row, column), int (count, 2), that keep to the gap, the margin and the relation.

    relation: 0, the first is left of the second; 1, above it; −1, it is alone. None where no try of `tries` is good.
    """
    sizes = np.array([heights, widths]).T  # (count, 2)
    room = SIDE - 2 * MARGIN - sizes
    if (room < 0).any():
        return None
    corner = MARGIN + np.floor(rng.random((tries, *sizes.shape)) * (room + 1)).astype(int)
    if len(sizes) == 1:
        return corner[0]
    along, across = (1, 0) if relation == 0 else (0, 1)
    apart = corner[:, 1, along] - (corner[:, 0, along] + sizes[0, along])
    offset = (corner + sizes / 2)[:, 1] - (corner + sizes / 2)[:, 0]  # (tries, 2)
    good = np.flatnonzero((apart >= GAP) & (offset[:, along] >= ALONG * np.abs(offset[:, across])))
    return corner[good[0]] if len(good) else None


def draw_scene(facts: np.ndarray, digits: list[np.ndarray], rng: np.random.Generator) -> np.ndarray | None:
    """The picture, uint8 (3, 64, 64), of these facts, with real digits, uint8 (28, 28) each, one for each of the scene's.

    None where they do not fit: large digits may be too wide for their relation.
    """
    places = (FIRST, SECOND)[:facts[COUNT]]
    inks = []
    for digit, place in zip(digits, places, strict=False):
        box = BOX[facts[place][SIZE]] * (1 + 0.06 * rng.uniform(-1, 1))
        inks.append(stroked(digit, facts[place][STROKE], box))
    found = corners([ink.shape[0] for ink in inks], [ink.shape[1] for ink in inks], facts[RELATION], rng)
    if found is None:
        return None
    picture = np.zeros((3, SIDE, SIDE), np.uint8)
    for ink, place, (row, column) in zip(inks, places, found, strict=True):
        colour = PALETTE[facts[place][COLOUR]]
        part = picture[:, row:row + ink.shape[0], column:column + ink.shape[1]]
        np.maximum(part, np.round(ink * colour[:, None, None] / 255).astype(np.uint8), out=part)
    return picture
