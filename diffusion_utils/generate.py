"""Many samples from a denoiser or a checkpoint, in batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checkpoints import Checkpoint
from .checks import whole_number
from .conditions import Condition, check_count, each
from .denoiser import DenoiserFn
from .devices import autocast
from .guidance import check_weight, guided
from .sampling import Sampler, sample
from .schedules import Schedule


def draw(denoiser: DenoiserFn, schedule: Schedule, n: int, shape: Sequence[int], sampler: Sampler, *, cond: Condition = None,
         weight: float | Sequence[float] | Tensor = 1.0, clip: tuple[float, float] | None = None, seed: int = 0,
         batch: int = 250, device: torch.device | str = "cpu", progress: bool = False) -> Tensor:
    """n samples, float32 (n, *shape) on the CPU; sample i depends on (seed, i), not on n or batch.

    shape: of one sample. cond: for each of the n. weight, clip: of the guidance (see `guided`); one weight, or n of them.
    Raises ValueError for n or batch < 1, and for a condition or weights of another number.
    """
    n, batch, weight = whole_number("n", n, 1), whole_number("batch", batch, 1), check_weight(weight)
    if weight.ndim and len(weight) != n:
        raise ValueError(f"weight must be one number or {n} of them, got {len(weight)}")
    check_count(cond, n)
    calls, done = sampler.calls(weight), []
    with tqdm(total=n * calls, unit="call", disable=not progress, delay=2) as bar:
        for first in range(0, n, batch):
            rows = range(first, min(first + batch, n))
            part = slice(rows.start, rows.stop)
            steered = guided(denoiser, schedule, weight[part] if weight.ndim else weight, clip)
            told = each(lambda entry, part=part: entry[part].to(device), cond)
            before = bar.n
            with autocast(torch.device(device)):
                for state in sample(steered, schedule, (len(rows), *shape), sampler, cond=told, seed=seed, indices=rows,
                                    device=device):
                    bar.update(len(rows) * (state.t > 0))
            bar.update(before + len(rows) * calls - bar.n)
            done.append(state.x_t.float().cpu())
    return torch.cat(done)


def generate(checkpoint: Checkpoint, n: int, *, cond: int | Sequence[int] | Condition = None,
             weight: float | Sequence[float] | Tensor = 1.0, seed: int = 0, batch: int = 250, progress: bool = False,
             **changes) -> Tensor:
    """n samples of what the checkpoint was trained on, float32 on the CPU, decoded where it works on codes.

    cond: as the checkpoint's network takes it, for each of the n samples; None for no condition. Labels may also be one
    integer for all, or a list. weight: guidance w, 1 = plain conditional; one for all, or n numbers. changes: sampler, steps,
    spacing, eta, eta_border: of the checkpoint's own sampler unless given (see `Sampler.changed`).
    Raises ValueError for labels outside 0…num_classes−1, a condition or guidance for an unconditional checkpoint, and what
    `draw` refuses; CheckpointError for a checkpoint that is no diffusion model.
    """
    n = whole_number("n", n, 1)
    sampler = checkpoint.sampler.changed(**changes)
    cond = check_condition(checkpoint, cond, n)
    if cond is None and not bool(((w := check_weight(weight)) == 0).logical_or(w == 1).all()):
        raise ValueError("guidance needs a condition, such as labels: without one there is nothing to be guided to")
    x = draw(checkpoint.denoiser, checkpoint.schedule, n, checkpoint.shape, sampler, cond=cond, weight=weight,
             clip=checkpoint.clip, seed=seed, batch=batch, device=checkpoint.device, progress=progress)
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
    return cond


def _check_labels(labels: int | Sequence[int] | Tensor, classes: int, n: int) -> Tensor:
    labels = torch.as_tensor(labels)
    if labels.dtype.is_floating_point or labels.dtype == torch.bool or labels.shape not in ((), (n,)):
        raise ValueError(f"labels must be one integer or int64 ({n},), got {labels.dtype} {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"labels must lie in 0…{classes - 1}, got {int(labels.min())}…{int(labels.max())}")
    return labels.long().expand(n)
