"""How good are videos next door? Errors in pixels, who comes back, and two Fréchet distances: of frames, and of the way.

Sources: Ge et al. 2024 (a distance of video features may prefer ruined motion); Liu et al. 2024 (a distance of motion alone).
All figures are of arrays of numbers, never of compressed films, and say whether given frames are counted: they are not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import checkpoints
from ..data.next_door import FRAMES, GIVEN, NextDoor, load_next_door
from .frechet import feature_statistics, features_of, frechet_distance
from .scenes import JUDGE
from .video_reading import crops, digits_in, own_style, read, returned

WINDOW = 16  # frames of a way
IN_SIGHT = 22.0  # a digit whose centre lies left of it is wholly in the picture
DOOR = (32.0, 16.0)  # where nobody is to be seen


# --- What is asked of a video


def short_forecasts(data: NextDoor, rows: Tensor, frames: int = 10) -> tuple[Tensor, Tensor]:
    """Frames (B, 10, 1, 32, 32) that end just before the coin is tossed, and where the digit is in each, (B, 10, 2)."""
    walks = data.walks(rows)
    times = walks.tosses()
    toss = walks.next_toss(torch.full((len(rows),), frames - 1.0))
    last = times.gather(1, toss[:, None]).floor().long()
    index = last + torch.arange(1 - frames, 1)
    return data.frames(rows, index), walks.positions(index)


def long_videos(data: NextDoor, rows: Tensor, length: int = FRAMES) -> tuple[Tensor, Tensor]:
    """Videos (B, length, 1, 32, 32) that begin at the wall, with the digit on its way to the door, and where it is."""
    walks = data.walks(rows)
    first = walks.tosses()[:, :1].floor().long() + 1
    index = first + torch.arange(length)
    return data.frames(rows, index), walks.positions(index)


# --- How well it was answered


def forecast_errors(x: Tensor, truth: Tensor) -> Tensor:
    """Pixels between the digit and where it should be, (B, F): NaN where it should not be wholly in sight, and infinite
    where it should and is not. x: (B, F, 1, 32, 32); truth: (B, F, 2)."""
    reading = read(x)
    off = (reading.centre - truth).norm(dim=-1)
    off = torch.where(reading.whole, off, torch.inf)
    return torch.where(truth[..., 0] <= IN_SIGHT, off, torch.nan)


def memory(x: Tensor, real: Tensor, data: NextDoor, rows: Tensor, device: str | None = None) -> dict:
    """Who comes back, and when, of videos of `long_videos` that were given their first frames, beside the real ones.

    x, real: (B, N, 1, 32, 32). Shares are of all videos: who does not come back is not the same.
    """
    reading, truth = read(x), read(real)
    back = returned(reading)
    same = digits_in(x, reading, back, device) == data.labels(rows).cpu().numpy()
    first, true_first = (_first_return(one) for one in (reading, truth))
    return {"n": len(x), "identity": float(same.mean()), "returns": float(back.any(1).float().mean()),
            "own_style": float(own_style(x, reading, back, data, rows).float().mean()),
            "return_error_frames": float((first - true_first).abs().median())}


def _first_return(reading) -> Tensor:
    """The first frame with something in it after a time of nothing, float (B,); infinite where there is none."""
    back = ~reading.empty & (reading.empty.cumsum(1) > 0)
    return torch.where(back.any(1), back.float().argmax(1).float(), torch.inf)


# --- Distances


def ways(x: Tensor, first: int = GIVEN) -> Tensor:
    """Where the digit is in each 16 frames in a row, x and y, from frame `first` on: (B, N, 1, 32, 32) -> (W, 32).

    The less there is of it, the nearer to the door: so nothing jumps when it leaves.
    """
    reading = read(x)
    door = torch.tensor(DOOR)
    there = (reading.mass / 10).clamp(max=1)[..., None]
    place = door + there * (reading.centre.nan_to_num(nan=0.0) - door)
    windows = place[:, first:].unfold(1, WINDOW, WINDOW)  # (B, windows, 2, 16)
    return windows.flatten(0, 1).flatten(1)


def looks(x: Tensor, device: str | None = None) -> Tensor:
    """Features of the digits that are wholly in sight, each cut out of its frame: (…, 1, 32, 32) -> (M, 128)."""
    reading, judge = read(x), checkpoints.load(JUDGE, device).net
    found = crops(x.cpu()[reading.whole], reading.centre[reading.whole])
    return features_of(judge, found)[0] if len(found) else torch.zeros(0, 128)


def distance(one: Tensor, other: Tensor) -> float | None:
    """Fréchet distance of two sets of rows; None where one has fewer than two."""
    if min(len(one), len(other)) < 2:
        return None
    return frechet_distance(*feature_statistics(one), *feature_statistics(other))


def distances(x: Tensor, real: Tensor, device: str | None = None, first: int = GIVEN) -> dict:
    """Of frames and of ways, to those of real videos; given frames, those before `first`, are not counted."""
    return {"fd_of_frames": distance(looks(x[:, first:], device), looks(real[:, first:], device)),
            "fd_of_ways": distance(ways(x, first), ways(real, first)), "frames_counted": f"{first}…"}


def shuffled(x: Tensor, first: int = GIVEN) -> Tensor:
    """The same frames in another order, in each video another one: a control that no distance of frames can notice."""
    generator, x = torch.Generator().manual_seed(0), x.clone()
    for video in x:
        video[first:] = video[first:][torch.randperm(len(video) - first, generator=generator)]
    return x


def evaluate(x: Tensor, cond: dict[str, Tensor] | None = None, calls: int | None = None, device: str | None = None) -> dict:
    """Distances of videos (N, 60, 1, 32, 32) to those of training digits, with those of real test videos, which no model can
    better, and of shuffled frames; calls: of one call of the scheme.

    cond: what was given, as `sample --like-data` writes it. Raises ValueError for another shape.
    """
    if x.ndim != 5 or len(x) < 2 or tuple(x.shape[1:]) != NextDoor.shape:
        raise ValueError(f"videos must be (N ≥ 2, {', '.join(map(str, NextDoor.shape))}), got {tuple(x.shape)}")
    rows = torch.arange(len(x))
    train, test = load_next_door("train").x0(rows + 10_000), load_next_door("test").x0(rows)
    return {"n": len(x), "calls": calls} | distances(x, train, device) | {
        "floor_test": distances(test, train, device), "shuffled": distances(shuffled(x), train, device),
        "given": None if cond is None else int(cond["seen"][0].sum())}
