"""Repair a WAV file: fill a gap, or mend what was cut off because the recording was too loud."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data import DataError
from ..data.wav import read_wav, resampled, write_wav
from ..npy import check_target
from ..sound import RATE, active_rms
from ..speech import fill_waves, gaps
from .impute import windows
from .speech import is_speech, labels_asked, told

LONGEST = 0.3  # s of a gap
CLIPPED, FEWEST = 0.999, 4  # of the peak: from where on two neighbours count as cut off; and how many there must be
UNSURE = 16  # samples at 8,000 a second on each side of a gap that a filter of another rate has mixed with it


def repair(args: argparse.Namespace) -> None:
    """Write the file with what is missing filled in; all other samples are as they were."""
    out = check_target(args.out, {".wav": ""})
    if (args.gap is None) == (not args.clipped):
        raise ValueError("say what is to be repaired: --gap START:END, in seconds, or --clipped")
    if not is_speech(args.checkpoint):
        raise ValueError(f"{args.checkpoint} knows no speech; speech-waveform does")
    x, rate = read_wav(args.file)
    missing = clipped(args.file, x) if args.clipped else gaps_asked(args.gap, x, rate)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    labels = told(checkpoint, labels_asked(checkpoint, args.label, args.voice, 1), 1)
    changes = {} if args.steps is None else {"steps": args.steps}
    found = np.stack([repaired(checkpoint, wave, gone, rate, labels, args.seed or 0, **changes) if gone.any() else wave
                      for wave, gone in zip(x, missing, strict=True)])
    if args.clipped:
        found = np.where(missing, np.sign(x) * np.maximum(found * np.sign(x), np.abs(x)), x)
    softer = max(1.0, float(np.abs(found).max()))
    write_wav(out, found / softer, rate)
    if rate != RATE:
        print(f"{args.file} has {rate:,} samples a second and the network {RATE:,}: what is filled in has nothing above "
              f"{RATE // 2:,} Hz")
    if softer > 1:
        print(f"the whole file is {20 * np.log10(softer):.1f} dB softer: what was cut off reaches higher than a file can hold")
    print(f"{int(missing.sum()):,} samples in {len(x)} {'channel' if len(x) == 1 else 'channels'} filled in, written to {out}")


def gaps_asked(asked: list[str], x: np.ndarray, rate: int) -> np.ndarray:
    """What is missing by gaps such as 0.30:0.35, in seconds: bool (channels, L). Raises ValueError for what is no gap."""
    missing, seconds = np.zeros(x.shape, bool), x.shape[1] / rate
    for gap in asked:
        try:
            start, end = (float(part) for part in gap.split(":"))
        except ValueError:
            raise ValueError(f"--gap must be START:END in seconds, such as 0.30:0.35, got {gap!r}") from None
        if not 0 <= start < end <= seconds:
            raise ValueError(f"--gap {gap} must lie within the {seconds:.3f} s of the file, and end after it begins")
        if end - start > LONGEST + 1e-9:
            raise ValueError(f"--gap {gap} is longer than {LONGEST} s, of which nobody knows what was said")
        missing[:, round(start * rate):max(round(end * rate), round(start * rate) + 1)] = True
    if missing.all():
        raise ValueError("nothing is left of the file but gaps")
    return missing


def clipped(file: str, x: np.ndarray) -> np.ndarray:
    """The flat tops of each channel, two samples or more at its peak: bool (channels, L). Raises DataError for none."""
    peak = np.abs(x).max(1, keepdims=True)
    at_peak = np.pad((np.abs(x) >= CLIPPED * peak) & (peak > 0), ((0, 0), (1, 1)))
    missing = at_peak[:, 1:-1] & (at_peak[:, :-2] | at_peak[:, 2:])
    if missing.sum(1).max() < FEWEST:
        raise DataError(f"nothing in {file} is clipped: it has no flat tops")
    missing[missing.sum(1) < FEWEST] = False
    return missing


def repaired(checkpoint: Checkpoint, wave: np.ndarray, missing: np.ndarray, rate: int, labels: dict | None, seed: int,
             **changes) -> np.ndarray:
    """One channel (L,) with what is missing filled in, window by window; each is told what was filled in before."""
    known = np.interp(np.arange(len(wave)), np.flatnonzero(~missing), wave[~missing])  # so that no edge rings in the filter
    length, own = checkpoint.shape[-1], resampled(known, rate, RATE)
    there = np.ones(len(own))
    wide = 0 if rate == RATE else UNSURE
    for start, stop in gaps(torch.from_numpy(~missing)):
        there[max(0, start * RATE // rate - wide):-(-stop * RATE // rate) + wide] = 0
    n = len(own)
    own, there = (np.pad(part, (0, max(0, length - n)), constant_values=value) for part, value in ((own, 0), (there, 1)))
    for start, keep in places(there, length):
        part = slice(start, start + length)
        own[keep.start:keep.stop] = filled(checkpoint, own[part], there[part], labels, seed + start,
                                           **changes)[keep.start - start:keep.stop - start]
        there[keep.start:keep.stop] = 1
    return joined_in(wave, missing, resampled(own[:n], RATE, rate), 0 if rate == RATE else rate // 500)


def places(there: np.ndarray, length: int) -> Iterator[tuple[int, range]]:
    """Windows in which something is missing, and what is kept of each: one alone around it, where it fits into its middle."""
    gone = np.flatnonzero(there == 0)
    first, last = int(gone[0]), int(gone[-1]) + 1
    if last - first <= length // 2:
        start = min(max(0, (first + last - length) // 2), len(there) - length)
        yield start, range(start, start + length)
        return
    for start, keep in windows(len(there), length):
        if (there[keep.start:keep.stop] == 0).any():
            yield start, keep


def filled(checkpoint: Checkpoint, wave: np.ndarray, there: np.ndarray, labels: dict | None, seed: int,
           **changes) -> np.ndarray:
    """One window, as loud as it was. Where all that is known is silence, silence it stays."""
    middle = wave[there == 1].mean() if there.any() else 0.0
    level = float(active_rms(torch.from_numpy((wave - middle) * there)))
    if level < 1e-5:  # −100 dB
        return wave
    x = torch.from_numpy((wave - middle) / level).float()[None]
    weight = checkpoint.card["config"].get("guidance", 1.0) if labels else 1.0
    found = fill_waves(checkpoint, x, torch.from_numpy(there), 1, labels=labels, weight=weight, seed=seed, **changes)
    return np.where(there == 1, wave, found[0, 0].double().numpy() * level + middle)


def joined_in(wave: np.ndarray, missing: np.ndarray, found: np.ndarray, fade: int) -> np.ndarray:
    """The wave with `found` where it is missing. Another rate lacks high tones: a fade of so many samples hides the steps."""
    out, found = wave.copy(), found[:len(wave)]
    for start, stop in gaps(torch.from_numpy(~missing)):
        part, n = found[start:stop].copy(), min(fade, stop - start)
        if start and n:
            part[:n] += (wave[start - 1] - found[start - 1]) * np.linspace(1, 0, n)
        if stop < len(wave) and n:
            part[-n:] += (wave[stop] - found[stop]) * np.linspace(0, 1, n)
        out[start:stop] = part
    return out
