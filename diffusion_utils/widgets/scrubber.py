"""Figures over what was computed beforehand: sliders, readouts, captions and small plots, whatever the face is."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import traitlets

from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.figure import POSITIONS, Axis, Figure, axis_state, check_name, frame_number, name_from

STATE_WARNING_BYTES = 1_000_000  # a page carries this text inline, so it delays everything after it


class Scrubber(Figure):
    """One to three sliders over frames, which are numbered so that the last slider moves fastest.

    Texts and plots are flat lists in that order.
    """

    index3 = traitlets.Int(0).tag(sync=True)

    captions = traitlets.List().tag(sync=True)
    companions = traitlets.List().tag(sync=True)

    @classmethod
    def _made(cls, leading: tuple[int, ...], *, axes: list[Axis], title: str, readouts: dict[str, list] | None,
              captions: list | None, companions: list[Curve | Histogram] | None, interval_ms: int, alt: str | None,
              name: str | None, **face: object) -> Scrubber:
        """A scrubber of this class over frames of leading shape (N,), (N, M) or (N, M, L); `face` is what the class adds."""
        texts = [[name, flat_texts(values, leading, f"readouts[{name!r}]", of_first=True)]
                 for name, values in (readouts or {}).items()]
        sentences = [] if captions is None else flat_texts(captions, leading, "captions")
        check_display(title, interval_ms)
        starts = [axis.start for axis in axes]
        first = int(np.ravel_multi_index(starts, leading))
        return cls(
            **dict(zip(POSITIONS, starts, strict=False)), title=title,
            name=name_from(title) if name is None else check_name(name),
            alt=alt or ". ".join([title] + sentences[first : first + 1]), axes=axis_state(axes), readouts=texts,
            captions=sentences, companions=[companion.state(leading) for companion in companions or []],
            interval_ms=interval_ms, **face,
        )  # fmt: skip

    @property
    def frame(self) -> int:
        """The number of the frame the sliders stand at."""
        return frame_number(self.axes, [getattr(self, trait) for trait in POSITIONS[: len(self.axes)]])

    def state_bytes(self) -> int:
        """Size of what a page carries for this figure: its data in text form (base64 where binary) and its code."""
        state = self.get_state()
        binary = [len(value) for value in state.values() if isinstance(value, bytes)]
        texts = {key: value for key, value in state.items() if not isinstance(value, bytes)}
        return len(json.dumps(texts, default=str)) + sum(4 * math.ceil(size / 3) for size in binary)

    def _warn_if_heavy(self, advice: str) -> None:
        """Warn, with this advice, of more than a page should carry."""
        size = self.state_bytes()
        if size > STATE_WARNING_BYTES:
            warnings.warn(f"{type(self).__name__} {self.title!r} adds {size / 1e6:.1f} MB to its page; at most "
                          f"{STATE_WARNING_BYTES / 1e6:g} MB is advised. {advice}", stacklevel=3)


def flat_texts(values: list, leading: tuple[int, ...], what: str, of_first: bool = False) -> list[str]:
    """One text a frame, in the frames' order. Raises ValueError if nested otherwise than `leading`, such as (N, M).

    of_first: one for each setting of the first sliders is enough, (N,) of (N, M), where the others change nothing.
    """
    wanted = "one text a frame, nested as the frames are, with lengths " + " x ".join(map(str, leading))
    try:
        texts = np.array(values, dtype=str)
    except ValueError as error:
        raise ValueError(f"{what}: must be {wanted}; given inner lists of different lengths") from error
    if texts.shape != leading and not (of_first and texts.ndim and texts.shape == leading[:texts.ndim]):
        given = " x ".join(map(str, texts.shape)) or f"{values!r:.80}"
        raise ValueError(f"{what}: must be {wanted}; given {given}")
    return texts.ravel().tolist()


def check_display(title: str, interval_ms: int) -> None:
    """Raise ValueError for an empty title, or frames too fast to be safe or to be seen."""
    if not title:
        raise ValueError("title: must not be empty; it is the widget's accessible name")
    if interval_ms < 20:
        raise ValueError(f"interval_ms: must be 20 or more; given {interval_ms}")
