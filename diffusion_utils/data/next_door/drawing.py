"""A digit as a picture of it at any place, between pixels, too, and also where a part of it is out of sight."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 32  # pixels of a picture
BOX = 20.0  # pixels that a digit and its margin become


def shares(centre: Tensor, cells: int) -> Tensor:
    """How much each of 32 pixels of an axis gets of each cell of a digit around `centre`: (…,) -> (…, 32, cells).

    A point of ink is shared by the two nearest pixels in proportion, which keeps its mass and its place: the weight of a pixel
    at distance u is 1 − |u|. A cell is a stretch of such points, so that its share is the integral over it,
    ½ + u − u·|u|/2 at its end less that at its beginning.
    """
    like = {"device": centre.device, "dtype": centre.dtype}
    ends = centre[..., None] + BOX * (torch.arange(cells + 1, **like) / cells - 0.5)
    u = (ends[..., None, :] - torch.arange(SIDE, **like)[:, None] - 0.5).clamp(-1, 1)
    return (0.5 + u - u * u.abs() / 2).diff(dim=-1)


def draw_frames(digits: Tensor, positions: Tensor) -> Tensor:
    """Ink 0…1, float32 (B, F, 1, 32, 32), of digits, uint8 (B, h, w), their centres of mass at the positions, (B, F, 2)."""
    ink = digits.float() / 255
    middle = positions.float() - BOX * off_centre(ink)[:, None]
    across, down = (shares(middle[..., axis], cells) for axis, cells in ((0, ink.shape[2]), (1, ink.shape[1])))
    return (down @ ink[:, None] @ across.transpose(-1, -2))[:, :, None]


def off_centre(ink: Tensor) -> Tensor:
    """How far the centre of mass of ink (B, h, w) lies from the middle, x and y, in sides of the whole: (B, 2)."""
    mass = ink.sum((1, 2)).clamp(min=1e-6)
    sides = [(ink.sum(axis) * (torch.arange(n, device=ink.device) + 0.5)).sum(-1) / mass / n - 0.5
             for axis, n in ((1, ink.shape[2]), (2, ink.shape[1]))]
    return torch.stack(sides, -1)
