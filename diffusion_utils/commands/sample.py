"""Draw samples from a checkpoint and write them to a file."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch

from .. import checkpoints, conditions
from ..files import write_atomic
from ..generate import generate
from ..npy import ENDINGS, check_room, check_target, write_npy
from ..png import grid, is_picture, png
from .asked import condition_asked
from .like import draw_like
from .molecules import OF_MOLECULES, is_graph, sample_molecules
from .options import settings_of
from .speech import OF_SPEECH, is_speech, sample_speech
from .texts import is_text, sample_texts
from .videos import OF_VIDEOS, is_video, sample_videos


def sample(args: argparse.Namespace) -> None:
    """Write samples as the checkpoint draws them: (N, …), float32, or int64 for tokens."""
    if args.out is not None:
        check_target(args.out, ENDINGS | OF_MOLECULES | OF_SPEECH | OF_VIDEOS)  # before a checkpoint is so much as looked for
    if is_text(args.checkpoint):
        sample_texts(args)
        return
    if is_graph(args.checkpoint):
        sample_molecules(args)
        return
    if is_video(args.checkpoint):
        sample_videos(args)
        return
    if is_speech(args.checkpoint):
        sample_speech(args)
        return
    if args.voice is not None:
        raise ValueError(f"--voice belongs to speech, and {args.checkpoint} says nothing; speech-waveform does")
    out = None if args.out is None else check_target(args.out)
    if args.rings is not None or args.scaffold is not None:
        raise ValueError(f"--rings and --scaffold belong to molecules, and {args.checkpoint} draws none; qm9-graph does")
    if args.frames is not None or args.scheme is not None or args.given is not None:
        raise ValueError(f"--frames, --scheme and --given belong to videos, and {args.checkpoint} draws none; next-door-fdm "
                         "does")
    n = number_of(args, 64)
    if args.keep is not None:
        raise ValueError(f"--keep is how a text begins, and {args.checkpoint} writes none")
    if out is None:
        raise ValueError("--out is needed: the .npy file to write, or a .png file for pictures")
    check_room(out, n * bytes_of(args.checkpoint))
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    if out.suffix == ".txt" or (out.suffix == ".png" and not is_picture(*checkpoint.drawn)):
        raise ValueError(f"--out must end in .npy: {checkpoint.name} draws {checkpoint.drawn[0]}, and no "
                         f"{'text' if out.suffix == '.txt' else 'pictures'}")
    if args.like is not None:
        cond, x = None, draw_like(checkpoint, args, n)
    else:
        cond = condition_asked(checkpoint, args, n)
        x = generate(checkpoint, n, cond=cond, **settings_of(checkpoint, args, cond), progress=True)
    write_samples(out, x)
    if args.label == "all":
        write_npy(out.with_suffix(".labels.npy"), cond)
    if args.like_data:
        conditions.write(out.with_suffix(".cond.safetensors"), cond)
    print(f"{n} samples of {checkpoint.name} written to {out}")


def number_of(args: argparse.Namespace, usual: int) -> int:
    """How many samples are asked for."""
    n = usual if args.n is None else args.n
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    return n


def write_samples(out: Path, x: torch.Tensor) -> None:
    """All samples as numbers, or as pictures on a grid."""
    if out.suffix == ".png":
        write_atomic(out, png(grid(x)))
    else:
        write_npy(out, x)


def bytes_of(name: str) -> int:
    """Of one sample of a checkpoint, in float32, by its card: known before anything is loaded."""
    config = checkpoints.read_card(name).get("config", {})
    shapes = [made["shape"] for made in (config.get("sample"), config.get("codec")) if made and made.get("shape")]
    return 4 * max(map(math.prod, shapes)) if shapes else 4  # without it, `load` or `generate` will say what is missing
