"""Where the digit is: straight lines at constant speed, walls that reflect, and a fair coin at the wall that can be seen.

The centre of the digit's mass is (x, y), in pixels of the picture, x to the right and y down. It moves between x = 10, the
near wall, and x = 54, the far wall of the room next door, which is as wide as the picture, 32. Floor and ceiling are at y = 22
and y = 10.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...noise import mixed_seed

NEAR, FAR = 10.0, 54.0  # the walls, as the centre reaches them
CEILING, FLOOR = 10.0, 22.0
ACROSS, DOWN = 2.5, 1.5  # pixels a frame
ROUND = 2 * (FAR - NEAR) / ACROSS  # frames between two visits of the near wall: 35.2
COINS = 62  # tosses that a walk knows the outcome of: enough for 2,100 frames


def zigzag(path: Tensor, span: float) -> Tensor:
    """There and back between 0 and span, of the length of path walked so far: 0…span…0…"""
    path = path % (2 * span)
    return torch.minimum(path, 2 * span - path)


@dataclass(frozen=True, eq=False)
class Walks:
    """B walks. across, float64 (B,): the path at frame 0 since the near wall, 0…88 pixels; down, float64 (B,): since the
    ceiling, 0…24; coins, bool (B, 62): whether toss number k sends it down, else up.
    """

    across: Tensor
    down: Tensor
    coins: Tensor

    def tosses(self) -> Tensor:
        """When it is at the near wall, in frames from frame 0 on: float64 (B, 62)."""
        first = (-self.across % (2 * (FAR - NEAR))) / ACROSS
        return first[:, None] + ROUND * torch.arange(COINS, dtype=torch.float64)

    def positions(self, frames: Tensor) -> Tensor:
        """The centre at these frames, int64 (F,) or (B, F), up to number 2,100: float64 (B, F, 2)."""
        frames = frames.cpu().double().expand(len(self.across), -1)
        x = NEAR + zigzag(self.across[:, None] + ACROSS * frames, FAR - NEAR)
        since, path = self._legs(int(frames.max() // ROUND) + 1)
        leg = torch.searchsorted(since[:, 1:].contiguous(), frames.contiguous(), right=True)
        walked = DOWN * (frames - since.gather(1, leg))
        y = CEILING + zigzag(path.gather(1, leg) + walked, FLOOR - CEILING)
        return torch.stack([x, y], -1)

    def _legs(self, tosses: int) -> tuple[Tensor, Tensor]:
        """Of each leg between tosses, its first moment and the path there since the ceiling: (B, 1 + tosses) each."""
        times, span = self.tosses()[:, :tosses], FLOOR - CEILING
        since, path = [torch.zeros_like(self.across)], [self.down]
        for k in range(times.shape[1]):
            height = zigzag(path[-1] + DOWN * (times[:, k] - since[-1]), span)
            since.append(times[:, k])
            path.append(torch.where(self.coins[:, k], height, 2 * span - height))
        return torch.stack(since, 1), torch.stack(path, 1)

    def with_coin(self, toss: Tensor, down: bool) -> Walks:
        """The same walks, had the toss of this number, int64 (B,), come out so: the two legal futures."""
        coins = self.coins.clone()
        coins[torch.arange(len(coins)), toss] = down
        return replace(self, coins=coins)

    def next_toss(self, frame: Tensor) -> Tensor:
        """The number of the first toss after this frame, (B,): int64 (B,)."""
        return (self.tosses() <= frame[:, None]).sum(1)


def draw_walks(rows: Tensor, *seed: int) -> Walks:
    """Walks of these numbers, int64 (B,): everything equally likely, and each walk of (seed, its number) alone."""
    bits = torch.from_numpy(hashed(rows, *seed, 3).astype(np.int64))
    coins = (bits[:, None] >> torch.arange(COINS) & 1).bool()
    return Walks(2 * (FAR - NEAR) * uniform(rows, *seed, 1), 2 * (FLOOR - CEILING) * uniform(rows, *seed, 2), coins)


def uniform(rows: Tensor, *seed: int) -> Tensor:
    """A number in [0, 1) for each row, float64 (B,)."""
    return torch.from_numpy((hashed(rows, *seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def hashed(rows: Tensor, *seed: int) -> np.ndarray:
    """64 random bits for each row, uint64 (B,), which depend on (seed, row) alone: SplitMix64 at these places of its sequence
    (Steele, Lea & Flood 2014, figure 17)."""
    start, golden = np.uint64(mixed_seed(*seed)), np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):  # arithmetic modulo 2⁶⁴ is meant
        state = start + (rows.cpu().numpy().astype(np.uint64) + np.uint64(1)) * golden
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return state ^ state >> np.uint64(31)
