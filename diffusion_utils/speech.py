"""Waves from a checkpoint: a digit in somebody's voice, and what is missing of a wave.

The network sees emphasised waves (`data.speech.to_network`). What is known of a wave stays as it is to the bit, and what is
drawn is joined to it at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .conditions import Condition, each
from .data.speech import EMPHASIS, GAIN, to_network
from .data.speech.masks import seen_through
from .drawing import in_batches
from .guidance import check_weight, guided, observed
from .sampling import Sampler, State, sample
from .sound import deemphasised

if TYPE_CHECKING:
    from .checkpoints import Checkpoint

LABELS = ("digit", "speaker")


def draw_speech(checkpoint: Checkpoint, n: int, sampler: Sampler, *, cond: Condition = None, weight: float | Tensor = 1.0,
                seed: int = 0, batch: int = 250, progress: bool = False) -> Tensor:
    """n emphasised waves, float32 (n, 1, L) on the CPU. One of `drawing.KINDS`.

    cond: a dictionary of any of digit and speaker, int64 (n,), and of known and mask, (n, 1, L), emphasised as well; None for
    anything. weight: of the guidance to the labels. Sample i depends on (seed, i) and its own condition.
    """
    check_weight(weight)
    device, schedule = checkpoint.device, checkpoint.schedule

    def walk_of(rows: range) -> Iterator[State]:
        told = each(lambda entry: entry[rows.start:rows.stop].to(device), cond) or {}
        labels = {name: told[name] for name in LABELS if name in told} or None
        denoiser = checkpoint.denoiser
        if "mask" in told:
            denoiser = observed(denoiser, schedule, told["known"], told["mask"])
        own = torch.as_tensor(weight)
        steered = guided(denoiser, schedule, own[rows.start:rows.stop] if own.ndim else weight)
        return sample(steered, schedule, (len(rows), *checkpoint.shape), sampler, cond=labels, seed=seed, indices=rows,
                      device=device)

    return in_batches(walk_of, n, batch, device, sampler.steps if progress else None).float()


def fill_waves(checkpoint: Checkpoint, waves: Tensor, mask: Tensor, n: int = 1, *, labels: dict[str, Tensor] | None = None,
               weight: float = 1.0, seed: int = 0, batch: int = 250, progress: bool = False, **changes) -> Tensor:
    """n ways in which what is missing of each wave may go: (B, n, L) on the CPU, equal to the wave wherever that is known.

    waves: float (B, L) of active RMS 1, finite; what they are where the mask is 0 does not matter; mask: (B, L) or (L,), 1
    where known; labels: digit and speaker, int64 (B,), where they are known; changes: settings of the sampler, such as steps.
    Raises ValueError for waves of another length than the checkpoint's, or that are not finite.
    """
    length = checkpoint.shape[-1]
    waves, mask = torch.as_tensor(waves).float().cpu(), torch.as_tensor(mask).float().cpu()
    if waves.ndim != 2 or waves.shape[1] != length or not bool(waves.isfinite().all()):
        raise ValueError(f"waves must be finite, (B, {length}), got {tuple(waves.shape)}")
    mask = mask.expand_as(waves)
    seen = seen_through(mask)
    cond = {"known": (seen * to_network(mask * waves))[:, None], "mask": seen[:, None]} | (labels or {})
    many = each(lambda entry: entry.repeat_interleave(n, 0), cond)
    sampler = checkpoint.sampler.changed(**changes)
    y = checkpoint.kind.draw(checkpoint, n * len(waves), sampler, cond=many, weight=weight, seed=seed, batch=batch,
                             progress=progress)
    y = y[:, 0].cpu().double() / GAIN
    joined_to = [joined(y[i], waves[i // n], mask[i // n]) for i in range(len(y))]
    return torch.stack(joined_to).unflatten(0, (len(waves), n))


def joined(y: Tensor, wave: Tensor, mask: Tensor, by: float = EMPHASIS) -> Tensor:
    """The wave with what is missing of it taken from y, an emphasised wave in the same units: (L,) thrice → (L,), as `wave`.

    Within a gap the recursion x_n = y_n + by·x_(n−1) goes on from the last known sample. At its end the next known sample
    should be y_n + by·x_(n−1), too, and is off by some δ. The smallest change of all y that mends it (least squares) adds
    δ·by^(m+1−j)·(1 − by^(2j))/(1 − by^(2m+2)) to the j-th of the m samples in the gap: a ramp at its end, without a click.
    """
    out, y = wave.cpu().double().clone(), y.cpu().double()
    for start, stop in gaps(mask):
        before = out[start - 1:start] if start else out.new_zeros(1)
        part = deemphasised(torch.cat([before, y[start:stop]]), by)[1:]
        if stop < len(out):
            j, m = torch.arange(1, stop - start + 1, dtype=torch.float64), stop - start
            off = out[stop] - (y[stop] + by * part[-1])
            part = part + off * by ** (m + 1 - j) * (1 - by ** (2 * j)) / (1 - by ** (2 * m + 2))
        out[start:stop] = part
    return torch.where(mask > 0, wave, out.to(wave.dtype))


def gaps(mask: Tensor) -> list[tuple[int, int]]:
    """Where each run of zeros of a mask (L,) begins and where the next known sample is."""
    padded = torch.cat([torch.ones(1), mask.cpu().float(), torch.ones(1)])
    edges = padded.diff()
    return list(zip((edges < 0).nonzero()[:, 0].tolist(), (edges > 0).nonzero()[:, 0].tolist(), strict=True))
