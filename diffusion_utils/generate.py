"""Many samples from a checkpoint, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checkpoints import Checkpoint
from .checks import whole_number
from .conditions import Condition, check_count, described
from .guidance import check_weight


def generate(checkpoint: Checkpoint, n: int, *, cond: int | Sequence[int] | Condition = None,
             weight: float | Sequence[float] | Tensor = 1.0, seed: int = 0, batch: int = 250, progress: bool = False,
             **changes) -> Tensor:
    """n samples of what the checkpoint was trained on, on the CPU: float32, or int64 for tokens; codes are decoded.

    cond: as the checkpoint's network takes it, for each of the n samples; None for no condition. Labels may also be one
    integer for all, or a list. weight: guidance w, 1 = plain conditional; one for all, or n numbers. changes: settings of the
    checkpoint's own sampler, such as sampler, steps, spacing, eta, eta_border (see `Sampler.changed`).
    Raises ValueError for labels outside 0…num_classes−1, a condition or guidance for an unconditional checkpoint, and what
    `drawing.draw` refuses; CheckpointError for a checkpoint that is no diffusion model.
    """
    n = whole_number("n", n, 1)
    sampler = checkpoint.sampler.changed(**changes)
    cond = check_condition(checkpoint, cond, n)
    if cond is None and not bool(((w := check_weight(weight)) == 0).logical_or(w == 1).all()):
        raise ValueError("guidance needs a condition, such as labels: without one there is nothing to be guided to")
    x = checkpoint.kind.draw(checkpoint, n, sampler, cond=cond, weight=weight, seed=seed, batch=batch, progress=progress)
    x = x if checkpoint.clip is None else x.clamp(*checkpoint.clip)
    return torch.cat([checkpoint.codec.decode(part) for part in x.split(batch)])


def check_condition(checkpoint: Checkpoint, cond: int | Sequence[int] | Condition, n: int) -> Condition:
    """The condition of n samples as the checkpoint takes it. Raises ValueError where it takes none, or another one."""
    if cond is None:
        return None
    if checkpoint.condition is None:
        raise ValueError(f"{checkpoint.name} is unconditional and takes no condition, such as labels; mnist-unet-class does")
    if checkpoint.num_classes:
        return _check_labels(cond, checkpoint.num_classes, n)
    check_count(cond, n)
    if described(cond) != checkpoint.condition:
        raise ValueError(f"for each sample the condition of {checkpoint.name} must be {checkpoint.condition}, "
                         f"got {described(cond)}")
    return cond


def _check_labels(labels: int | Sequence[int] | Tensor, classes: int, n: int) -> Tensor:
    labels = torch.as_tensor(labels)
    if labels.dtype.is_floating_point or labels.dtype == torch.bool or labels.shape not in ((), (n,)):
        raise ValueError(f"labels must be one integer or int64 ({n},), got {labels.dtype} {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"labels must lie in 0…{classes - 1}, got {int(labels.min())}…{int(labels.max())}")
    return labels.long().expand(n)
