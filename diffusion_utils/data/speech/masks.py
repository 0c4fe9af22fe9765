"""What is known of a wave: float32 (B, 1, L), 1 where a sample is known and 0 where it is missing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...checks import whole_number
from ...sound import RATE

KINDS = {"gap": 0.6, "beginning": 0.15, "clipped": 0.25}  # of the masks that a network learns from
SHORTEST, LONGEST = 0.005, 0.2  # s of a gap
LOWEST, HIGHEST = 0.5, 3.0  # active RMS at which a wave is clipped


def gap(length: int, start: int, samples: int) -> Tensor:
    """So many samples from `start` on are missing: (length,)."""
    samples = whole_number("samples", samples, 1, length)
    start = whole_number("start", start, 0, length - samples)
    mask = torch.ones(length)
    mask[start:start + samples] = 0
    return mask


def draw_masks(waves: Tensor, generator: torch.Generator) -> Tensor:
    """One mask for each wave (B, 1, L) of active RMS 1: a gap of 5…200 ms in the word, all but the beginning of it, or what
    lies beyond a level, as in a recording that was too loud. Drawn on the CPU; of what is silent a gap is missing."""
    masks = []
    for wave in waves[:, 0]:
        kind = list(KINDS)[int(torch.multinomial(torch.tensor(list(KINDS.values())), 1, generator=generator))]
        u, v = torch.rand(2, generator=generator).tolist()
        spoken = (wave != 0).nonzero()[:, 0]
        begin, end = (int(spoken[0]), int(spoken[-1]) + 1) if len(spoken) else (0, len(wave))
        level = LOWEST * (HIGHEST / LOWEST) ** u
        if kind == "clipped" and bool((wave.abs() > level).any()):
            masks.append((wave.abs() <= level).float().cpu())
        elif kind == "beginning":
            kept = begin + int((0.1 + 0.8 * u) * (end - begin))
            masks.append(gap(len(wave), kept, len(wave) - kept))
        else:
            samples = min(int(RATE * SHORTEST * math.exp(u * math.log(LONGEST / SHORTEST))), len(wave))
            start = int(begin + v * (end - begin) - samples / 2)
            masks.append(gap(len(wave), min(max(start, 0), len(wave) - samples), samples))
    return torch.stack(masks)[:, None].to(waves.device)


def seen_through(mask: Tensor) -> Tensor:
    """Which numbers of the *emphasised* wave are known: y_n needs both x_n and x_(n−1). Before the wave there is silence."""
    before = torch.cat([torch.ones_like(mask[..., :1]), mask[..., :-1]], -1)
    return mask * before
