"""Draw videos from a checkpoint, as a film or as numbers: of any length, by any scheme, going on with what is given."""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data import load_data
from ..errors import unknown_name
from ..files import write_atomic
from ..gif import gif
from ..npy import check_room, check_target, write_npy
from ..video import loop, sample_video, scheme_named
from .options import option, settings_of

OF_VIDEOS = {".gif": " for videos", ".npy": " for numbers"}
USUAL, MOST_FRAMES = "hierarchy-2", 1000
GIVEN = ("none", "first", "five", "ends", "loop")  # or numbers of frames, such as 0-4,30


def is_video(name: str) -> bool:
    """Whether a checkpoint draws videos."""
    return checkpoints.read_card(name).get("config", {}).get("kind") == "video"


def sample_videos(args: argparse.Namespace) -> None:
    """Write videos to the file asked for. What is given of them are frames of test videos."""
    n, scheme = 4 if args.n is None else args.n, scheme_named(args.scheme or USUAL)
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    idle = [name for name in ("label", "prompt", "like_data", "keep", "rings", "scaffold") if getattr(args, name)]
    if idle:
        raise ValueError(f"{option(idle[0])} says nothing to {args.checkpoint}, which draws videos: it has --frames, --scheme "
                         "and --given")
    if args.out is None:
        raise ValueError("--out is needed: the .gif file to look at, or an .npy file for numbers")
    out = check_target(args.out, OF_VIDEOS)
    usual, *picture = checkpoints.read_card(args.checkpoint)["config"]["sample"]["shape"]
    length = usual if args.frames is None else args.frames
    if not 1 <= length <= MOST_FRAMES:
        raise ValueError(f"--frames must lie in 1…{MOST_FRAMES}, got {length}")
    check_room(out, 4 * n * length * math.prod(picture))
    given = frames_given(args.given or "none", length)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    how = settings_of(checkpoint, args, None)
    known, given = what_is_known(checkpoint, n, length, given, is_loop=args.given == "loop")
    changes = {name: value for name, value in how.items() if name not in ("weight", "seed", "batch")}
    sampler = checkpoint.sampler.changed(**changes)
    x = sample_video(checkpoint.denoiser, checkpoint.schedule, known, given, scheme, sampler, seed=how["seed"],
                     batch=min(how["batch"], 50), device=checkpoint.device, progress=True)
    if out.suffix == ".gif":
        write_atomic(out, gif(x))
    else:
        write_npy(out, x)
    print(f"{n} videos of {length} frames by {checkpoint.name}, {args.scheme or USUAL}, written to {out}")


def frames_given(text: str, length: int) -> list[int]:
    """The numbers of the frames that --given names. Raises ValueError for others than 0…length − 1, or an unknown word."""
    words = {"none": [], "first": [0], "five": list(range(5)), "ends": [0, length - 1], "loop": [0, length - 1]}
    if text in words:
        frames = words[text]
    else:
        try:
            parts = [[int(end) for end in part.split("-")] for part in text.split(",")]
            frames = [frame for part in parts for frame in range(part[0], part[-1] + 1)]
        except ValueError:
            raise unknown_name("choice of given frames (or numbers, such as 0-4,30)", text, GIVEN) from None
    if not all(0 <= frame < length for frame in frames):
        raise ValueError(f"--given must name frames of 0…{length - 1}, got {text}")
    return sorted(set(frames))


def what_is_known(checkpoint: Checkpoint, n: int, length: int, given: list[int], is_loop: bool) -> tuple[Tensor, list[int]]:
    """Test videos of which these frames are given; in a loop the last frame is the first one."""
    if not given:
        return torch.zeros(n, length, *checkpoint.shape[1:]), given
    data = load_data(checkpoint.card["config"]["data"], "test")
    rows = torch.arange(n) % len(data)
    if is_loop:
        return loop(data.frames(rows, torch.tensor([0]))[:, 0], length)
    known = torch.zeros(n, length, *checkpoint.shape[1:])
    known[:, given] = data.frames(rows, torch.tensor(given))
    return known, given
