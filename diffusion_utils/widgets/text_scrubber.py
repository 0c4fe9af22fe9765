"""TextScrubber: one or two sliders over texts computed beforehand. The text is real: it is selected, copied and read aloud."""

from __future__ import annotations

import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.scrubber import Scrubber, flat_texts
from diffusion_utils.widgets.still import text_html

WIDTH = 560  # CSS pixels: a line of some sixty characters


class TextScrubber(Scrubber):
    """Sliders over precomputed texts. Make one with `TextScrubber.from_texts`."""

    _esm = front_end.source(*front_end.SCRUBBER, "text_scrubber.js")

    texts = traitlets.List().tag(sync=True)
    width = traitlets.Int(WIDTH).tag(sync=True)

    @classmethod
    def from_texts(
        cls,
        texts: list,
        *,
        axes: list[Axis],
        title: str,
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        companions: list[Curve | Histogram] | None = None,
        interval_ms: int = 80,
        alt: str | None = None,
        name: str | None = None,
    ) -> TextScrubber:
        """A scrubber over texts that are already computed, such as those that a sampler of text passes through.

        texts: (N,) with one axis, (N, M) nested lists with two. Line breaks and spaces are kept, and every character takes
            the same width, so that a text whose characters change one by one stays in its place.
        All else is as in `FrameScrubber.from_arrays`; `alt` is what stands before the text where nothing moves.

        Raises ValueError for lengths or values that do not fit, and where all texts are empty.
        """
        check_axes(axes)
        leading = tuple(len(axis.values) for axis in axes)
        flat = flat_texts(texts, leading, "texts")
        if not any(text.strip() for text in flat):
            raise ValueError(f"texts: at least one must have something to read; given {len(flat)} empty ones")
        widget = cls._made(leading, axes=axes, title=title, readouts=readouts, captions=captions, companions=companions,
                           interval_ms=interval_ms, alt=alt, name=name, texts=flat)
        widget._warn_if_heavy("Use fewer or shorter texts")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The text the sliders stand at, as it is and as HTML."""
        if not self.texts:
            raise ValueError("this TextScrubber has no texts; make one with TextScrubber.from_texts")
        return {"text/plain": f"{self.alt}\n\n{self.texts[self.frame]}", "text/html": text_html(self.texts, self.frame)}, {}
