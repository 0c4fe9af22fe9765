"""The figure of the coin: futures of one video as paths in the room, frame by frame, and how high they are."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from diffusion_utils.data.next_door import SIDE
from diffusion_utils.data.next_door.walk import CEILING, FLOOR, NEAR
from diffusion_utils.widgets import Axis, FrameScrubber, Histogram

ZOOM, FINE = 16, 3  # pixels of the picture for each of a frame; finer by as much while it is drawn
LEFT, TOP, BOTTOM = 6, 8, 24  # what is shown of a frame, to its right edge
UP, DOWN, NEITHER, INK, PALE = (31, 131, 201), (210, 96, 26), (150, 60, 140), (60, 60, 60), (190, 190, 190)
EDGES = np.arange(CEILING - 2, FLOOR + 3)  # pixels from the top


def coin_fan(record: dict, **options) -> FrameScrubber:
    """Sixty futures of one video. record: video_figures, made by benchmarks/video_figures.py."""
    settings = record["settings"]
    told, length = settings["told"], settings["seen"] + settings["new"]
    parts = [record["parts"][f"coin {name}"] for name in told]
    centres = [np.array([[[np.nan, np.nan] if None in place else place for place in path] for path in part["centres"]], float)
               for part in parts]
    legal = np.array(parts[0]["legal_paths"], float)
    pictures = [[room(paths, part["up"], part["legal"], legal, k, settings["seen"])
                 for paths, part in zip(centres, parts, strict=True)] for k in range(length)]
    counts = [[np.histogram(paths[:, k, 1], EDGES)[0] for paths in centres] for k in range(length)]
    shares = [[f"{sum(part['up'])} of {len(part['up'])}" for part in parts]] * length
    fine = [[f"{sum(part['legal'])} of {len(part['legal'])}" for part in parts]] * length
    about = {"title": "Sixty futures at the coin", "name": "fig-futures-at-the-coin", "interval_ms": 600, "scale": 1,
             "alt": "Paths of sixty futures, from the door to the wall and on, beside the two that may be"} | options
    return FrameScrubber.from_arrays(
        np.array(pictures), axes=[Axis("frame", range(length), length - 1), Axis("seen after the wall", told)],
        readouts={"up": shares, "one of the two": fine},
        captions=[[sentence(k, settings["seen"])] * len(told) for k in range(length)],
        companions=[Histogram("where the digits are", EDGES - CEILING, counts, x_label="pixels below the ceiling")], **about)


def sentence(k: int, seen: int) -> str:
    """What the frame is: the wall comes one frame after those that were given."""
    if k < seen:
        return f"Frame {k} was given."
    return f"Frame {k}: {k - seen} after the wall." if k > seen else f"Frame {k}, the first new one, at the wall."


def room(paths: np.ndarray, up: list[bool], legal: list[bool], truth: np.ndarray, k: int, seen: int) -> np.ndarray:
    """Paths (n, F, 2) up to frame k on white, uint8 (H, W, 3): those that go up, down, or neither way; grey as far as frames
    were seen; in rings the two, (2, F, 2), that may be."""
    width, height = (SIDE - LEFT) * ZOOM, (BOTTOM - TOP) * ZOOM
    picture = Image.new("RGB", (width * FINE, height * FINE), "white")
    pen = ImageDraw.Draw(picture)

    def place(point: np.ndarray) -> tuple[float, float]:
        return float((point[0] - LEFT) * ZOOM * FINE), float((point[1] - TOP) * ZOOM * FINE)

    for ends in ([(NEAR, CEILING), (SIDE, CEILING)], [(NEAR, FLOOR), (SIDE, FLOOR)], [(NEAR, CEILING), (NEAR, FLOOR)]):
        pen.line([place(np.array(end)) for end in ends], PALE, FINE)
    for path, goes_up, is_legal in zip(paths, up, legal, strict=True):
        there = np.isfinite(path).all(1)
        colour = (UP if goes_up else DOWN) if is_legal else NEITHER
        for first, last, ink in ((0, min(k + 1, seen), PALE), (seen - 1, k + 1, colour)):
            points = [place(path[f]) for f in range(first, last) if there[f]]
            if len(points) > 1:
                pen.line(points, ink, FINE + 1)
        if there[k]:
            x, y = place(path[k])
            pen.ellipse([x - 4 * FINE, y - 4 * FINE, x + 4 * FINE, y + 4 * FINE], fill=colour if k >= seen else INK)
    for path in truth:
        for x, y in map(place, path):
            pen.ellipse([x - 7 * FINE, y - 7 * FINE, x + 7 * FINE, y + 7 * FINE], outline=INK, width=FINE)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
