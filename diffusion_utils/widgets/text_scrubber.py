"""TextScrubber: sliders over texts computed beforehand. The text is real: it is selected, copied and read aloud."""

from __future__ import annotations

from itertools import groupby

import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.scrubber import Scrubber, flat_texts
from diffusion_utils.widgets.text_still import Marks, text_face_html

WIDTH = 560  # CSS pixels: a line of some sixty characters


class TextScrubber(Scrubber):
    """Sliders over precomputed texts. Make one with `TextScrubber.from_texts`."""

    _esm = front_end.source(*front_end.SCRUBBER, "text_scrubber.js")

    texts = traitlets.List().tag(sync=True)  # of each frame a text, or one for each row
    marks = traitlets.List().tag(sync=True)  # of each text [start, stop] pairs, or nothing at all
    settings = traitlets.Dict().tag(sync=True)
    width = traitlets.Int(WIDTH).tag(sync=True)

    @classmethod
    def from_texts(
        cls,
        texts: list,
        *,
        axes: list[Axis],
        title: str,
        panels: list[str] | None = None,
        marks: list | str | None = None,
        mark_name: str = "",
        mask: str = "",
        language: str = "",
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        companions: list[Curve | Histogram] | None = None,
        interval_ms: int = 80,
        alt: str | None = None,
        name: str | None = None,
    ) -> TextScrubber:
        """A scrubber over texts that are already computed, such as those that a sampler of text passes through.

        texts: (N,) with one axis, (N, M) nested lists with two, and so on; with panels a text for each of them, innermost.
            Line breaks and spaces are kept, and every character takes the same width, so that a text whose characters change
            one by one stays in its place.
        panels: names of rows, one below the other, each with a text of its own.
        marks: what is bold and underlined: "changes", all that differs from the frame before along the first axis; or nested
            as texts are, for each text (start, stop) pairs of characters. mark_name: what that means, shown below.
        mask: the character that stands for what is hidden. language: of the texts, such as "en", if they are specimens that
            no page translator should touch.
        All else is as in `FrameScrubber.from_arrays`; `alt` is what stands before the text where nothing moves.

        Raises ValueError for lengths or values that do not fit, and where all texts are empty.
        """
        check_axes(axes)
        leading = tuple(len(axis.values) for axis in axes)
        rows = list(panels or [])
        if not all(rows) or len(mask) > 1:
            raise ValueError(f"panels: names that are not empty, and mask: one character; given {panels!r} and {mask!r}")
        flat = flat_texts(texts, (*leading, len(rows)) if rows else leading, "texts")
        if not any(text.strip() for text in flat):
            raise ValueError(f"texts: at least one must have something to read; given {len(flat)} empty ones")
        marked = changes(flat, leading[0]) if marks == "changes" else flat_marks(marks, flat, len(axes) + bool(rows))
        settings = {"panels": rows, "mark_name": mark_name, "mask": mask, "language": language}
        widget = cls._made(leading, axes=axes, title=title, readouts=readouts, captions=captions, companions=companions,
                           interval_ms=interval_ms, alt=alt, name=name, texts=flat, marks=marked, settings=settings)
        widget._warn_if_heavy("Use fewer or shorter texts")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The texts the sliders stand at, as they are and as HTML."""
        if not self.texts:
            raise ValueError("this TextScrubber has no texts; make one with TextScrubber.from_texts")
        rows = len(self.settings["panels"]) or 1
        shown = self.texts[rows * self.frame:rows * (self.frame + 1)]
        lines = [": ".join(filter(None, pair)) for pair in zip(self.settings["panels"] or [""], shown, strict=True)]
        face = text_face_html(self.settings, self.texts, self.marks, self.frame)
        return {"text/plain": "\n".join([self.alt, "", *lines]), "text/html": face}, {}


def changes(texts: list[str], frames: int) -> list[Marks]:
    """Where each text differs from that of the frame before; `frames` along the first axis, the first of which has no marks."""
    apart = len(texts) // frames
    return [[]] * apart + [runs([k >= len(old) or old[k] != letter for k, letter in enumerate(new)])
                           for old, new in zip(texts, texts[apart:], strict=False)]


def runs(marked: list[bool]) -> Marks:
    """From where to where a list is true."""
    found, place = [], 0
    for true, group in groupby(marked):
        length = len(list(group))
        found += [[place, place + length]] if true else []
        place += length
    return found


def flat_marks(marks: list | None, texts: list[str], depth: int) -> list[Marks]:
    """(start, stop) pairs of each text, in the order of the texts. Raises ValueError if nested otherwise, or outside a text."""
    if marks is None:
        return []
    flat = marks
    try:
        for _ in range(depth - 1):
            flat = [entry for inner in flat for entry in inner]
        flat = [[[int(start), int(stop)] for start, stop in pairs] for pairs in flat]
    except (TypeError, ValueError) as error:
        raise ValueError(f"marks: must be 'changes', or (start, stop) pairs for each text; given {marks!r:.80}") from error
    if len(flat) != len(texts):
        raise ValueError(f"marks: must be nested as the {len(texts)} texts are; given {len(flat)} lists of pairs")
    for pairs, text in zip(flat, texts, strict=True):
        if not all(0 <= start < stop <= len(text) for start, stop in pairs):
            raise ValueError(f"marks: 0 ≤ start < stop ≤ {len(text)} in a text of {len(text)} characters; given {pairs}")
    return flat
