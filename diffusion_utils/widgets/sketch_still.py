"""A Sketch standing still: the texts of its readouts and the HTML of its face, before the reader has drawn.

The same numbers and pictures come from sketch.js as soon as it runs, from the same noise.
"""

from __future__ import annotations

import base64
import math
from html import escape

import numpy as np
import torch

from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.schedules import SCHEDULES, Schedule, cosine
from diffusion_utils.widgets.sprites import encode_png, tile, to_uint8
from diffusion_utils.widgets.still import with_subscripts
from diffusion_utils.widgets.words import words

SIDE = 28  # pixels of a digit, as in pad.js
DARKEST = 0.15  # of a digit that is ruled out, as in sketch.js
SMALLEST, WIDEST = 0.001, "< 0.001"  # SNR that is written out, and the widest text of one


def page_noise(seed: int, count: int) -> np.ndarray:
    """The standard normal numbers that makeGaussian(seed) draws in the page (equations.js): float64 (count,)."""
    state, word = seed, 2**32

    def uniform() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) % word
        mixed = (state ^ (state >> 15)) * (state | 1) % word
        mixed ^= (mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)) % word
        return (mixed ^ (mixed >> 14)) / word

    pairs = [(uniform(), uniform()) for _ in range(count)]
    return np.array([math.sqrt(-2 * math.log(1 - a)) * math.cos(2 * math.pi * b) for a, b in pairs])


def noisy(table: Schedule, x0: np.ndarray, t: int, seed: int) -> np.ndarray:
    """x_t of one digit, float64 (28, 28)."""
    return float(table.signal[t]) * x0 + float(table.noise[t]) * page_noise(seed, SIDE * SIDE).reshape(SIDE, SIDE)


def dissolve_still(x0: np.ndarray, T: int, t: int, seed: int, alt: str) -> tuple[list, str]:
    """Readouts and face of Sketch.dissolve, with the first schedule chosen."""
    tables = [make(T) for make in SCHEDULES.values()]
    first = tables[0]
    readouts = [["signal", [f"{first.signal[t]:.3f}", "0.000"]], ["noise", [f"{first.noise[t]:.3f}", "0.000"]],
                ["SNR", [ratio_text(first, t), WIDEST]],
                ["λ_t", [f"{first.log_snr[t]:.2f}".replace("-", "−").replace("inf", "∞"), "−0.00"]]]
    noised = [noisy(table, x0, t, seed) for table in tables]
    below = tiles_html(zip(SCHEDULES, noised, strict=True), chosen=0)
    return readouts, face_html([("x_t", noised[0])], x0, below, alt)


def oracle_still(x0: np.ndarray, known: np.ndarray, classes: list[int], T: int, t: int, seed: int, alt: str, board: str,
                 across: int) -> tuple[list, str]:
    """Readouts and face of Sketch.oracle."""
    table = cosine(T)
    x_t = noisy(table, x0, t, seed)
    oracle, batch = ExactDenoiser(torch.as_tensor(known), table), torch.as_tensor(x_t)[None]
    likely = oracle.weights(batch, t)[0].numpy()
    guess = oracle(batch, t).x0_hat[0].numpy()
    by_class = np.bincount(classes, likely, 10)
    error = float(np.sqrt(np.square(guess - x0).mean()))
    readouts = [["SNR", [ratio_text(table, t), WIDEST]],
                ["digits blended", [f"{float(oracle.blended(batch, t)):.1f}", "000.0"]],
                ["likeliest class", [f"{by_class.argmax()} ({100 * by_class.max():.0f} %)", "0 (100 %)"]],
                ["error of x̂₀", [f"{error:.2f}", "0.00"]]]
    shade = DARKEST + (1 - DARKEST) * np.sqrt(likely / likely.max())
    everyone = tile(shade[:, None, None] * (known + 1) - 1, cols=across, pad=0, background=-1)
    below = f'<div class="fs-all">{img(everyone[::2, ::2])}<p>{escape(board)}</p></div>'  # half as fine: it is light
    return readouts, face_html([("x_t", x_t), ("x̂_0", guess)], x0, below, alt)


def ratio_text(table: Schedule, t: int) -> str:
    """The signal-to-noise ratio, as sketch.js writes it."""
    ratio = float(table.snr[t])
    if t == 0 or ratio < SMALLEST:
        return "∞" if t == 0 else f"< {SMALLEST}"
    return f"{ratio:.0f}" if ratio >= 1000 else f"{ratio:#.3g}".rstrip(".")


def img(pixels: np.ndarray) -> str:
    """A picture (uint8, or float in [−1, 1]) that the text beside it describes."""
    address = "data:image/png;base64," + base64.b64encode(encode_png(to_uint8(pixels))).decode()
    return f'<img class="dark-light fs-pixels" alt="" src="{address}" width="{pixels.shape[1]}" height="{pixels.shape[0]}">'


def tiles_html(tiles: object, chosen: int = -1) -> str:
    """(words, picture) pairs side by side."""
    cells = (f'<div class="fs-tile{" fs-chosen" if k == chosen else ""}">{img(pixels)}<p>{with_subscripts(text)}</p></div>'
             for k, (text, pixels) in enumerate(tiles))
    return f'<div class="fs-tiles">{"".join(cells)}</div>'


def face_html(tiles: list, x0: np.ndarray, below: str, alt: str) -> str:
    """The pad and what is beside it, room for the pad's buttons, and what is below."""
    row = tiles_html([(words("en")["draw_here"], x0), *tiles])
    return (f'<div class="fs-face fs-sketch" role="img" aria-label="{escape(alt)}">{row}'
            f'<div class="fs-pad-tools fs-keep"></div>{below}</div>')
