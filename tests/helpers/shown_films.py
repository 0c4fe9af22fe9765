"""A Film to try things on: eight frames of two panels, of which any of two parts is given."""

import numpy as np

from diffusion_utils.video import Call
from diffusion_utils.widgets import Axis, Film

FRAMES, PANELS = 8, 2
GIVEN = [[], [0, 1], [6], [0, 1, 6]]
CALLS = [[Call([], [0, 1, 2, 3]), Call([2, 3], [4, 5, 6, 7])],
         [Call([0, 1], [2, 3, 4]), Call([0, 3, 4], [5, 6, 7])],
         [Call([6], [5, 7]), Call([5, 6, 7], [0, 1, 2, 3, 4])],
         [Call([0, 1, 6], [2, 3, 4, 5, 7])]]
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (FRAMES, 4, PANELS, 6, 6), dtype=np.uint8)
PICTURES[:2, 3] = PICTURES[:2, 1]  # what is given is the same


def film(**options) -> Film:
    rows = options.get("rows") or [""]
    return Film.from_frames(options.pop("frames", PICTURES), options.pop("maps", [
        [(given, calls)] * len(rows) for given, calls in zip(GIVEN, CALLS, strict=True)]), **{
        "axes": [Axis("frame", range(FRAMES), 3), Axis.of_words("given", ["0, 1", "6"], 1)], "panels": ["x_t", "sample <2>"],
        "title": "A film", "alt": "Two videos", "name": "fig-film",
        "says": [[f"{k} of {j}" for j in range(4)] for k in range(FRAMES)],
        "readouts": {"up": [[f"{k}{j}" for j in range(4)] for k in range(FRAMES)]}} | options)
