"""Many samples from a checkpoint, in batches, with its own defaults."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checkpoints import Checkpoint
from .devices import autocast
from .guidance import guided
from .sampling import MUCH_NOISE, calls_per_sample, sample


def generate(checkpoint: Checkpoint, n: int, *, labels: int | Tensor | None = None, weight: float = 1.0,
             sampler: str | None = None, steps: int | None = None, spacing: str | float | None = None,
             eta: float | Sequence[float] | None = None, eta_border: float | None = None, seed: int = 0, batch: int = 250,
             progress: bool = False) -> Tensor:
    """n samples, float32 (n, 1, 28, 28) in [−1, 1] on the CPU.

    labels: one label for all, or int64 (n,); None for no label. weight: guidance w, 1 = plain conditional. sampler, steps,
    spacing, eta, eta_border: the checkpoint's own defaults unless given; its eta and their border go with its sampler. Sample
    i depends on (seed, i), not on n or batch.
    Raises ValueError for n or batch < 1, labels outside 0…num_classes−1, or labels or guidance for an unconditional checkpoint.
    """
    for name, value in (("n", n), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name} must be ≥ 1, got {value}")
    how = sampling_of(checkpoint, sampler=sampler, steps=steps, spacing=spacing, eta=eta, eta_border=eta_border)
    sampler, steps = how["sampler"], how["steps"]
    cond = _check_labels(checkpoint, labels, n, weight)
    schedule, device = checkpoint.schedule, checkpoint.device
    denoiser = guided(checkpoint.denoiser, schedule, weight)
    done = []
    with tqdm(total=n * calls_per_sample(sampler, steps, weight), unit="call", disable=not progress, delay=2) as bar:
        for first in range(0, n, batch):
            rows = range(first, min(first + batch, n))
            part = cond[rows.start:rows.stop].to(device) if cond is not None else None
            before = bar.n
            with autocast(device):
                for state in sample(denoiser, schedule, (len(rows), 1, 28, 28), **how, cond=part, seed=seed,
                                    indices=rows, device=device):
                    bar.update(len(rows) * (state.t > 0))
            bar.update(before + len(rows) * calls_per_sample(sampler, steps, weight) - bar.n)
            done.append(state.x_t.clamp(-1, 1).float().cpu())
    return torch.cat(done)


def sampling_of(checkpoint: Checkpoint, **given) -> dict:
    """sampler, steps, spacing, eta and eta_border for `sample`: what is given and not None, else the checkpoint's own; its eta
    and their border only with its own sampler.
    """
    own = {"spacing": "uniform", "eta": None, "eta_border": MUCH_NOISE} | checkpoint.card["config"]["sampling"]
    if given.get("sampler") not in (None, own["sampler"]):
        own |= {"eta": None, "eta_border": MUCH_NOISE}
    return own | {name: value for name, value in given.items() if value is not None}


def _check_labels(checkpoint: Checkpoint, labels: int | Tensor | None, n: int, weight: float) -> Tensor | None:
    if labels is None:
        if weight not in (0, 1):
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
