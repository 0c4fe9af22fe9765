"""SoundScrubber: sliders over sounds. What is drawn and what is heard are the same bytes."""

from __future__ import annotations

import base64

import numpy as np
import torch
import traitlets

from diffusion_utils.schedules import Schedule
from diffusion_utils.sound import RATE, to_mu_law
from diffusion_utils.widgets import front_end
from diffusion_utils.widgets.figure import Axis, check_axes
from diffusion_utils.widgets.scrubber import Scrubber
from diffusion_utils.widgets.sound_still import FRAME, HEIGHT, WIDTH, sound_picture, wav_address, wave_of
from diffusion_utils.widgets.sprites import encode_png

BITS = {8: "uint8, by the μ-law", 16: "int16"}  # of a sample: 8 are enough for a voice, 16 where the softest noise counts


class SoundScrubber(Scrubber):
    """Sounds that are scrubbed and listened to. Make one with `SoundScrubber.from_waves` or `SoundScrubber.mixed`.

    The page draws spectrum and wave, and plays what it draws, equally loud, once the reader asks for it; a player of the
    browser's own below has the same sound as a file.
    """

    _esm = front_end.source(*front_end.SCRUBBER, "spectrum.js", "voice.js", "sound_scrubber.js")

    settings = traitlets.Dict().tag(sync=True)
    sounds = traitlets.Bytes().tag(sync=True)  # clips, one after the other, each between −1 and 1 of its own peak
    width = traitlets.Int(WIDTH).tag(sync=True)
    height = traitlets.Int(HEIGHT).tag(sync=True)

    @classmethod
    def from_waves(cls, waves: object, *, axes: list[Axis], marks: list | None = None, bits: int = 8,
                   **about: object) -> SoundScrubber:
        """A scrubber over waves that are there already.

        waves: finite numbers of any unit, (N, L) with one axis, (N, M, L) with two, and so on, L samples at sound.RATE; equal
            ones are kept once.
        marks: for each wave (start, stop), the samples that are marked, nested as the waves are; (0, 0) for none.
        bits: 8 or 16 a sample. All else is as in `FrameScrubber.from_arrays`.

        Raises ValueError for shapes that do not fit, numbers that are not finite, and marks outside the wave.
        """
        leading = lengths_of(axes)
        waves = check_waves(waves, leading, "waves")
        flat = waves.reshape(-1, waves.shape[-1])
        clips, which = np.unique(flat, axis=0, return_inverse=True)
        marked = [] if marks is None else check_marks(marks, leading, flat.shape[1])
        return cls._of_clips(clips, bits, [[int(k)] for k in which.ravel()], [], marked, leading, axes=axes, **about)

    @classmethod
    def mixed(cls, waves: object, noises: object, schedule: Schedule, *, axes: list[Axis], bits: int = 16,
              **about: object) -> SoundScrubber:
        """x_t = signal_t·x_0 + noise_t·ε at every t = 0 … T, mixed in the page.

        waves: (W, L), and noises: (K, L), in one unit; the axes are t, the waves, and the noises where K > 1.
        Raises ValueError for axes of other lengths, and all that `from_waves` refuses.
        """
        leading = lengths_of(axes)
        waves, noises = (check_waves(given, (len(given),), what) for given, what in ((waves, "waves"), (noises, "noises")))
        wanted = (schedule.T + 1, len(waves), len(noises))
        if (leading if len(leading) == 3 else (*leading, 1)) != wanted or waves.shape[1] != noises.shape[1]:
            raise ValueError(f"axes: must have {' x '.join(map(str, wanted))} values, of t, waves and noises; given "
                             f"{' x '.join(map(str, leading))}")
        parts = [[word, len(waves) + kind] for word in range(len(waves)) for kind in range(len(noises))]
        weights = [[round(float(weight), 6) for weight in table] for table in (schedule.signal, schedule.noise)]
        return cls._of_clips(np.concatenate([waves, noises]), bits, parts, weights, [], leading, axes=axes, **about)

    @classmethod
    def _of_clips(cls, clips: np.ndarray, bits: int, parts: list, weights: list, marks: list, leading: tuple[int, ...], *,
                  title: str, alt: str, axes: list[Axis], readouts: dict[str, list] | None = None,
                  captions: list | None = None, interval_ms: int = 80, name: str | None = None) -> SoundScrubber:
        """parts: the clips that each frame is made of, or each setting of all sliders but the first, if there are weights: of
        each part at each position of the first slider."""
        if bits not in BITS:
            raise ValueError(f"bits: must be 8 or 16; given {bits!r}")
        if not alt:
            raise ValueError("alt: must not be empty; it is what a screen reader reads")
        peaks = np.abs(clips).max(1).clip(min=1e-9)
        settings = {"rate": RATE, "length": clips.shape[1], "bits": bits, "peaks": [float(f"{peak:.6g}") for peak in peaks],
                    "parts": parts, "weights": weights, "marks": marks}
        sounds = packed(clips / peaks[:, None], bits)
        first = int(np.ravel_multi_index([axis.start for axis in axes], leading))
        settings["still"] = wav_address(wave_of(settings, sounds, first), RATE)
        widget = cls._made(leading, axes=axes, title=title, readouts=readouts, captions=captions, companions=None,
                           interval_ms=interval_ms, alt=alt, name=name, settings=settings, sounds=sounds)
        widget._warn_if_heavy("Use fewer or shorter sounds, or 8 bits a sample")
        return widget

    def still_form(self) -> tuple[dict[str, str], dict]:
        """The sound at which the sliders stand, as a picture."""
        if not self.sounds:
            raise ValueError("this SoundScrubber has no sounds; make one with SoundScrubber.from_waves or .mixed")
        marks = self.settings["marks"]
        picture = sound_picture(wave_of(self.settings, self.sounds, self.frame), marks[self.frame] if marks else (0, 0),
                                self.settings["rate"])
        size = {"width": self.width, "height": self.height}
        return {"image/png": base64.b64encode(encode_png(picture)).decode()}, {"image/png": size}


def lengths_of(axes: list[Axis]) -> tuple[int, ...]:
    """How many values each axis has."""
    check_axes(axes)
    return tuple(len(axis.values) for axis in axes)


def check_waves(waves: object, leading: tuple[int, ...], what: str) -> np.ndarray:
    """float64 (*leading, L), finite."""
    waves = np.asarray(waves, float)
    if waves.ndim != len(leading) + 1 or waves.shape[:-1] != leading or waves.shape[-1] < FRAME:
        raise ValueError(f"{what}: must be {' x '.join(map(str, leading))} waves of at least {FRAME} samples; "
                         f"given {waves.shape}")
    if not np.isfinite(waves).all():
        raise ValueError(f"{what}: every number must be finite")
    return waves


def check_marks(marks: list, leading: tuple[int, ...], length: int) -> list[list[int]]:
    """[start, stop] of each wave."""
    places = np.asarray(marks, int)
    if places.shape != (*leading, 2) or places.min() < 0 or places.max() > length or (places[..., 0] > places[..., 1]).any():
        raise ValueError(f"marks: must be (start, stop) for each wave, 0 ≤ start ≤ stop ≤ {length}; given shape {places.shape}")
    return places.reshape(-1, 2).tolist()


def packed(clips: np.ndarray, bits: int) -> bytes:
    """Clips between −1 and 1, (K, L), as bytes."""
    if bits == 8:
        return to_mu_law(torch.from_numpy(clips)).numpy().tobytes()
    return np.rint(clips * 32767).astype("<i2").tobytes()
