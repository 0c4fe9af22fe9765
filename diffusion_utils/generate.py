"""Many samples from a checkpoint, in batches, with its own defaults."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checkpoints import Checkpoint
from .checks import whole_number
from .devices import autocast
from .guidance import check_weight, guided
from .sampling import MUCH_NOISE, calls_per_sample, sample


def generate(checkpoint: Checkpoint, n: int, *, labels: int | Sequence[int] | Tensor | None = None,
             weight: float | Sequence[float] | Tensor = 1.0,
             sampler: str | None = None, steps: int | None = None, spacing: str | float | None = None,
             eta: float | Sequence[float] | None = None, eta_border: float | None = None, seed: int = 0, batch: int = 250,
             progress: bool = False) -> Tensor:
    """n samples, float32 (n, C, H, W) in [−1, 1] on the CPU, in the shape that the checkpoint was trained on: (1, 28, 28).

    labels: one label for all, or n integers; None for no label. weight: guidance w, 1 = plain conditional; one for all, or n
    numbers. sampler, steps, spacing, eta, eta_border: the checkpoint's own defaults unless given; its eta and their border go
    with its sampler. Sample i depends on (seed, i), not on n or batch.
    Raises ValueError for n or batch < 1, labels outside 0…num_classes−1, or labels or guidance for an unconditional checkpoint;
    CheckpointError for a checkpoint that is no diffusion model.
    """
    n, batch = whole_number("n", n, 1), whole_number("batch", batch, 1)
    how = sampling_of(checkpoint, sampler=sampler, steps=steps, spacing=spacing, eta=eta, eta_border=eta_border)
    sampler, steps = how["sampler"], how["steps"]
    weight = check_weight(weight)
    if weight.ndim and len(weight) != n:
        raise ValueError(f"weight must be one number or {n} of them, got {len(weight)}")
    cond = _check_labels(checkpoint, labels, n, weight)
    denoiser, schedule, device = checkpoint.denoiser, checkpoint.schedule, checkpoint.device
    done = []
    with tqdm(total=n * calls_per_sample(sampler, steps, weight), unit="call", disable=not progress, delay=2) as bar:
        for first in range(0, n, batch):
            rows = range(first, min(first + batch, n))
            part = cond[rows.start:rows.stop].to(device) if cond is not None else None
            steered = guided(denoiser, schedule, weight[rows.start:rows.stop] if weight.ndim else weight)
            before = bar.n
            with autocast(device):
                for state in sample(steered, schedule, (len(rows), *checkpoint.shape), **how, cond=part, seed=seed,
                                    indices=rows, device=device):
                    bar.update(len(rows) * (state.t > 0))
            bar.update(before + len(rows) * calls_per_sample(sampler, steps, weight) - bar.n)
            done.append(state.x_t.clamp(-1, 1).float().cpu())
    return torch.cat(done)


def sampling_of(checkpoint: Checkpoint, **given) -> dict:
    """sampler, steps, spacing, eta and eta_border for `sample`: what is given and not None, else the checkpoint's own; its eta
    and their border only with its own sampler.
    """
    own = {"spacing": "uniform", "eta": None, "eta_border": MUCH_NOISE} | checkpoint.sampling
    if given.get("sampler") not in (None, own["sampler"]):
        own |= {"eta": None, "eta_border": MUCH_NOISE}
    return own | {name: value for name, value in given.items() if value is not None}


def _check_labels(checkpoint: Checkpoint, labels: int | Tensor | None, n: int, weight: Tensor) -> Tensor | None:
    if labels is None:
        if not bool(((weight == 0) | (weight == 1)).all()):
            raise ValueError("guidance needs labels: without one there is nothing to be guided to")
        return None
    classes = checkpoint.num_classes
    if classes == 0:
        raise ValueError(f"{checkpoint.name} is unconditional and takes no labels; mnist-unet-class does")
    labels = torch.as_tensor(labels)
    if labels.dtype.is_floating_point or labels.dtype == torch.bool or labels.shape not in ((), (n,)):
        raise ValueError(f"labels must be one integer or int64 ({n},), got {labels.dtype} {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"labels must lie in 0…{classes - 1}, got {int(labels.min())}…{int(labels.max())}")
    return labels.long().expand(n)
