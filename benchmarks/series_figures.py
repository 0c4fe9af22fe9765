"""The record of chapter 12's figures: gaps of many places and lengths in one window, filled; and how often a band is right.

    python benchmarks/series_figures.py [--checkpoint etth1] [--out diffusion_utils/records]

The truth is kept as it stands in ETTh1 (Zhou et al. 2021, CC BY-ND 4.0), in its own units.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import torch
from safetensors import torch as safetensors
from timing import commit, processor
from torch import Tensor

from diffusion_utils import baselines, checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.electricity import load_electricity
from diffusion_utils.data.windows import WINDOW, Series, windows_of
from diffusion_utils.devices import describe
from diffusion_utils.files import write_atomic
from diffusion_utils.forecast import fill, gaussian_fill
from diffusion_utils.masks import gap, last_hours, random_entries
from diffusion_utils.metrics.series import coverage, fair_crps, sample_quantiles

START = 12_000  # the hour of ETTh1 at which the figure's window begins, in the test part
ENDS, LENGTHS = range(108, WINDOW + 1, 12), (12, 24, 48, 96)  # hours of the window at which a gap ends; how long it is
SHOWN = ("OT", "HUFL")  # the columns that the figure shows; a gap hides all seven
SAMPLES, PATHS = 64, 8
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
STRIDE = 96  # hours from one window to the next, where bands are counted and scores added up


def fan(checkpoint: Checkpoint, series: Series) -> tuple[dict, dict[str, Tensor]]:
    """The gaps of the figure, each filled: what a record says of them, and its numbers."""
    window = series.values[:, START:START + WINDOW]
    gaps = [(end - length, end) for end in ENDS for length in LENGTHS]
    masks = torch.stack([gap(len(window), WINDOW, start, stop - start) for start, stop in gaps])
    values, hours = window.repeat(len(gaps), 1, 1), torch.full((len(gaps),), series.first_hour + START)
    ours = fill(checkpoint, values, masks, hours, SAMPLES, progress=True)
    gaussian = gaussian_fill(checkpoint, values, masks, hours, SAMPLES)
    rows = [series.columns.index(name) for name in SHOWN]
    numbers = {"truth": window[rows]}
    for k, (start, stop) in enumerate(gaps):
        filled, other = ours[k, :, rows, start:stop], gaussian[k, :, rows, start:stop]
        numbers |= {f"quantiles_{k}": sample_quantiles(filled, LEVELS), f"paths_{k}": filled[:PATHS],
                    f"other_{k}": sample_quantiles(other, LEVELS[::4])}
    std = series.std[:, None]
    scores = [{"gap": [start, stop], "inside_90": share_inside(ours[k], window, start, stop),
               "crps_train_std": float((fair_crps(ours[k], window) / std)[:, start:stop].mean()),
               "gaussian_crps_train_std": float((fair_crps(gaussian[k], window) / std)[:, start:stop].mean())}
              for k, (start, stop) in enumerate(gaps)]
    about = {"ends": list(ENDS), "lengths": list(LENGTHS), "columns": list(SHOWN), "first_row": START, "samples": SAMPLES,
             "gaps": scores}
    return about, numbers


def share_inside(samples: Tensor, truth: Tensor, start: int, stop: int) -> float:
    """Of the hidden values of all columns, how many lie in the middle 90 %."""
    return float(coverage(samples, truth, 0.9)[:, start:stop].float().mean())


def measured(checkpoint: Checkpoint, series: Series) -> dict:
    """Task by task: of what was hidden in the test part, the share that lies in the middle band of each of the SHARES. And the
    CRPS of the forecasts of 96 hours in the unit of ProbTS (Zhang et al. 2024)."""
    rows, channels = series.parts["test"], len(series.columns)
    starts = torch.arange(rows.start, rows.stop - WINDOW + 1, STRIDE)
    hours = series.first_hour + starts
    values = torch.stack([series.values[:, start:start + WINDOW] for start in starts.tolist()])
    tasks = {"forecast_24h": last_hours(channels, WINDOW, 24), "forecast_96h": last_hours(channels, WINDOW, 96),
             "missing_50": random_entries(channels, WINDOW, 0.5, torch.Generator().manual_seed(0))}
    found, normalised = {}, {}
    for task, mask in tasks.items():
        samples = {"network": fill(checkpoint, values, mask, hours, SAMPLES, progress=True).transpose(0, 1),
                   "gaussian": gaussian_fill(checkpoint, values, mask, hours, SAMPLES).transpose(0, 1)}
        hidden = (mask == 0).expand_as(values)
        found[task] = {method: [float(coverage(x, values, share)[hidden].float().mean()) for share in SHARES]
                       for method, x in samples.items()}
        if task == "forecast_96h":
            scores = {method: fair_crps(x, values) for method, x in samples.items()}
            scores["seasonal naive"] = naive_crps(series, values, mask)
            normalised = {method: float(score[hidden].sum() / values[hidden].abs().sum()) for method, score in scores.items()}
    return {"windows": len(starts), "stride_hours": STRIDE, "shares": list(SHARES), "inside": found,
            "normalised_crps_96h": normalised}


def naive_crps(series: Series, values: Tensor, mask: Tensor) -> Tensor:
    """Of yesterday's values with the quantiles of their errors in the train part, in the columns' own units: (B, C, L).

    Quantiles at equal distances are no random sample: each stands for itself in E|X − X'|, too.
    """
    mean, std = series.mean[:, None], series.std[:, None]
    filler = baselines.with_residuals(baselines.seasonal_naive, windows_of(series, "train"), mask)
    known = mask * (values - mean) / std
    x = mean + std * filler(known, mask.expand_as(values))
    pairs = torch.stack([(x - one).abs().mean(0) for one in x]).mean(0)
    return (x - values).abs().mean(0) - pairs / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="etth1")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "diffusion_utils" / "records")
    args = parser.parse_args()
    checkpoint, series = checkpoints.load(args.checkpoint), load_electricity()
    about, numbers = fan(checkpoint, series)
    record = {"measure": "gaps in one window of ETTh1's test part, filled by the network and by its Gaussian alone, in "
                         "ETTh1's own units (Zhou et al. 2021, CC BY-ND 4.0); and how often the truth lies in bands of both",
              "checkpoint": checkpoint.name, "sha256": checkpoint.card["sha256"], "n": SAMPLES, "series": series.name,
              "series_sha256": series.sha256, "hardware": describe(checkpoint.device), "torch": torch.__version__,
              "commit": commit(), "processor": processor(), "date": date.today().isoformat(),
              "fan": about, "measured": measured(checkpoint, series)}
    numbers = {name: value.contiguous() for name, value in numbers.items()}
    write_atomic(args.out / "series_figures.safetensors", safetensors.save(numbers))
    write_atomic(args.out / "series_figures.json", checkpoints.json_bytes(record))
    print(f"written: {args.out / 'series_figures.json'}")


if __name__ == "__main__":
    main()
