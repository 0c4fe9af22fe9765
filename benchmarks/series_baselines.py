"""Simple methods on the windows of ETTh1 that `series_bars.py` measures the network on: records/series-baselines.json.

    python benchmarks/series_baselines.py [--quick]

What a method has to be told beside the train part is chosen on the validation part. Resumable, task by task.
"""

from __future__ import annotations

from itertools import product

import torch
from timing import Results, arguments

from diffusion_utils import baselines
from diffusion_utils.baselines import filler_figures, gaussian_filler, measured_windows, with_residuals
from diffusion_utils.data.electricity import load_electricity, task_masks
from diffusion_utils.data.windows import windows_of
from diffusion_utils.forecast import frame_of, gaussian_samples, learnt_gaussian
from diffusion_utils.metrics.series import UNIT, block_error, window_figures

STRIDE = 25  # hours between two windows
SAMPLES = 64
CRPS, LARGEST = f"crps_{UNIT}", f"crps_max_24h_{UNIT}"
CHOICES = {
    "gaussian": [{"nugget": nugget, "level": level} for nugget, level in product((0.003, 0.01, 0.03, 0.1), (1.0, 4.0, 25.0))],
    "ridge": [{"penalty": penalty} for penalty in (1e-3, 1e-2, 0.1, 0.3)],
    "quantile regression": [{"epochs": epochs, "penalty": penalty} for epochs, penalty in product((3, 8), (1e-3, 1e-1))],
}


def fillers(task: str, train, mask: torch.Tensor) -> dict:
    """name → a function of its settings that gives a filler."""
    found = {"gaussian": lambda **how: gaussian_filler(learnt_gaussian(train, **how))}
    if task.startswith("forecast"):
        return found | {
            "seasonal naive": lambda: with_residuals(baselines.seasonal_naive, train, mask),
            "ridge": lambda **how: baselines.ridge(train, mask, **how),
            "quantile regression": lambda **how: baselines.quantile_regression(train, mask, **how)}
    return found | {"interpolation": lambda: with_residuals(baselines.interpolated, train, mask)}


def measured(filler, data, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """The figures of each window."""
    rows = torch.arange(len(data))
    masks = mask * data.there(rows)
    x = data.x0(rows)
    return filler_figures(filler(masks * x, masks), x, masks)


def summary(figures: dict[str, torch.Tensor], of: str = CRPS) -> dict:
    """Means; and of one of the figures the standard error, and its value window by window, for pairs."""
    return {name: round(float(values[values.isfinite()].mean()), 5) for name, values in figures.items()
            if bool(values.isfinite().any())} | {
        "error": round(block_error(figures[of]), 5), "windows": [round(float(value), 5) for value in figures[of]]}


def of_task(series, task: str, mask: torch.Tensor, quick: bool) -> dict:
    """All methods on one task."""
    train, validation, test = parts_of(series, task, quick)
    found = {}
    for name, make in fillers(task, train, mask).items():
        choices = CHOICES.get(name, [{}])[:1 if quick else None]
        scores = [float(measured(make(**how), validation, mask)[CRPS].mean()) for how in choices]
        best = choices[scores.index(min(scores))]
        found[name] = summary(measured(make(**best), test, mask)) | {"chosen": best}
    return found


def parts_of(series, task: str, quick: bool) -> tuple:
    """Windows to learn from, to choose by, and to measure with."""
    return windows_of(series, "train"), *(measured_windows(series, part, task, STRIDE * (8 if quick else 1))
                                          for part in ("validation", "test"))


def maximum(series, mask: torch.Tensor, quick: bool) -> dict[str, dict]:
    """The day's largest value: by paths of the Gaussian, and by the same with the hours shuffled: right bands, and no paths.

    Which settings give the best bands and which the best paths are two questions, so the choice is by the largest value, too.
    """
    train, validation, test = parts_of(series, "forecast_24h", quick)
    choices = CHOICES["gaussian"][:1 if quick else None]
    scores = [float(window_figures(*paths_of(train, validation, mask, how))[LARGEST].mean()) for how in choices]
    best = choices[scores.index(min(scores))]
    samples, x, masks = paths_of(train, test, mask, best)
    order = torch.rand(samples.shape, generator=torch.Generator().manual_seed(1)).argsort(1)
    both = {"gaussian": samples, "gaussian, independent hours": samples.gather(1, order)}
    return {name: summary(window_figures(drawn, x, masks), LARGEST) | {"chosen": best} for name, drawn in both.items()}


def paths_of(train, data, mask: torch.Tensor, how: dict) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples (B, M, C, L) of the Gaussian with these settings, what is true, and the masks."""
    gaussian, rows = learnt_gaussian(train, **how), torch.arange(len(data))
    masks, x = mask * data.there(rows), data.x0(rows)
    frame = frame_of(masks * x, masks, data.clock(rows), gaussian)
    return gaussian_samples(frame, gaussian, SAMPLES), x, masks


def main() -> None:
    args = arguments(__doc__).parse_args()
    series = load_electricity()
    settings = {"data": series.name, "stride_h": STRIDE * (8 if args.quick else 1),
                "unit": "standard deviations of the train part"}
    results = Results("series-baselines", torch.device("cpu"), "CRPS and more of what is missing", SAMPLES, settings,
                      args.quick, anywhere=True)
    for task, mask in task_masks(len(series.columns)).items():
        results.part(task, lambda task=task, mask=mask: of_task(series, task, mask, args.quick))
    results.part("maximum_24h", lambda: maximum(series, task_masks(len(series.columns))["forecast_24h"], args.quick))


if __name__ == "__main__":
    main()
