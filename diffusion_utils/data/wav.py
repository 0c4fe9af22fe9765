"""WAV files, read and written: 8, 16, 24 or 32 bits a sample, or floating point, of any rate."""

from __future__ import annotations

import io
import warnings
from math import gcd
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from ..files import write_atomic
from .mnist import DataError

RATES = 1000, 768_000  # samples a second that a file may have
FULL = {np.dtype(np.uint8): 2.0**7, np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}  # where a sample is cut off
LOUDEST = 16.0  # of a file in floating point: beyond it the numbers are hardly of a wave in −1…1


def read_wav(content: str | Path | bytes) -> tuple[np.ndarray, int]:
    """The waves in a WAV file, float64 (channels, L), and samples a second.

    Integers become −1…1, each by its own number of bits; floating point is taken as it is. Raises OSError for a file that
    cannot be read, DataError for one that is no WAV file, is cut short or empty, or holds NaN or numbers far outside −1…1.
    """
    what, content = ("the file", content) if isinstance(content, bytes) else (content, Path(content).read_bytes())
    if content[:4] == b"RIFF" and int.from_bytes(content[4:8], "little") > len(content) - 8:
        raise DataError(f"{what} is cut short: it says that more follows than there is")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            rate, x = wavfile.read(io.BytesIO(content))
    except Exception as error:  # of what is broken in its own way, SciPy says all kinds of things
        raise DataError(f"{what} is no WAV file that can be read: {error}") from error
    if any("EOF" in str(one.message) for one in told):
        raise DataError(f"{what} is cut short: it says that more follows than there is")
    if x.size == 0:
        raise DataError(f"{what} holds no sound")
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(f"{what} has {rate} samples a second; {RATES[0]}…{RATES[1]} can be read")
    return _scaled(what, np.atleast_2d(x.T)), rate


def _scaled(what: str | Path, x: np.ndarray) -> np.ndarray:
    """Numbers of a file as float64, full scale at ±1."""
    if x.dtype.kind == "f":
        if not np.isfinite(x).all():
            raise DataError(f"{what} holds NaN or infinity")
        if np.abs(x).max() > LOUDEST:
            raise DataError(f"{what} holds numbers up to {np.abs(x).max():.3g}; floating point in a WAV file lies in −1…1. "
                            "Integers that were written as floating point are to be divided by 32768")
        return x.astype(np.float64)
    if x.dtype not in FULL:
        raise DataError(f"{what} holds {x.dtype}; 8, 16, 24 or 32 bits, or floating point, can be read")
    full = FULL[x.dtype]  # 24 bits come as the upper ones of 32
    return (x.astype(np.float64) - (full if x.dtype == np.uint8 else 0)) / full


def resampled(x: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Waves (…, L) of another rate. What is above half of the lower rate is filtered out first: left in, it would come back as
    tones that were never there."""
    if rate == wanted:
        return x
    common = gcd(rate, wanted)
    return resample_poly(x, wanted // common, rate // common, axis=-1)


def wav_bytes(x: np.ndarray, rate: int) -> bytes:
    """Waves (channels, L) or (L,) in −1…1 as a WAV file of 16 bits. Raises ValueError for NaN, and for samples outside."""
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all() or np.abs(x).max(initial=0) > 1:
        raise ValueError(f"a WAV file holds finite samples in −1…1, got up to {np.abs(x).max():.3g}")
    out = io.BytesIO()
    wavfile.write(out, rate, np.clip(np.round(x.T * 2**15), -2**15, 2**15 - 1).astype(np.int16))
    return out.getvalue()


def write_wav(path: str | Path, x: np.ndarray, rate: int) -> None:
    """Write `wav_bytes`, whole or not at all."""
    write_atomic(path, wav_bytes(x, rate))
