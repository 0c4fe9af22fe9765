"""Sketch: a digit that the reader draws, with a finger or a mouse, and what the page computes from it."""

from __future__ import annotations

import numpy as np
import traitlets

from diffusion_utils.schedules import SCHEDULES
from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.figure import Axis, Figure, axis_state, check_name, name_from
from diffusion_utils.widgets.sketch_still import SIDE, dissolve_still, oracle_still
from diffusion_utils.widgets.sprites import as_pictures, encode_webp, sprite_sheet, to_uint8

WIDTH = 440  # CSS pixels
CHOICES = 10  # examples to begin with, one of each class
STEP = 20  # of t, from one position of the slider to the next
ACROSS = 20  # digits in a row, of those known


class Sketch(Figure):
    """A pad to draw on, and pictures that follow the drawing and the sliders. Make one with `dissolve` or `oracle`.

    Digits are float (B, 28, 28) or (B, 1, 28, 28) in [−1, 1], white on black; NumPy or torch. They come with 16 grey
    levels, which are enough for the eye and halve what a page carries. `start` is the example that lies in the pad at
    first. The noise is the same for every drawing; `seed` changes it.
    """

    _esm = front_end.source(*front_end.FIGURE, "equations.js", "sheet.js", "pad.js", "sketch.js")

    kind = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    digits = traitlets.Bytes().tag(sync=True)  # one sheet, as lossless WebP
    width = traitlets.Int(WIDTH).tag(sync=True)

    _face: str = ""  # where nothing moves, as HTML

    @classmethod
    def dissolve(cls, examples: object, *, title: str, alt: str, start: int = 3, T: int = 1000, t: int = 200, seed: int = 0,
                 name: str | None = None) -> Sketch:
        """The drawing at time t under each of the SCHEDULES, with the numbers of the chosen one.

        examples: ten digits to choose from. Raises ValueError for other shapes, and for a start or a t that does not exist.
        """
        pictures = check_examples(examples, start)
        times = list(range(0, T + 1, STEP))
        axes = [Axis("t", times, position_of(t, times)), Axis("schedule", list(SCHEDULES))]
        settings = {"names": list(SCHEDULES), "times": times, "T": T, "seed": seed, "direction": 1}
        still = dissolve_still(pictures[start], T, t, seed, alt)
        return cls._made("dissolve", settings, pictures, start, axes, still, title, alt, name)

    @classmethod
    def oracle(cls, examples: object, known: object, labels: object, *, title: str, alt: str, board: str, start: int = 3,
               T: int = 1000, t: int = 600, seed: int = 0, name: str | None = None) -> Sketch:
        """What the exact denoiser of the digits `known` makes of the drawing, noised to t by the cosine schedule.

        It shows x_t, x̂₀, and all digits known, each as bright as it is likely given x_t; `board` is said below these.
        examples: ten digits to choose from. labels: the class, 0…9, of each digit known.
        Raises ValueError for other shapes or labels, and for a start or a t that does not exist.
        """
        pictures, points = check_examples(examples, start), check_digits(known, "known")
        classes = np.asarray(labels).tolist()
        if len(classes) != len(points) or not set(classes) <= set(range(10)):
            raise ValueError(f"labels: one class 0…9 for each of the {len(points)} digits known; given {str(classes):.80}")
        times = list(range(STEP, T + 1, STEP))
        settings = {"times": times, "T": T, "seed": seed, "labels": classes, "choices": CHOICES, "across": ACROSS,
                    "board": board, "direction": -1}
        axes = [Axis("t", times, position_of(t, times))]
        still = oracle_still(pictures[start], points, classes, T, t, seed, alt, board, ACROSS)
        return cls._made("oracle", settings, np.concatenate([pictures, points]), start, axes, still, title, alt, name)

    @classmethod
    def _made(cls, kind: str, settings: dict, pictures: np.ndarray, start: int, axes: list[Axis], still: tuple[list, str],
              title: str, alt: str, name: str | None) -> Sketch:
        if not title or not alt:
            raise ValueError("title and alt: must not be empty; they are what a screen reader reads")
        sheet, columns = sprite_sheet(to_uint8(pictures))
        readouts, face = still
        widget = cls(kind=kind, settings={**settings, "start": start, "columns": columns, "count": len(pictures)},
                     digits=encode_webp(sheet), title=title, alt=alt, axes=axis_state(axes), readouts=readouts,
                     name=name_from(title) if name is None else check_name(name),
                     index=axes[0].start, index2=axes[1].start if len(axes) == 2 else 0)
        widget._face = face
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """What the figure starts with, as pictures."""
        if not self._face:
            raise ValueError("make one with Sketch.dissolve or Sketch.oracle")
        return {"text/html": self._face}, {}


def check_digits(digits: object, what: str, count: int | None = None) -> np.ndarray:
    """float64 (B, 28, 28) of 16 levels in [−1, 1]. Raises ValueError for another size, or another number than asked for."""
    pictures = as_pictures(digits, what)
    if pictures.shape[1:] != (SIDE, SIDE) or len(pictures) != (count or len(pictures)):
        raise ValueError(f"{what}: must be {count or 'any number of'} digits of 28 × 28 pixels; given {pictures.shape}")
    return to_uint8(pictures, what) // 16 * 17 / 127.5 - 1


def check_examples(digits: object, start: int) -> np.ndarray:
    """Ten of them, and a number in 0…9 with which to begin."""
    if start not in range(CHOICES):
        raise ValueError(f"start: must be an example, 0…{CHOICES - 1}; given {start!r}")
    return check_digits(digits, "examples", CHOICES)


def position_of(t: int, times: list[int]) -> int:
    """Where the slider stands at time t."""
    if t not in times:
        raise ValueError(f"t: must be a position of the slider, {times[0]}, {times[1]}, …, {times[-1]}; given {t}")
    return times.index(t)
