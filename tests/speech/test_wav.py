"""WAV files of every kind are read as what they are, and broken ones refused by name."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from diffusion_utils.data import DataError
from diffusion_utils.data.wav import read_wav, resampled, wav_bytes, write_wav

X = np.sin(np.arange(4000) * 0.3) * np.linspace(0, 0.9, 4000)


def by_scipy(x: np.ndarray, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    wavfile.write(out, rate, x)
    return out.getvalue()


def of_24_bits(x: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 3, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(int(round(v * 2**23)).to_bytes(3, "little", signed=True) for v in x))
    return out.getvalue()


@pytest.mark.parametrize(("content", "off"), [
    (by_scipy((X * 2**15).astype(np.int16)), 2**-15), (by_scipy((X * 2**7 + 128).astype(np.uint8)), 2**-7),
    (of_24_bits(X), 2**-23), (by_scipy((X * 2**31).astype(np.int32)), 2**-30), (by_scipy(X.astype(np.float32)), 1e-7),
    (by_scipy(X), 0)], ids=["16", "8", "24", "32", "float32", "float64"])
def test_every_kind_of_number_is_scaled_by_its_own_range(content, off):
    found, rate = read_wav(content)
    assert rate == 8000 and found.shape == (1, 4000) and np.abs(found[0] - X).max() <= off


def test_channels_stay_apart():
    found, rate = read_wav(by_scipy(np.stack([X, -X], 1), 44_100))
    assert rate == 44_100 and np.array_equal(found, [X, -X])


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "x.wav"
    write_wav(path, np.stack([X, X / 2]), 11_025)
    found, rate = read_wav(path)
    assert rate == 11_025 and np.abs(found - [X, X / 2]).max() <= 2**-16


def with_note(content: bytes) -> bytes:
    """A chunk that nobody knows, before the sound: as many programs write it."""
    at = content.index(b"data")
    return content[:at] + b"note" + struct.pack("<I", 4) + b"abcd" + content[at:]


def test_notes_in_a_file_are_no_mistake():
    assert np.array_equal(read_wav(with_note(by_scipy(X)))[0][0], X)


@pytest.mark.parametrize(("content", "says"), [
    (by_scipy(X)[:9000], "cut short"), (b"RIFX", "no WAV file"), (b"", "no WAV file"), (b"MP3" * 99, "no WAV file"),
    (by_scipy(np.zeros(0, np.int16)), "holds no sound"), (by_scipy(X, 40), "40 samples a second"),
    (by_scipy(np.where(X > 0.5, np.nan, X)), "NaN"), (by_scipy(X * 2**15), "divided by 32768")])
def test_broken_files_are_refused(content, says, tmp_path):
    """The last: integers written as floating point, which would be 90 dB too loud (pitfall 6)."""
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"broken.wav.*{says}"):
        read_wav(path)


@pytest.mark.parametrize("x", [X * 2, np.full(9, np.nan)])
def test_what_is_no_sound_is_not_written(x):
    with pytest.raises(ValueError, match="finite samples in −1…1"):
        wav_bytes(x, 8000)


def test_no_tone_is_folded_back_by_a_lower_rate():
    """6,000 Hz cannot be told at 8,000 samples a second. Every sixth sample of 48,000 would sing at 2,000 Hz instead."""
    seconds = np.arange(48_000) / 48_000
    high, low = np.sin(2 * np.pi * 6000 * seconds), np.sin(2 * np.pi * 1000 * seconds)
    middle = slice(500, -500)  # the ends are silence before and after
    assert np.abs(resampled(high, 48_000, 8000)[middle]).max() < 1e-3 < 0.9 < np.abs(high[::6]).max()
    wanted = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    assert np.abs(resampled(low, 48_000, 8000) - wanted)[middle].max() < 2e-3
    assert resampled(X, 8000, 8000) is X
    there_and_back = resampled(resampled(low, 48_000, 44_100), 44_100, 48_000)
    assert np.abs(there_and_back - low)[3000:-3000].max() < 2e-3
