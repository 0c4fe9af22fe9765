"""What all figures have in common: sliders with names and texts, a title, a name in addresses, a still form.

A new kind of figure is a subclass with a front end (see figure.js), and says in `still_form` what stands in its place where
nothing moves.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import anywidget
import traitlets

from diffusion_utils.widgets import front_end

NAME_LENGTH = 40  # characters of the title that go into a figure's address
POSITIONS = ("index", "index2", "index3", "index4")  # of the sliders, in their order
MOST_BUTTONS = 12  # more of them would fill a phone's screen
MOST_WORDS, BLANK = 8, "_"
NUMBER = re.compile(r"[-−+]?(\d\S*|∞)(\s\S+)?")  # with a unit, and perhaps a space before it


@dataclass
class Axis:
    """What one control of a figure sets: its name, the text of each position (two or more), and the index it starts at.

    Numbers are set with a slider and names with a row of buttons; `buttons` says otherwise. Words that are kept or not, see
    `of_words`, are buttons to press in and out.
    """

    name: str
    values: list
    start: int = 0
    buttons: bool | None = None
    words: tuple[str, ...] = ()

    @classmethod
    def of_words(cls, name: str, words: Sequence[str], start: int = 0) -> Axis:
        """All ways to keep some of these words: at position k word i is kept where bit i of k is set, so 2^n positions.

        A value is the words themselves, with blanks in the place of those that are not kept. At most MOST_WORDS words.
        """
        if not 1 <= len(words) <= MOST_WORDS or not all(words):
            raise ValueError(f"words: 1 to {MOST_WORDS}, none of them empty; given {list(words)!r}")
        return cls(name, [" ".join(word if k >> i & 1 else BLANK * len(word) for i, word in enumerate(words))
                          for k in range(2 ** len(words))], start, False, tuple(words))

    def has_buttons(self) -> bool:
        """Whether there is a button for each value. By default where all are names, and not too many."""
        if self.buttons is not None:
            return self.buttons
        return len(self.values) <= MOST_BUTTONS and not any(NUMBER.fullmatch(str(value)) for value in self.values)


class Figure(anywidget.AnyWidget):
    """Sliders, and a face that follows them: a picture, a drawing, a text.

    `index` and `index2` are the positions of the first and the second slider (0, 1, ...). They follow the sliders and
    can be set from Python, observed with `widget.observe`, or linked with `ipywidgets.jslink`.
    """

    _css = front_end.source("figure.css")
    # ipywidgets 7, which Colab carries, would otherwise bypass _repr_mimebundle_ and lose the still form.
    _ipython_display_ = None

    index = traitlets.Int(0).tag(sync=True)
    index2 = traitlets.Int(0).tag(sync=True)

    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    axes = traitlets.List().tag(sync=True)
    readouts = traitlets.List().tag(sync=True)  # [name, texts] pairs: a stored notebook sorts the keys of a dict
    width = traitlets.Int(1).tag(sync=True)  # of the face; times `scale`, in CSS pixels
    scale = traitlets.Int(1).tag(sync=True)
    interval_ms = traitlets.Int(80).tag(sync=True)

    @traitlets.validate(*POSITIONS)
    def _check_position(self, proposal: traitlets.Bunch) -> int:
        """Refuse a position the slider does not have (once the axes are known)."""
        name = proposal["trait"].name
        which = POSITIONS.index(name)
        count = len(self.axes[which]["values"]) if which < len(self.axes) else 1
        if self.axes and not 0 <= proposal["value"] < count:
            raise traitlets.TraitError(f"{name} must lie in 0..{count - 1}; given {proposal['value']}")
        return proposal["value"]

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The face where the sliders stand, for what cannot run the figure: a MIME bundle and its metadata.

        Either a picture, {"image/png": base64}, or HTML of one element of the class "fs-face", {"text/html": html}, in
        which every text is escaped; and "text/plain", which says the same in words.
        """
        raise NotImplementedError(f"{type(self).__name__} has no still_form: say what stands where the figure cannot move")

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        """The live view, and for whatever cannot show it the still form."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        still, about = self.still_form()
        return {**data, "text/plain": self.alt, **still}, {**metadata, **about}


def check_axes(axes: list[Axis]) -> None:
    """Raise ValueError unless there are one to three axes, each named, with a valid start."""
    if not isinstance(axes, (list, tuple)) or len(axes) not in (1, 2, 3) or not all(isinstance(a, Axis) for a in axes):
        raise ValueError(f"axes: must be a list of one to three Axis; given {axes!r:.200}")
    for axis in axes:
        if not axis.name:
            raise ValueError("axes: every Axis needs a name, which is shown beside its slider; given an empty one")
        if len(axis.values) < 2:
            raise ValueError(f"Axis {axis.name!r}: needs at least two values; given {len(axis.values)}")
        if not 0 <= axis.start < len(axis.values):
            raise ValueError(
                f"Axis {axis.name!r}: start is an index in 0..{len(axis.values) - 1}; given {axis.start!r}"
            )


def frame_number(axes: list[dict], positions: list[int]) -> int:
    """Which frame belongs to these positions of the sliders, whose axes are given as the front end knows them."""
    number = 0
    for axis, position in zip(axes, positions, strict=True):
        number = number * len(axis["values"]) + position
    return number


def axis_state(axes: list[Axis]) -> list[dict]:
    """What the front end knows of the controls."""
    return [{"name": axis.name, "values": [str(value) for value in axis.values], "buttons": axis.has_buttons()}
            | ({"words": list(axis.words)} if axis.words else {}) for axis in axes]


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
