"""Timing that can be compared: candidates take turns in one process, and medians are given with their spread."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from diffusion_utils.checkpoints import json_bytes
from diffusion_utils.devices import describe
from diffusion_utils.files import write_atomic

FOLDER = Path(__file__).parent / "results"


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def interleaved(candidates: dict[str, Callable[[], object]], device: torch.device, rounds: int = 7) -> dict[str, dict]:
    """Seconds of each candidate: the median over the rounds and the interquartile range. The first round is thrown away.

    In each round every candidate has its turn, so that a machine that slows down slows all of them.
    """
    seconds = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, function in candidates.items():
            finish(device)
            started = time.perf_counter()
            function()
            finish(device)
            seconds[name].append(time.perf_counter() - started)
    result = {}
    for name, values in seconds.items():
        low, middle, high = torch.tensor(values[1:], dtype=torch.float64).quantile(
            torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)).tolist()
        result[name] = {"median_s": middle, "iqr_s": high - low}
    return result


def record(name: str, device: torch.device, figures: dict) -> Path:
    """Write the figures of this kind of device to results/NAME-DEVICE.json, with hardware, versions and date."""
    path = FOLDER / f"{name}-{device.type}.json"
    FOLDER.mkdir(exist_ok=True)
    head = {"hardware": describe(device), "torch": torch.__version__, "date": date.today().isoformat()}
    write_atomic(path, json_bytes(head | figures))
    print(json.dumps(head | figures, indent=1, ensure_ascii=False))
    return path
