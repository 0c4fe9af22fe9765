"""The digit next door: videos of a real digit that walks out of the picture, through a room that nobody sees, and back.

At the wall that can be seen it tosses a fair coin, up or down. All else is exact, so that of every future it is known whether
it may be. A training video takes a training digit, a test video a test digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...checks import whole_number
from ...conditions import Condition
from ..mnist import ImageData, load_mnist
from .drawing import SIDE, draw_frames
from .walk import Walks, draw_walks, uniform

SEEDS = {"train": 0, "test": 1}
FRAMES = 60  # of a video
GIVEN = 5  # frames that `condition` tells: the first ones
COUNT = {"train": 240_000, "test": 2_000}


@dataclass(frozen=True, eq=False)
class NextDoor:
    """n videos, float32 (60, 1, 32, 32) in [−1, 1], drawn when they are asked for: none of them is kept.

    Video i depends on (seed, i) alone. digits: of the split; seed: of the split and its own.
    """

    digits: ImageData
    n: int
    seed: tuple[int, ...]
    shape = (FRAMES, 1, SIDE, SIDE)
    clip = (-1.0, 1.0)

    @property
    def name(self) -> str:
        split = next(split for split, number in SEEDS.items() if number == self.seed[0])
        return f"next-door-{split} ({self.n} videos, seed {self.seed[1]})"

    @property
    def source(self) -> str:
        return f"drawn with {self.digits.name} ({self.digits.source})"

    @property
    def sha256(self) -> str:
        """Of the digits; the rest follows from the seed."""
        return self.digits.sha256

    def __len__(self) -> int:
        return self.n

    def to(self, device: torch.device) -> NextDoor:
        """The same videos, drawn on the device."""
        return replace(self, digits=self.digits.to(device))

    def digit(self, rows: Tensor) -> Tensor:
        """Which of the digits walks in these videos: int64 (B,)."""
        return (uniform(rows, *self.seed, 0) * len(self.digits)).long()

    def labels(self, rows: Tensor) -> Tensor:
        """0…9, int64 (B,)."""
        return self.digits.labels[self.digit(rows).to(self.digits.labels.device)]

    def walks(self, rows: Tensor) -> Walks:
        """Where the digits are, on the CPU."""
        return draw_walks(rows, *self.seed)

    def frames(self, rows: Tensor, index: Tensor) -> Tensor:
        """Some frames of these videos, int64 (K,) or (B, K), also beyond the 60th: float32 (B, K, 1, 32, 32) in [−1, 1]."""
        return self.drawn(rows, self.walks(rows).positions(index.cpu()))

    def drawn(self, rows: Tensor, positions: Tensor) -> Tensor:
        """The digits of these videos at other positions, (B, K, 2), such as those of a legal future."""
        device = self.digits.images.device
        digits = self.digits.images[self.digit(rows).to(device), 0]
        return 2 * draw_frames(digits, positions.float().to(device)) - 1

    def x0(self, rows: Tensor) -> Tensor:
        """Whole videos, float32 (B, 60, 1, 32, 32)."""
        return self.frames(rows, torch.arange(FRAMES))

    def condition(self, rows: Tensor) -> Condition:
        """The first five frames: known, the videos with 0 where they are not seen; seen, bool (B, 60)."""
        seen = torch.arange(FRAMES, device=self.digits.images.device) < GIVEN
        known = torch.where(seen[:, None, None, None], self.x0(rows), 0.0)
        return {"known": known, "seen": seen.expand(len(rows), -1)}


def load_next_door(split: str = "train", n: int | None = None, seed: int = 0) -> NextDoor:
    """n videos of digits of that split, 'train' (240,000 by default) or 'test' (2,000).

    Raises ValueError for an unknown split and for n < 1, and what `load_mnist` does.
    """
    digits = load_mnist(split)
    return NextDoor(digits, COUNT[split] if n is None else whole_number("n", n, 1), (SEEDS[split], seed))


__all__ = ["FRAMES", "GIVEN", "SIDE", "NextDoor", "Walks", "load_next_door"]
