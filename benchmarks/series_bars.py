"""The network of ETTh1 on the same windows as the simple methods, pair by pair, and the goals of the chapter:
records/series-bars.json.

    python benchmarks/series_bars.py [--checkpoint etth1] [--quick]

Needs records/series-baselines.json. Resumable, task by task; each takes a few minutes on two cores.
"""

from __future__ import annotations

import time
from itertools import pairwise
from unittest.mock import patch

import torch
from series_baselines import LARGEST, SAMPLES, STRIDE, summary
from timing import HERE, Results, arguments, read

from diffusion_utils import checkpoints
from diffusion_utils.baselines import measured_windows
from diffusion_utils.conditions import each
from diffusion_utils.data.electricity import load_electricity, task_masks
from diffusion_utils.generate import generate
from diffusion_utils.metrics.series import UNIT, block_error, window_figures
from diffusion_utils.records import FOLDER

# Of each task the CRPS that is to be reached, and the ambitious one
GOALS = {"forecast_24h": (0.272, 0.262), "forecast_96h": (0.306, 0.296), "missing_10": (0.090, 0.076),
         "missing_50": (0.117, 0.106), "missing_90": (0.225, 0.205)}
GOAL_MAX = 0.255  # CRPS of the largest value of the next 24 hours
COVERED = {"coverage_50": (0.5, 0.05), "coverage_90": (0.9, 0.03)}
SECONDS = 10.0  # for 64 samples of a forecast of 96 hours, on two cores


def drawn(checkpoint, data, mask: torch.Tensor, samples: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Samples (B, M, C, L), the truth and the masks, in train-std units."""
    rows = torch.arange(len(data))
    cond = data.condition(rows)
    cond |= {"mask": cond["mask"] * mask, "known": cond["known"] * mask}
    many = each(lambda entry: entry.repeat_interleave(samples, 0), cond)
    x = generate(checkpoint, samples * len(rows), cond=many, batch=256, progress=True)
    return x.unflatten(0, (len(rows), samples)), data.x0(rows), cond["mask"]


def against(own: dict, rivals: dict) -> dict:
    """Of each rival the mean difference, window by window, and its error: below 0 where the network is better."""
    pairs = {}
    for name, rival in rivals.items():
        if not isinstance(rival, dict) or "windows" not in rival:
            continue  # what the record says of the part itself: its date, its machine
        apart = torch.tensor(own["windows"]) - torch.tensor(rival["windows"])
        pairs[name] = {"difference": round(float(apart.mean()), 5), "error": round(block_error(apart), 5)}
    return pairs


def of_task(checkpoint, series, task: str, mask: torch.Tensor, baselines: dict, stride: int) -> dict:
    """The network's figures beside those of the simple methods, and which goals it meets."""
    figures = window_figures(*drawn(checkpoint, measured_windows(series, "test", task, stride), mask, SAMPLES))
    own = summary(figures)
    found = {"network": own, "against": against(own, baselines[task])}
    reach, ambitious = GOALS[task]
    met = {"reach": own[f"crps_{UNIT}"] <= reach, "ambitious": own[f"crps_{UNIT}"] <= ambitious}
    met |= {name: abs(own[name] - share) <= off for name, (share, off) in COVERED.items()}
    if task == "forecast_24h":
        largest = summary(figures, LARGEST)
        met["max_24h"] = own[LARGEST] <= GOAL_MAX
        found["maximum"] = {"error": largest["error"], "windows": largest["windows"],
                            "against": against(largest, baselines["maximum_24h"])}
    return found | {"met": met}


def waiting(checkpoint, series) -> dict:
    """Seconds for 64 samples of one forecast of 96 hours, twice: the first time solves the Gaussian's equations.

    cpu_seconds: of all cores together, also in float32, as on a machine without bfloat16.
    """
    data, mask = measured_windows(series, "test", "forecast_96h", 10_000), task_masks(len(series.columns))["forecast_96h"]

    def twice(clock) -> list[float]:
        times = [clock()]
        for _ in range(2):
            drawn(checkpoint, data, mask, SAMPLES)
            times.append(clock())
        return [round(later - sooner, 2) for sooner, later in pairwise(times)]

    seconds, of_cores = twice(time.perf_counter), twice(time.process_time)
    with patch("diffusion_utils.devices.has_fast_bf16", return_value=False):
        in_float32 = twice(time.process_time)
    return {"seconds": seconds, "cpu_seconds": of_cores, "cpu_seconds_float32": in_float32,
            "met": {"seconds": max(seconds[0], *in_float32) <= SECONDS}}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="etth1", help="a shipped one, or a path (default: etth1)")
    args = parser.parse_args()
    series, stride = load_electricity(), STRIDE * (8 if args.quick else 1)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    baselines = read(HERE if args.quick else FOLDER, "series-baselines", "cpu")["parts"]
    settings = {"data": series.name, "stride_h": stride, "checkpoint": checkpoint.card["sha256"],
                "sampling": checkpoint.card["config"]["sampling"], "unit": "standard deviations of the train part"}
    results = Results("series-bars", checkpoint.device, "CRPS and more of what is missing", SAMPLES, settings, args.quick,
                      anywhere=True)
    for task, mask in task_masks(len(series.columns)).items():
        results.part(task, lambda task=task, mask=mask: of_task(checkpoint, series, task, mask, baselines, stride))
    results.part("waiting", lambda: waiting(checkpoint, series))
    for name, part in results.record["parts"].items():
        crps = f" CRPS {part['network'][f'crps_{UNIT}']}" if "network" in part else f" {part['seconds']} s"
        print(f"{name}:{crps}, " + ", ".join(f"{goal} {'met' if met else 'MISSED'}" for goal, met in part["met"].items()))


if __name__ == "__main__":
    main()
