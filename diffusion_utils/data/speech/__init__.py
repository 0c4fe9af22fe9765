"""Spoken digits: six people, ten digits, 50 recordings of each. From a folder, by download, or 60 recordings in the package.

Source: the Free Spoken Digit Dataset by Jackson et al., version 1.0.10, CC BY-SA 4.0; NOTICE.md says more.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ...notices import notice
from ...sound import RATE, at_loudness, deemphasised, emphasised
from ..download import fetch_file
from ..mnist import DataError, cache_folder
from .files import PER_CELL, SHA256, SPEAKERS, Recordings, contents_sha256, of_folder, of_tar, shipped

LENGTH = 6144  # samples of a window, 0.768 s = 16·384: a word that is longer is left out, and never cut
TEST = 5  # recordings of each digit and speaker that are the official test part: indices 0…4
EMPHASIS = 0.9  # see `sound.emphasised`
GAIN = 2.8  # 1/the standard deviation of an emphasised window, so that the network sees data of variance 1
SPEED = 0.04  # a word is spoken up to so much faster or slower
NO_DIGIT, NO_SPEAKER = 10, len(SPEAKERS)
TAG = "1.0.10"
ADDRESS = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v{TAG}.tar.gz"


def to_network(x: Tensor) -> Tensor:
    """A wave of active RMS 1 as the network sees it: emphasised, of variance about 1 over a window. (…, L) → (…, L)."""
    return GAIN * emphasised(x, EMPHASIS)


def to_wave(y: Tensor) -> Tensor:
    """The way back."""
    return deemphasised(y / GAIN, EMPHASIS)


class EmphasisCodec:
    """Between waves of active RMS 1 and what the network sees."""

    def encode(self, x: Tensor) -> Tensor:
        """`to_network`."""
        return to_network(x)

    def decode(self, z: Tensor) -> Tensor:
        """`to_wave`."""
        return to_wave(z)


@dataclass(frozen=True, eq=False)
class SpeechData:
    """waves: float32 (N, LENGTH), a word of active RMS 1 from the first sample on, then zeros; lengths: int64 (N,) of the words
    digits, speakers: int64 (N,); told: what was left out and why, in words."""

    waves: Tensor
    lengths: Tensor
    digits: Tensor
    speakers: Tensor
    name: str
    source: str
    sha256: str
    left_out: int = 0
    told: str = ""
    shape = (1, LENGTH)
    clip = None  # peaks reach fifteen times the standard deviation

    def __len__(self) -> int:
        return len(self.waves)

    def to(self, device: torch.device) -> SpeechData:
        """The same words on the device."""
        names = ("waves", "lengths", "digits", "speakers")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def placed(self, rows: Tensor, starts: Tensor | None = None) -> Tensor:
        """Windows of active RMS 1 in which each word begins at its own place: (B, 1, LENGTH).

        starts: int64 (B,), so that the word ends within the window; by default somewhere, for each row always the same.
        """
        rows = rows.to(self.waves.device)
        room = LENGTH - self.lengths[rows]
        if starts is None:
            starts = ((rows * 0.6180339887) % 1 * (room + 1)).long()
        if bool((starts < 0).any()) or bool((starts > room).any()):
            raise ValueError("a word must begin at 0 or later and end within the window")
        return moved(self.waves[rows], starts)[:, None]

    def varied(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Windows to learn from: each word up to 4 % faster or slower, turned upside down or not, begun anywhere at random.

        All of it is drawn from the generator, on the CPU. (B, 1, LENGTH) of active RMS 1, on the data's device.
        """
        n = len(rows)
        speed = SPEED * (2 * torch.rand(n, generator=generator) - 1)
        sign = 2.0 * (torch.rand(n, generator=generator) < 0.5) - 1
        place = torch.rand(n, generator=generator)
        lengths = self.lengths[rows.to(self.lengths.device)].cpu()
        windows = torch.ceil(LENGTH * (1 + speed)).long()
        windows = torch.minimum(windows, LENGTH * LENGTH // lengths)  # a slow word must still fit
        waves = self.waves[rows.to(self.waves.device)]
        waves = torch.stack([stretched(wave, int(window)) for wave, window in zip(waves, windows, strict=True)])
        spoken = torch.ceil(lengths * windows / LENGTH).long().clamp(max=LENGTH)
        starts = (place * (LENGTH - spoken + 1)).long()
        return moved(waves * sign.to(waves)[:, None], starts.to(waves.device))[:, None]

    def x0(self, rows: Tensor) -> Tensor:
        """Windows as the network sees them, float32 (B, 1, LENGTH)."""
        return to_network(self.placed(rows))

    def condition(self, rows: Tensor) -> dict[str, Tensor]:
        """What is said and who says it: digit and speaker, int64 (B,) each."""
        rows = rows.to(self.digits.device)
        return {"digit": self.digits[rows], "speaker": self.speakers[rows]}


def moved(waves: Tensor, starts: Tensor) -> Tensor:
    """Each wave (B, L) later by so many samples, (B,), with silence before it; what would end behind the window is zeros."""
    place = torch.arange(waves.shape[1], device=waves.device) - starts[:, None]
    return torch.where(place >= 0, waves.gather(1, place.clamp(min=0)), 0.0)


def stretched(wave: Tensor, length: int) -> Tensor:
    """A wave (L,) played so that it takes `length` samples, cut or filled up with zeros to L again.

    By its Fourier series: exact for what lies below half the rate, and nothing is folded back.
    """
    n, spectrum = len(wave), torch.fft.rfft(wave)
    if length == n:
        return wave
    out = torch.fft.irfft(F.pad(spectrum, (0, max(0, length // 2 + 1 - len(spectrum))))[:length // 2 + 1], n=length)
    return F.pad(out * (length / n), (0, max(0, n - length)))[:n]


def load_speech(split: str = "train", swapped: bool = False) -> SpeechData:
    """'train': indices 5–49 of each digit and speaker; 'test': indices 0–4. Words longer than a window are left out.

    swapped: the other way round, for a judge that must not have heard what a generator has learnt from.
    Looks in the folder speech_digits of DIFFUSION_DATA, where that is set; else downloads once; else takes the 60 recordings
    of the package for both parts, with a notice. Raises DataError for recordings that are missing, altered or too many.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    part = ("test" if split == "train" else "train") if swapped else split
    return _part(part, os.environ.get("DIFFUSION_DATA") or None, cache_folder())


@lru_cache(maxsize=4)
def _part(part: str, folder: str | None, cache: Path) -> SpeechData:
    recordings = _recordings(folder, cache)
    if len(recordings.waves) < PER_CELL * 10 * len(SPEAKERS):
        chosen = range(len(recordings.waves))  # the 60 of the package
    else:
        chosen = [k for k, index in enumerate(recordings.indices) if (index < TEST) == (part == "test")]
    return speech_data(recordings, chosen, f"speech-{part}")


def speech_data(recordings: Recordings, chosen, name: str) -> SpeechData:
    """The chosen recordings as data: mean subtracted, equally loud, and none that is longer than a window."""
    fits = [k for k in chosen if len(recordings.waves[k]) <= LENGTH]
    left_out = len(chosen) - len(fits)
    waves = torch.zeros(len(fits), LENGTH)
    for row, k in enumerate(fits):
        wave = torch.from_numpy(recordings.waves[k] / 2**15)
        waves[row, :len(wave)] = at_loudness(wave).float()
    lengths, digits, speakers = (torch.tensor([of[k] for k in fits]) for of in (
        [len(wave) for wave in recordings.waves], recordings.digits, recordings.speakers))
    digest = hashlib.sha256(waves.numpy().tobytes() + digits.numpy().tobytes() + speakers.numpy().tobytes()).hexdigest()
    told = f"{left_out} of {len(chosen)} recordings are longer than {LENGTH / RATE} s and left out"
    name = name if len(chosen) > 60 else "speech-sample"
    return SpeechData(waves, lengths, digits, speakers, name, recordings.source, digest, left_out, told)


@lru_cache(maxsize=2)
def _recordings(folder: str | None, cache: Path) -> Recordings:
    if folder is not None:
        places = [Path(folder).expanduser() / inner for inner in ("speech_digits/recordings", "recordings")]
        place = next((place for place in places if place.is_dir()), None)
        if place is None:
            raise DataError(f"spoken digits are missing under DIFFUSION_DATA={folder}: expected the folder {places[0]}. "
                            "Unset DIFFUSION_DATA to download them instead")
        return of_folder(place, f"DIFFUSION_DATA={folder}")
    path = cache / "speech_digits" / f"v{TAG}.tar.gz"
    problem = None if path.is_file() else fetch_file(ADDRESS, path, SHA256, "spoken digits (16 MB)", contents_sha256)
    if problem is None:
        return of_tar(path.read_bytes(), "download")
    notice(f"The spoken digits are not at hand (DIFFUSION_DATA is not set; download: {problem}). Using the 60 recordings "
           "that the package brings, one of each digit and speaker: enough to listen to and to repair, but figures will differ "
           "from the book's.")
    return shipped()


__all__ = ["EMPHASIS", "GAIN", "LENGTH", "NO_DIGIT", "NO_SPEAKER", "SPEAKERS", "EmphasisCodec", "SpeechData", "load_speech",
           "speech_data", "to_network", "to_wave"]
