"""Say digits in somebody's voice, and write them to a WAV file."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data.wav import write_wav
from ..errors import unknown_name
from ..generate import generate
from ..npy import check_target, write_npy
from ..sound import RATE, at_loudness, to_play
from .options import integer, option, settings_of

OF_SPEECH = {".wav": " to be listened to", ".npy": " for numbers"}
DIGITS = 10


def is_speech(name: str) -> bool:
    """Whether the card of a checkpoint has voices."""
    return checkpoints.read_card(name).get("config", {}).get("voices") is not None


def labels_asked(checkpoint: Checkpoint, label: str | None, voice: str | None, n: int) -> dict[str, Tensor] | None:
    """Digit and speaker of n waves; 'all' for one after the other. None where neither is asked for.

    Raises ValueError for a digit that is none, and for a voice that nobody knows, with the nearest.
    """
    voices, found = checkpoint.card["config"]["voices"], {}
    if label is not None:
        digit = torch.arange(n) % DIGITS if label == "all" else torch.full((n,), integer("--label", label))
        if not 0 <= int(digit.min()) <= int(digit.max()) < DIGITS:
            raise ValueError(f"--label must be a digit, 0…9, or 'all', got {label}")
        found["digit"] = digit
    if voice is not None:
        if voice != "all" and voice not in voices:
            raise unknown_name("voice", voice, [*voices, "all"])
        turn = DIGITS if label == "all" else 1
        found["speaker"] = torch.arange(n) // turn % len(voices) if voice == "all" else torch.full((n,), voices.index(voice))
    return found or None


def told(checkpoint: Checkpoint, labels: dict[str, Tensor] | None, n: int) -> dict[str, Tensor] | None:
    """Both labels, of which one that is not asked for is "not told"."""
    if labels is None:
        return None
    nothing = {"digit": DIGITS, "speaker": len(checkpoint.card["config"]["voices"])}
    return {name: labels.get(name, torch.full((n,), number)) for name, number in nothing.items()}


def sample_speech(args: argparse.Namespace) -> None:
    """Write words, one after the other, to a WAV file; or their samples to an .npy file."""
    idle = [name for name in ("prompt", "like_data", "keep", "rings", "scaffold") if getattr(args, name)]
    if idle:
        raise ValueError(f"{option(idle[0])} does nothing here: {args.checkpoint} says digits: give --label and --voice")
    n = 4 if args.n is None else args.n
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    if args.out is None:
        raise ValueError("--out is needed: the .wav file to write, or an .npy file for numbers")
    out = check_target(args.out, OF_SPEECH)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    cond = told(checkpoint, labels_asked(checkpoint, args.label, args.voice, n), n)
    x = generate(checkpoint, n, cond=cond, **settings_of(checkpoint, args, cond), progress=True)
    write_words(out, x)
    print(f"{n} {'word' if n == 1 else 'words'} of {checkpoint.name} written to {out}")


def write_words(out: Path, x: Tensor) -> None:
    """Waves (N, 1, L), equally loud and one after the other; or as numbers."""
    if out.suffix == ".npy":
        write_npy(out, x)
    else:
        write_wav(out, to_play(at_loudness(x[:, 0])).flatten().numpy(), RATE)
