"""How good are samples of what is missing? CRPS, coverage, the error of the median; and a question that only paths answer.

Sources: Gneiting & Raftery 2007, section 4.2 (CRPS); Ferro 2014, eq. 6 (fair for a few samples); Künsch 1989 (blocks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..data.windows import DAY

UNIT = "train_std"  # all figures are in standard deviations of the train part, unless their name says otherwise


def fair_crps(samples: Tensor, truth: Tensor) -> Tensor:
    """mean|X − y| − ½·mean|X − X'| over pairs of different samples: (M, …) and (…) -> (…), M ≥ 2.

    The mean over all M² pairs would count each sample with itself, and punish few samples; over M(M − 1) the score has the same
    expectation for every M. Sorted, the sum of all distances is Σ (2i − M − 1)·x_i. Raises ValueError for other shapes.
    """
    m = len(samples)
    if m < 2 or samples.shape[1:] != truth.shape:
        raise ValueError(f"samples must be (M ≥ 2, {', '.join(map(str, truth.shape))}), got {tuple(samples.shape)}")
    place = torch.arange(1, m + 1, dtype=samples.dtype)
    weights = (2 * place - m - 1).to(samples.device)
    ordered = samples.sort(0).values
    pairs = torch.tensordot(weights, ordered, dims=1)  # i < j
    return (samples - truth).abs().mean(0) - pairs / (m * (m - 1))


def sample_quantiles(samples: Tensor, levels: Sequence[float]) -> Tensor:
    """The quantiles of what the samples are drawn from: (M, …) -> (levels, …).

    Of M samples and the truth all M + 1 ranks are equally likely, if they are of one distribution. So the quantile q is the
    (M + 1)·q-th sample in order, and between two of them where that is no whole number. Those of `torch.quantile` lie nearer
    to the median: of 64 samples they would hold 87 % in "the middle 90 %", and of 16 not 82 %.
    """
    m, ordered, found = len(samples), samples.sort(0).values, []
    for q in levels:
        place = min(max((m + 1) * q - 1, 0.0), m - 1.0)
        low = int(place)
        high = min(low + 1, m - 1)
        found.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    return torch.stack(found)


def coverage(samples: Tensor, truth: Tensor, share: float) -> Tensor:
    """Whether the truth lies within the central band of this share of the samples: (M, …) and (…) -> bool (…)."""
    low, high = sample_quantiles(samples, ((1 - share) / 2, (1 + share) / 2))
    return (low <= truth) & (truth <= high)


def block_error(values: Tensor, block: int = 7, draws: int = 500, seed: int = 0) -> float:
    """The standard error of the mean of values (N,) in the order of time, by drawing blocks of neighbours with replacement.

    Windows that overlap, or days that resemble the next, are no independent values: √(variance/N) would be too small.
    """
    n, generator = len(values), torch.Generator().manual_seed(seed)
    block = min(block, n)
    starts = torch.randint(n - block + 1, (draws, -(-n // block)), generator=generator)
    rows = (starts[..., None] + torch.arange(block)).flatten(1)[:, :n]
    return float(values.cpu().double()[rows].mean(1).std())


def window_figures(samples: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Of each window over what is missing: samples (B, M, C, L), truth (B, C, L), mask (B, C, L) -> name → (B,).

    All but coverages are in train-std units. crps_max_24h: of the largest value of the last 24 hours in each channel, where
    all of these are missing; NaN elsewhere. A window of which nothing is missing is NaN.
    """
    missing = 1 - mask
    count = missing.sum((1, 2))
    by_sample = samples.transpose(0, 1)

    def mean(entry: Tensor) -> Tensor:
        return (missing * entry).sum((1, 2)) / count

    ahead = (mask[..., -DAY:] == 0).all(-1).all(-1)
    of_max = fair_crps(by_sample[..., -DAY:].amax(-1), truth[..., -DAY:].amax(-1)).mean(1)
    return {
        f"crps_{UNIT}": mean(fair_crps(by_sample, truth)),
        f"median_mae_{UNIT}": mean((samples.median(1).values - truth).abs()),
        "coverage_50": mean(coverage(by_sample, truth, 0.5).float()),
        "coverage_90": mean(coverage(by_sample, truth, 0.9).float()),
        f"crps_max_24h_{UNIT}": torch.where(ahead, of_max, torch.nan),
    }


def series_figures(samples: Tensor, truth: Tensor, mask: Tensor) -> dict[str, float]:
    """The means of `window_figures` over windows, and the standard error of the CRPS by blocks of seven windows."""
    found = {name: values[values.isfinite()] for name, values in window_figures(samples, truth, mask).items()}
    figures = {name: float(values.mean()) for name, values in found.items() if len(values)}
    return figures | {f"crps_{UNIT}_error": block_error(found[f"crps_{UNIT}"])}


def evaluate(x: Tensor, cond: dict[str, Tensor] | None = None, calls: int | None = None, device: str | None = None, *,
             load: Callable | None = None) -> dict:
    """Figures of each task, for samples (N, C, L) in train-std units of the first windows of ETTh1's test part, 16 of each.

    cond: what was known, as `data.electricity.load_etth1('test')` tells it. Raises ValueError without it, for samples that are
    no whole number of windows, or that disagree with the data.
    """
    from ..data.electricity import DRAWS, load_etth1, task_masks

    data = (load or load_etth1)("test")
    if cond is None or len(x) % DRAWS or len(x) > len(data):
        raise ValueError(f"series are measured with what was known of them, by {DRAWS} samples of each of {len(data) // DRAWS} "
                         f"windows: n must be a multiple of {DRAWS} up to {len(data)}; got {len(x)} "
                         f"{'without a condition' if cond is None else 'samples'}")
    rows = torch.arange(0, len(x), DRAWS)
    truth, mask = data.x0(rows), cond["mask"][rows].cpu()
    if not torch.allclose(mask * truth, cond["known"][rows].cpu(), atol=1e-5):
        raise ValueError("what was known of the samples is not what the test data hold: are they of another data set?")
    samples = x.cpu().unflatten(0, (-1, DRAWS))
    masks, figures = task_masks(*data.shape), {"n": len(x), "calls": calls, "unit": "train-std"}
    for task, one in masks.items():
        mine = (mask == one * data.there(rows)).flatten(1).all(1)
        if bool(mine.any()):
            figures[task] = series_figures(samples[mine], truth[mine], mask[mine])
    return figures
