"""FrameScrubber: one to three sliders over pictures computed beforehand, which needs no kernel to be moved."""

from __future__ import annotations

import base64

import numpy as np
import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.scrubber import Scrubber
from diffusion_utils.widgets.sprites import as_array, encode_png, encode_webp, sprite_sheet, to_uint8

TARGET_WIDTH = 440  # CSS pixels; wide enough to see, narrow enough to leave room for a companion plot


class FrameScrubber(Scrubber):
    """Sliders over precomputed frames. Make one with `FrameScrubber.from_arrays`."""

    _esm = front_end.source(*front_end.SCRUBBER, "sheet.js", "frame_scrubber.js")

    sprite = traitlets.Bytes().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    height = traitlets.Int(1).tag(sync=True)
    on_white = traitlets.Bool(False).tag(sync=True)  # plots, whose ink is light in a dark page

    _frames: np.ndarray | None = None  # (N * M * L, H, W[, 3]), for the poster

    @classmethod
    def from_arrays(
        cls,
        frames: object,
        *,
        axes: list[Axis],
        title: str,
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        companions: list[Curve | Histogram] | None = None,
        scale: int | None = None,
        interval_ms: int = 80,
        alt: str | None = None,
        name: str | None = None,
        on_white: bool | None = None,
    ) -> FrameScrubber:
        """A scrubber over frames that are already computed.

        frames: (N, H, W) or (N, H, W, 3) with one axis, (N, M, H, W) or (N, M, H, W, 3) with two, and so on with three;
            uint8, or float in [-1, 1] (values outside are clipped); NumPy or torch.
        axes: one Axis a slider; the first has N values, the second M. Play steps along the first.
        title: shown above, and the accessible name.
        readouts: {"name": texts}, and captions: a sentence a frame; nested as the frames are.
            An underscore in a title, or in the name of a readout or an axis, makes a subscript.
        companions: `Curve` and `Histogram` plots that follow the sliders.
        scale: screen pixels per pixel of a frame; by default about 440 in all. interval_ms: time a frame when playing.
        alt: text alternative of the still picture; by default the title and the first caption.
        name: the figure's address in a page, such as "fig-forward": `page.html?fig-forward.t=500#fig-forward` opens it at
            t = 500. By default made from the title. Lower-case letters, digits and hyphens, unique in the book.
        on_white: whether the frames are plots on white paper, which a dark page shows with light ink. By default those are
            whose corners are all white.

        Grey noise does not compress: 64 frames of 112 x 112 take about 0.8 MB. Fewer grey levels (`frames // 16 * 17`)
        halve that. Warns when the page would carry more than 1 MB.

        Raises ValueError for sizes, lengths or values that do not fit, saying which were given and which are allowed.
        """
        check_axes(axes)
        pictures = check_frames(frames, axes)
        if scale is not None and (not isinstance(scale, int) or scale < 1):
            raise ValueError(f"scale: must be a whole number, 1 or more; given {scale!r}")
        flat = pictures.reshape(-1, *pictures.shape[len(axes) :])
        sheet, columns = sprite_sheet(flat)
        height, width = flat.shape[1:3]
        widget = cls._made(
            pictures.shape[: len(axes)], axes=axes, title=title, readouts=readouts, captions=captions,
            companions=companions, interval_ms=interval_ms, alt=alt, name=name, sprite=encode_webp(sheet),
            columns=columns, width=width, height=height, on_white=has_white_corners(flat) if on_white is None else on_white,
            scale=scale or max(1, round(TARGET_WIDTH / width)),
        )  # fmt: skip
        widget._frames = flat
        widget._warn_if_heavy(f"The pictures alone take {len(widget.sprite) / 1e6:.1f} MB before encoding as text: use "
                              "fewer or smaller frames, or fewer grey levels: frames // 16 * 17")
        return widget

    def poster_png(self) -> bytes:
        """The frame the sliders stand at, as a PNG at the size it is shown."""
        if self._frames is None:
            raise ValueError("this FrameScrubber has no frames; make one with FrameScrubber.from_arrays")
        return encode_png(self._frames[self.frame], self.scale)

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The frame the sliders stand at, as a picture."""
        size = {"width": self.width * self.scale, "height": self.height * self.scale}
        return {"image/png": base64.b64encode(self.poster_png()).decode()}, {"image/png": size}


def has_white_corners(frames: np.ndarray) -> bool:
    """Whether the four corners of every frame, uint8 (N, H, W) or (N, H, W, 3), are white."""
    return bool((frames[:, [0, -1]][:, :, [0, -1]] == 255).all())


def check_frames(frames: object, axes: list[Axis]) -> np.ndarray:
    """uint8 frames, such as (N, H, W[, 3]) or (N, M, H, W[, 3]). Raises ValueError if they do not fit the axes."""
    raw = as_array(frames, "frames")
    wanted = tuple(len(axis.values) for axis in axes)
    letters = ", ".join([*"NML"[: len(axes)], "H", "W"])
    grey, colour = raw.ndim == len(axes) + 2, raw.ndim == len(axes) + 3 and raw.shape[-1] == 3
    if not (grey or colour):
        raise ValueError(
            f"frames: with {len(axes)} axes the shape must be ({letters}) or ({letters}, 3); given {raw.shape}"
        )
    if raw.shape[: len(axes)] != wanted:
        raise ValueError(
            f"frames: the axes have {' x '.join(map(str, wanted))} values, so the shape must start with {wanted}; "
            f"given {raw.shape}"
        )
    return to_uint8(raw)
