"""FrameScrubber: one or two sliders over pictures computed beforehand, which needs no kernel to be moved."""

from __future__ import annotations

import base64
import json
import math
import re
import unicodedata
import warnings
import zlib
from dataclasses import dataclass

import anywidget
import numpy as np
import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.sprites import as_array, encode_png, encode_webp, sprite_sheet, to_uint8

TARGET_WIDTH = 440  # CSS pixels; wide enough to see, narrow enough to leave room for a companion plot
NAME_LENGTH = 40  # characters of the title that go into a figure's address
STATE_WARNING_BYTES = 1_000_000  # a page carries this text inline, so it delays everything after it


@dataclass
class Axis:
    """One slider: its name, the text of each position (two or more), and the index it starts at."""

    name: str
    values: list
    start: int = 0


class FrameScrubber(anywidget.AnyWidget):
    """Sliders over precomputed frames. Make one with `FrameScrubber.from_arrays`.

    `index` and `index2` are the positions of the first and the second slider (0, 1, ...). They follow the sliders and
    can be set from Python, observed with `widget.observe`, or linked with `ipywidgets.jslink`.
    """

    _esm = front_end.source(*front_end.FIGURE, "companions.js", "frame_scrubber.js")
    _css = front_end.source("frame_scrubber.css")
    # ipywidgets 7, which Colab carries, would otherwise bypass _repr_mimebundle_ and lose the poster.
    _ipython_display_ = None

    index = traitlets.Int(0).tag(sync=True)
    index2 = traitlets.Int(0).tag(sync=True)

    # Set once by from_arrays. Texts and bars are flat lists: frame number = index * (positions of slider 2) + index2.
    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    axes = traitlets.List().tag(sync=True)
    readouts = traitlets.List().tag(sync=True)  # [name, texts] pairs: a stored notebook sorts the keys of a dict
    captions = traitlets.List().tag(sync=True)
    companions = traitlets.List().tag(sync=True)
    sprite = traitlets.Bytes().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    width = traitlets.Int(1).tag(sync=True)
    height = traitlets.Int(1).tag(sync=True)
    scale = traitlets.Int(1).tag(sync=True)
    interval_ms = traitlets.Int(80).tag(sync=True)

    _frames: np.ndarray | None = None  # (N * M, H, W[, 3]), for the poster

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
    ) -> FrameScrubber:
        """A scrubber over frames that are already computed.

        frames: (N, H, W) or (N, H, W, 3) with one axis, (N, M, H, W) or (N, M, H, W, 3) with two; uint8, or float in
            [-1, 1] (values outside are clipped); NumPy or torch.
        axes: one Axis a slider; the first has N values, the second M. Play steps along the first.
        title: shown above, and the accessible name.
        readouts: {"name": texts}, and captions: a sentence a frame; nested as the frames are, (N,) or (N, M).
            An underscore in a title, or in the name of a readout or an axis, makes a subscript.
        companions: `Curve` and `Histogram` plots that follow the sliders.
        scale: screen pixels per pixel of a frame; by default about 440 in all. interval_ms: time a frame when playing.
        alt: text alternative of the still picture; by default the title and the first caption.
        name: the figure's address in a page, such as "fig-forward": `page.html?fig-forward.t=500#fig-forward` opens it at
            t = 500. By default made from the title. Lower-case letters, digits and hyphens, unique in the book.

        Grey noise does not compress: 64 frames of 112 x 112 take about 0.8 MB. Fewer grey levels (`frames // 16 * 17`)
        halve that. Warns when the page would carry more than 1 MB.

        Raises ValueError for sizes, lengths or values that do not fit, saying which were given and which are allowed.
        """
        check_axes(axes)
        pictures = check_frames(frames, axes)
        leading = pictures.shape[: len(axes)]
        texts = [[name, flat_texts(values, leading, f"readouts[{name!r}]")] for name, values in (readouts or {}).items()]
        sentences = [] if captions is None else flat_texts(captions, leading, "captions")
        check_display(title, scale, interval_ms)
        name = name_from(title) if name is None else check_name(name)
        starts = [axis.start for axis in axes] + [0]
        flat = pictures.reshape(-1, *pictures.shape[len(axes) :])
        sheet, columns = sprite_sheet(flat)
        height, width = flat.shape[1:3]
        first = starts[0] * math.prod(leading[1:]) + starts[1]
        widget = cls(
            index=starts[0],
            index2=starts[1],
            name=name,
            title=title,
            alt=alt or ". ".join([title] + sentences[first : first + 1]),
            axes=axis_state(axes),
            readouts=texts,
            captions=sentences,
            companions=[companion.state(leading) for companion in companions or []],
            sprite=encode_webp(sheet),
            columns=columns,
            width=width,
            height=height,
            scale=scale or max(1, round(TARGET_WIDTH / width)),
            interval_ms=interval_ms,
        )
        widget._frames = flat
        widget._warn_if_heavy()
        return widget

    @traitlets.validate("index", "index2")
    def _check_index(self, proposal: traitlets.Bunch) -> int:
        """Refuse a position the slider does not have (once the axes are known)."""
        which = 0 if proposal["trait"].name == "index" else 1
        count = len(self.axes[which]["values"]) if which < len(self.axes) else 1
        if self.axes and not 0 <= proposal["value"] < count:
            name = proposal["trait"].name
            raise traitlets.TraitError(f"{name} must lie in 0..{count - 1}; given {proposal['value']}")
        return proposal["value"]

    def state_bytes(self) -> int:
        """Size of what a page carries for this widget: its data in text form (base64 where binary) and its code."""
        state = {key: value for key, value in self.get_state().items() if key != "sprite"}
        return len(json.dumps(state, default=str)) + 4 * math.ceil(len(self.sprite) / 3)

    def _warn_if_heavy(self) -> None:
        size = self.state_bytes()
        if size > STATE_WARNING_BYTES:
            warnings.warn(
                f"FrameScrubber {self.title!r} adds {size / 1e6:.1f} MB to its page (the pictures alone "
                f"{len(self.sprite) / 1e6:.1f} MB before encoding as text); at most {STATE_WARNING_BYTES / 1e6:g} MB "
                "is advised. Use fewer or smaller frames, or fewer grey levels: frames // 16 * 17",
                stacklevel=3,
            )

    def poster_png(self) -> bytes:
        """The frame the sliders stand at, as a PNG at the size it is shown."""
        if self._frames is None:
            raise ValueError("this FrameScrubber has no frames; make one with FrameScrubber.from_arrays")
        second = len(self.axes[1]["values"]) if len(self.axes) == 2 else 1
        return encode_png(self._frames[self.index * second + self.index2], self.scale)

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        """The live view, and for whatever cannot show it a picture and its text alternative."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data = {**data, "text/plain": self.alt, "image/png": base64.b64encode(self.poster_png()).decode()}
        size = {"width": self.width * self.scale, "height": self.height * self.scale}
        return data, {**metadata, "image/png": size}


def check_axes(axes: list[Axis]) -> None:
    """Raise ValueError unless there are one or two axes, each named, with a valid start."""
    if not isinstance(axes, (list, tuple)) or len(axes) not in (1, 2) or not all(isinstance(a, Axis) for a in axes):
        raise ValueError(f"axes: must be a list of one or two Axis; given {axes!r:.200}")
    for axis in axes:
        if not axis.name:
            raise ValueError("axes: every Axis needs a name, which is shown beside its slider; given an empty one")
        if len(axis.values) < 2:
            raise ValueError(f"Axis {axis.name!r}: needs at least two values; given {len(axis.values)}")
        if not 0 <= axis.start < len(axis.values):
            raise ValueError(
                f"Axis {axis.name!r}: start is an index in 0..{len(axis.values) - 1}; given {axis.start!r}"
            )


def axis_state(axes: list[Axis]) -> list[dict]:
    """What the front end knows of the sliders."""
    return [{"name": axis.name, "values": [str(value) for value in axis.values]} for axis in axes]


def check_frames(frames: object, axes: list[Axis]) -> np.ndarray:
    """uint8 frames of shape (N, H, W[, 3]) or (N, M, H, W[, 3]). Raises ValueError if they do not fit the axes."""
    raw = as_array(frames, "frames")
    wanted = tuple(len(axis.values) for axis in axes)
    letters = "N, H, W" if len(axes) == 1 else "N, M, H, W"
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


def flat_texts(values: list, leading: tuple[int, ...], what: str) -> list[str]:
    """One text a frame, in the frames' order. Raises ValueError if nested otherwise than `leading`, (N,) or (N, M)."""
    wanted = "one text a frame, nested as the frames are, with lengths " + " x ".join(map(str, leading))
    try:
        texts = np.array(values, dtype=str)
    except ValueError as error:
        raise ValueError(f"{what}: must be {wanted}; given inner lists of different lengths") from error
    if texts.shape != leading:
        given = " x ".join(map(str, texts.shape)) or f"{values!r:.80}"
        raise ValueError(f"{what}: must be {wanted}; given {given}")
    return texts.ravel().tolist()


def check_display(title: str, scale: int | None, interval_ms: int) -> None:
    """Raise ValueError for an empty title, a scale below 1, or frames too fast to be safe or to be seen."""
    if not title:
        raise ValueError("title: must not be empty; it is the widget's accessible name")
    if scale is not None and (not isinstance(scale, int) or scale < 1):
        raise ValueError(f"scale: must be a whole number, 1 or more; given {scale!r}")
    if interval_ms < 20:
        raise ValueError(f"interval_ms: must be 20 or more; given {interval_ms}")


def name_from(title: str) -> str:
    """A figure's name in an address: "Noise, step by step" becomes "fig-noise-step-by-step"."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain) or [f"{zlib.crc32(title.encode()):x}"]  # a title in another alphabet
    name = "fig"
    for word in words:
        if len(name) + len(word) >= NAME_LENGTH:
            break
        name += f"-{word}"
    return name if name != "fig" else f"fig-{words[0][:NAME_LENGTH]}"


def check_name(name: str) -> str:
    """The name itself. Raises ValueError unless it can stand in an address as it is."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"name: must be lower-case letters, digits and hyphens, starting with a letter; given {name!r}")
    return name
