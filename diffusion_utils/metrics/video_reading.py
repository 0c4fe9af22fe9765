"""What is in the frames of a video next door: how much of a digit, where it is, which one, and in whose hand.

Where it is follows from the ink alone; which digit, from the shipped classifier, which never saw a video.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..data.next_door import SIDE, NextDoor
from ..data.next_door.drawing import BOX, draw_frames
from .scenes import classify

FAINT = 0.1  # ink below it is none: what is left of noise would pull at the centre
TRACE, BODY = 2.0, 8.0  # pixels of ink from which a frame is not empty, and holds a digit
EDGE = 0.3  # pixels of ink in the last column, from which a digit is not wholly in sight
STYLES = 10


class Reading(NamedTuple):
    """mass: pixels of ink, (…,); centre: of it, x and y, (…, 2), NaN without ink; whole: whether a digit is wholly in sight"""

    mass: Tensor
    centre: Tensor
    whole: Tensor

    @property
    def empty(self) -> Tensor:
        """Whether nothing is to be seen."""
        return self.mass < TRACE


def read(frames: Tensor) -> Reading:
    """frames: (…, 1, 32, 32) in [−1, 1]. Raises ValueError for another shape."""
    if tuple(frames.shape[-3:]) != (1, SIDE, SIDE):
        raise ValueError(f"frames must be (…, 1, {SIDE}, {SIDE}), got {tuple(frames.shape)}")
    ink = inked(frames)[..., 0, :, :]
    mass, places = ink.sum((-1, -2)), torch.arange(SIDE) + 0.5
    centre = torch.stack([(ink.sum(-2) * places).sum(-1), (ink.sum(-1) * places).sum(-1)], -1) / mass[..., None]
    return Reading(mass, centre, (mass >= BODY) & (ink[..., -1].sum(-1) < EDGE))


def inked(frames: Tensor) -> Tensor:
    """Ink 0…1, float32 on the CPU, without what is faint."""
    ink = ((frames.cpu().float() + 1) / 2).clamp(0, 1)
    return torch.where(ink < FAINT, 0.0, ink)


def crops(frames: Tensor, centre: Tensor, side: int = 28) -> Tensor:
    """Digits as the classifier knows them, (N, 1, side, side) in [−1, 1], centred by mass.

    frames: (N, 1, 32, 32); centre: (N, 2). A digit was drawn 20 pixels high, and is enlarged by as much as it was made smaller.
    """
    step = BOX / side
    place = step * (torch.arange(side) + 0.5 - side / 2)
    x, y = (centre[:, axis, None].float() + place for axis in (0, 1))
    grid = torch.stack([x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], -1)
    ink = F.grid_sample(inked(frames), 2 * grid / SIDE - 1, mode="bicubic", align_corners=False)
    return 2 * ink.clamp(0, 1) - 1


def returned(reading: Reading) -> Tensor:
    """Of videos (B, N): the frames with a digit wholly in sight after a time of nothing, bool (B, N)."""
    return reading.whole & (reading.empty.cumsum(1) > 0)


def digits_in(frames: Tensor, reading: Reading, where: Tensor, device: str | None = None) -> np.ndarray:
    """The digit that most of these frames hold, int64 (B,), −1 for none: frames (B, N, 1, 32, 32), where bool (B, N)."""
    owner = where.nonzero()[:, 0].numpy()
    found = np.full(len(frames), -1)
    if len(owner):
        read_as = classify(crops(frames.cpu()[where], reading.centre[where]), device)
        counts = np.zeros((len(frames), 10), np.int64)
        np.add.at(counts, (owner, read_as), 1)
        found = np.where(counts.sum(1) > 0, counts.argmax(1), -1)
    return found


def own_style(frames: Tensor, reading: Reading, where: Tensor, data: NextDoor, rows: Tensor) -> Tensor:
    """Whether the digit in these frames resembles the one of the video more than nine others of its class: bool (B,).

    Where no frame is asked for, it does not.
    """
    right = torch.zeros(len(frames), dtype=torch.bool)
    labels = data.digits.labels.cpu()
    for i, row in enumerate(rows.tolist()):
        if not bool(where[i].any()):
            continue
        seen = crops(frames[i].cpu()[where[i]], reading.centre[i][where[i]]).mean(0)
        own = int(data.digit(torch.tensor([row])))
        alike = (labels == labels[own]).nonzero()[:, 0]
        first = int((alike == own).nonzero()[0, 0])
        others = alike.roll(-first)[:STYLES]  # its own, and the nine after it
        right[i] = int((portraits(data, others) - seen).square().sum((1, 2, 3)).argmin()) == 0
    return right


def portraits(data: NextDoor, digits: Tensor) -> Tensor:
    """These digits as `crops` would show them, (N, 1, side, side)."""
    middle = torch.full((len(digits), 1, 2), SIDE / 2)
    frames = 2 * draw_frames(data.digits.images.cpu()[digits, 0], middle)[:, 0] - 1
    return crops(frames, read(frames).centre)
