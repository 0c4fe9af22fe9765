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


def summary(figures: dict[str, torch.Tensor]) -> dict:
    """Means, the standard error of the CRPS, and its value window by window, for pairs."""
    crps = figures[f"crps_{UNIT}"]
    return {name: round(float(values[values.isfinite()].mean()), 5) for name, values in figures.items()
            if bool(values.isfinite().any())} | {
        "error": round(block_error(crps), 5), "windows": [round(float(value), 5) for value in crps]}


def of_task(series, task: str, mask: torch.Tensor, quick: bool) -> dict:
    """All methods on one task."""
    train, stride = windows_of(series, "train"), STRIDE * (8 if quick else 1)
    validation, test = (measured_windows(series, part, task, stride) for part in ("validation", "test"))
    found = {}
    for name, make in fillers(task, train, mask).items():
        choices = CHOICES.get(name, [{}])[:1 if quick else None]
        scores = [float(measured(make(**how), validation, mask)[f"crps_{UNIT}"].mean()) for how in choices]
        best = choices[scores.index(min(scores))]
        found[name] = summary(measured(make(**best), test, mask)) | {"chosen": best}
        if name == "gaussian":
            found |= joint(learnt_gaussian(train, **best), test, mask)
    return found


def joint(gaussian, data, mask: torch.Tensor) -> dict[str, dict]:
    """Samples of the Gaussian, as paths, and the same with the hours shuffled: right bands, and no paths."""
    rows = torch.arange(len(data))
    masks = mask * data.there(rows)
    x = data.x0(rows)
    frame = frame_of(masks * x, masks, data.clock(rows), gaussian)
    samples = gaussian_samples(frame, gaussian, SAMPLES)
    order = torch.rand(samples.shape, generator=torch.Generator().manual_seed(1)).argsort(1)
    both = {"gaussian, paths": samples, "gaussian, independent hours": samples.gather(1, order)}
    return {name: summary(window_figures(drawn, x, masks)) for name, drawn in both.items()}


def main() -> None:
    args = arguments(__doc__).parse_args()
    series = load_electricity()
    settings = {"data": series.name, "stride_h": STRIDE * (8 if args.quick else 1),
                "unit": "standard deviations of the train part"}
    results = Results("series-baselines", torch.device("cpu"), "CRPS and more of what is missing", SAMPLES, settings,
                      args.quick, anywhere=True)
    for task, mask in task_masks(len(series.columns)).items():
        results.part(task, lambda task=task, mask=mask: of_task(series, task, mask, args.quick))


if __name__ == "__main__":
    main()
