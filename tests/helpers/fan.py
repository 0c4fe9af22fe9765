"""A FanChart to try things on: two series of 48 steps, gaps in three places and of three lengths."""

import numpy as np

from diffusion_utils.widgets import Axis, FanChart

STEPS, STARTS, LENGTHS, PATHS = 48, [4, 20, 36], [3, 6, 12], 4
RNG = np.random.default_rng(0)
TRUTH = np.stack([20 + 5 * np.sin(np.arange(STEPS) / 4), RNG.normal(0, 1, STEPS)])
GAPS = [[(start, start + length) for length in LENGTHS] for start in STARTS]  # the last one reaches the end


def fills(rows: int, order: bool = False) -> list:
    """Numbers for each gap, (rows, 2, length); in rising order where they are quantiles."""
    made = [[TRUTH[:, a:b] + RNG.normal(0, 1, (rows, 2, b - a)) for a, b in row] for row in GAPS]
    return [[np.sort(one, 0) if order else one for one in row] for row in made]


QUANTILES, SAMPLES, OTHER = fills(5, True), fills(PATHS), fills(2, True)


def fan(**options) -> FanChart:
    return FanChart.from_arrays(**{
        "truth": TRUTH, "gaps": GAPS, "quantiles": QUANTILES, "paths": SAMPLES, "other": OTHER, "title": "A gap",
        "alt": "Two series with a gap", "panels": ["heat (°C)", "load <kW>"], "ticks": [(0, "Mon"), (24, "Tue")],
        "axes": [Axis("starts at", STARTS, 1), Axis("hidden", [f"{k} h" for k in LENGTHS], 2)], "name": "fig-gap",
        "readouts": {"width": [[f"{i}.{j} K" for j in range(3)] for i in range(3)]},
        "captions": [[f"Sentence {i} {j}." for j in range(3)] for i in range(3)], "other_name": "the other's", **options})
