"""A SoundScrubber standing still: the picture that spectrum.js draws of the same bytes, and a file for a player."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from diffusion_utils.sound import active_rms, from_mu_law

# All as in spectrum.js and voice.js
WIDTH, SPECTRUM, WAVE, FOOT = 440, 160, 84, 16  # CSS pixels: across, and how high each part is
HEIGHT = SPECTRUM + WAVE + FOOT
FINE = 2  # pixels of the picture for each of them
FRAME, COLUMNS = 256, 256  # samples that a spectrum is taken of; spectra in a picture
SOFTEST, LOUDEST = -68.0, -14.0  # dB in one of 128 bands, for a sound of active RMS 1
COLOURS = np.array([[13, 17, 38], [64, 32, 110], [158, 46, 107], [232, 97, 63], [253, 190, 90], [252, 248, 205]], float)
GROUND, INK, MARKED = (13, 17, 38), (205, 222, 240), (110, 190, 255)
RMS, PEAK = 0.1, 0.7  # how loud all is played, and what no peak exceeds


def wave_of(settings: dict, sounds: bytes, frame: int) -> np.ndarray:
    """The sound of a frame, float64 (L,), as loud as it is played."""
    kind = np.uint8 if settings["bits"] == 8 else "<i2"
    clips = np.frombuffer(sounds, kind).reshape(-1, settings["length"])
    parts, weights = settings["parts"], settings["weights"]
    which = parts[frame % len(parts)]
    shares = [table[frame // len(parts)] for table in weights] or [1.0]
    mixed = sum(share * settings["peaks"][k] * decoded(clips[k]) for k, share in zip(which, shares, strict=True))
    return played(mixed)


def decoded(clip: np.ndarray) -> np.ndarray:
    """One clip, −1…1."""
    if clip.dtype == np.uint8:
        return from_mu_law(torch.from_numpy(clip.copy())).numpy().astype(float)
    return clip / 32767


def played(x: np.ndarray) -> np.ndarray:
    """The sound at an active RMS of 0.1, or softer where a peak would exceed 0.7."""
    rms, peak = float(active_rms(torch.from_numpy(x))), np.abs(x).max()
    return x * min(RMS / rms, PEAK / peak) if rms > 0 else x


def spectrum_levels(x: np.ndarray) -> np.ndarray:
    """dB in each of 128 bands, the highest first, and in each of 256 moments: (128, 256)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    padded = np.pad(x / RMS, FRAME)
    centres = FRAME + ((np.arange(COLUMNS) + 0.5) * len(x) / COLUMNS).astype(int)
    frames = padded[centres[:, None] + np.arange(-FRAME // 2, FRAME // 2)]
    power = np.abs(np.fft.rfft(frames * window)) ** 2 / (FRAME * 3 / 8 * FRAME / 2)
    return 10 * np.log10(power[:, :FRAME // 2].T[::-1] + 1e-12)


def coloured(levels: np.ndarray) -> np.ndarray:
    """Levels in dB as colours from dark to bright, uint8 (…, 3)."""
    place = ((levels - SOFTEST) / (LOUDEST - SOFTEST)).clip(0, 1) * (len(COLOURS) - 1)
    k = np.minimum(place.astype(int), len(COLOURS) - 2)
    share = (place - k)[..., None]
    return np.rint(COLOURS[k] + share * (COLOURS[k + 1] - COLOURS[k])).astype(np.uint8)


def sound_picture(x: np.ndarray, mark: tuple[int, int], rate: int) -> np.ndarray:
    """Spectrum above, wave below: uint8 (FINE·HEIGHT, FINE·WIDTH, 3)."""
    picture = Image.new("RGB", (FINE * WIDTH, FINE * HEIGHT), GROUND)
    spectrum = Image.fromarray(coloured(spectrum_levels(x)))
    picture.paste(spectrum.resize((FINE * WIDTH, FINE * SPECTRUM), Image.Resampling.BILINEAR), (0, 0))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11 * FINE)
    middle, across = FINE * (SPECTRUM + WAVE / 2), FINE * WIDTH / len(x)
    heights = middle - FINE * x / PEAK * WAVE / 2
    pen.line(list(zip(np.arange(len(x)) * across, heights, strict=True)), fill=INK, width=FINE)
    for place in set(mark) if mark[1] > mark[0] else ():
        pen.line([(place * across, 0), (place * across, FINE * (SPECTRUM + WAVE))], fill=MARKED, width=FINE)
    for text, left, top, anchor in ((f"{rate / 2000:g} kHz", 4, 3, "lt"), ("0 kHz", 4, SPECTRUM - 4, "lb"),
                                    ("0 s", 4, HEIGHT - 4, "lb"), (f"{len(x) / rate:.2f} s", WIDTH - 4, HEIGHT - 4, "rb")):
        pen.text((FINE * left, FINE * top), text, fill=INK, font=font, anchor=anchor, stroke_width=FINE, stroke_fill=GROUND)
    return np.asarray(picture)


def wav_address(x: np.ndarray, rate: int) -> str:
    """A WAV file, 8 bits a sample, in an address."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(rate)
        out.writeframes((np.rint(127 * x.clip(-1, 1)) + 128).astype(np.uint8).tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()
