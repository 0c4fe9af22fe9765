"""Film: videos side by side that play, pause and step, and below them which frames were given, and what the network saw."""

from __future__ import annotations

import numpy as np
import traitlets

from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.figure import Axis, check_axes, frame_number
from diffusion_utils.widgets.film_still import call_of, film_html
from diffusion_utils.widgets.scrubber import Scrubber, flat_texts
from diffusion_utils.widgets.sprites import as_array, encode_webp, sprite_sheet, to_uint8

WIDTH, PANEL = 440, 135  # CSS pixels: of the whole, and of each panel where there are many
LEGEND = ("given", "made with this frame", "seen for it")


class Film(Scrubber):
    """A slider over the frames of videos, and others over which videos. Make one with `Film.from_frames`."""

    _esm = front_end.source(*front_end.SCRUBBER, "sheet.js", "film.js")

    settings = traitlets.Dict().tag(sync=True)
    pictures = traitlets.Bytes().tag(sync=True)  # all different ones on a sheet, as WebP
    columns = traitlets.Int(1).tag(sync=True)
    places = traitlets.Bytes().tag(sync=True)  # uint16, little-endian: of each frame which picture each panel shows
    maps = traitlets.List().tag(sync=True)  # of each setting of all sliders but the first, a row [given, calls] or more
    says = traitlets.List().tag(sync=True)  # of each frame what is to be seen, for those who do not see it
    width = traitlets.Int(WIDTH).tag(sync=True)

    _pictures: np.ndarray | None = None  # (different pictures, H, W), for the still form

    @classmethod
    def from_frames(
        cls,
        frames: object,
        maps: list,
        *,
        axes: list[Axis],
        panels: list[str],
        title: str,
        alt: str,
        rows: list[str] | None = None,
        says: list | None = None,
        readouts: dict[str, list] | None = None,
        captions: list | None = None,
        interval_ms: int = 120,
        name: str | None = None,
    ) -> Film:
        """Videos that are already there.

        frames: (N, panels, H, W) with one axis, (N, M, panels, H, W) with two, and so on; uint8, or float in [−1, 1]. The first
            axis is the time of the video, and play steps along it.
        maps: for each setting of the other axes, nested as these are, rows of (given, calls): the numbers of the frames that
            were given, and of each call of the network, (observed, latent), what it saw and what it made. With one axis: the
            rows themselves. rows: their names; by default there is one row without a name.
        says: for each frame a text that is read aloud for the pictures. captions: by default who saw whom, in words.
        All else is as in `FrameScrubber.from_arrays`.

        Raises ValueError for shapes that do not fit, and for frames that are made twice or not at all.
        """
        check_axes(axes)
        leading = tuple(len(axis.values) for axis in axes)
        pictures = check_pictures(frames, leading, panels)
        if not alt:
            raise ValueError("alt: must not be empty; it is what a screen reader reads")
        names = [""] if rows is None else list(rows)
        flat = [[check_row(row, leading[0]) for row in of_setting] for of_setting in flat_maps(maps, leading[1:])]
        if any(len(of_setting) != len(names) for of_setting in flat):
            raise ValueError(f"maps: each setting must have a row for each of {names}; given {[len(one) for one in flat]}")
        different, which = np.unique(pictures.reshape(-1, *pictures.shape[-2:]), axis=0, return_inverse=True)
        sheet, columns = sprite_sheet(different)
        settings = {"frames": leading[0], "panels": list(panels), "rows": names, "legend": list(LEGEND),
                    "side": list(different.shape[1:])}
        told = [] if says is None else flat_texts(says, leading, "says")
        widget = cls._made(
            leading, axes=axes, title=title, readouts=readouts, captions=told_of(flat, names, leading, captions),
            companions=None, interval_ms=interval_ms, alt=alt, name=name, settings=settings, pictures=encode_webp(sheet),
            columns=columns, places=which.astype("<u2").tobytes(), maps=flat, says=told,
            width=max(WIDTH, PANEL * len(panels)))  # fmt: skip
        widget._pictures = different
        widget._warn_if_heavy("Use fewer videos, or fewer grey levels: frames // 16 * 17")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The frame the sliders stand at, as pictures and a drawing."""
        if self._pictures is None:
            raise ValueError("this Film has no frames; make one with Film.from_frames")
        count = len(self.settings["panels"])
        shown = np.frombuffer(self.places, "<u2")[count * self.frame:count * (self.frame + 1)]
        others = [self.index2, self.index3][:len(self.axes) - 1]
        rows = self.maps[frame_number(self.axes[1:], others)]
        words = ". ".join(filter(None, [self.alt, self.says[self.frame] if self.says else ""]))
        face = film_html(self.settings, rows, [self._pictures[place] for place in shown], self.index, words)
        return {"text/plain": words, "text/html": face}, {}


def check_pictures(frames: object, leading: tuple[int, ...], panels: list[str]) -> np.ndarray:
    """uint8 (*leading, panels, H, W). Raises ValueError for another shape, or panels without a name."""
    raw = as_array(frames, "frames")
    wanted = (*leading, len(panels))
    if raw.ndim != len(wanted) + 2 or raw.shape[:len(wanted)] != wanted or not all(panels):
        raise ValueError(f"frames: must be ({', '.join(map(str, wanted))}, H, W), with a name for each panel; given {raw.shape}"
                         f" and {panels}")
    return to_uint8(raw)


def flat_maps(maps: list, settings: tuple[int, ...]) -> list[list]:
    """The rows of each setting, in the settings' order. Raises ValueError if nested otherwise."""
    flat = [maps]
    for length in settings:
        if any(len(inner) != length for inner in flat):
            raise ValueError(f"maps: must hold rows for each setting, nested as {' x '.join(map(str, settings))}")
        flat = [entry for inner in flat for entry in inner]
    return flat


def check_row(row: object, frames: int) -> list:
    """[given, [[observed, latent], …]] in which each frame comes once."""
    given, calls = row
    given, calls = sorted(map(int, given)), [[list(map(int, part)) for part in call] for call in calls]
    if sorted([*given, *(frame for _, latent in calls for frame in latent)]) != list(range(frames)):
        raise ValueError(f"maps: each of the {frames} frames must be given or made, and once; given {row!r:.200}")
    return [given, calls]


def told_of(maps: list, names: list[str], leading: tuple[int, ...], captions: list | None) -> list:
    """Captions as they are, or who saw whom, nested as the frames are."""
    if captions is not None:
        return captions
    said = [[who_saw(rows, names, k) for rows in maps] for k in range(leading[0])]
    return np.array(said, dtype=str).reshape(leading).tolist()


def who_saw(rows: list, names: list[str], k: int) -> str:
    """What the network saw when it made frame k, in words."""
    words = [row_words(row, k) for row in rows]
    if len(set(words)) == 1:
        return f"Frame {k} {words[0]}."
    return " ".join(f"{name}: {said}." for name, said in zip(names, words, strict=True))


def row_words(row: list, k: int) -> str:
    if k in row[0]:
        return "was given"
    observed, latent = call_of(row, k)
    together = [frame for frame in latent if frame != k]
    made = f"was made with {runs_of(together)}" if together else "was made alone"
    return f"{made}; seen: {runs_of(observed) or 'nothing'}"


def runs_of(frames: list[int]) -> str:
    """0–4, 7, 9: numbers in order, runs of three and more as their ends."""
    found: list[list[int]] = []
    for frame in sorted(frames):
        if found and frame == found[-1][-1] + 1:
            found[-1].append(frame)
        else:
            found.append([frame])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in found)
