"""How fast is this machine, and what does a network ask of it? Clocks, the two limits of the roofline, cost by layer.

Source: Williams, Waterman & Patterson 2009 (the roofline model); Amdahl 1967 (what speeding up a part is worth).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..devices import autocast, has_fast_bf16

NORM_FLOP = 8  # operations a number in a group norm, about: sums, difference, square, two scales and a shift
SAME = 0.8  # below this ratio of the rates of a matrix product before and after, something else was running


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was told: a GPU works on after the call that started it has returned."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def interleaved(candidates: dict[str, Callable[[], object]],
                device: torch.device, rounds: int = 7) -> dict[str, dict]:
    """Seconds of each candidate, {"best_s", "median_s", "iqr_s"}: the least, the median and the quartiles' range of the rounds.

    In each round every candidate has its turn, so that a machine that slows down slows all of them; the first round,
    in which caches are cold, is thrown away. Raises ValueError for rounds < 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be ≥ 1, got {rounds}")
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, function in candidates.items():
            finish(device)
            started = time.perf_counter()
            function()
            finish(device)
            seconds[name].append(time.perf_counter() - started)
    return {name: _summary(values[1:]) for name, values in seconds.items()}


def _summary(values: list[float]) -> dict:
    quarters = torch.tensor(values, dtype=torch.float64).quantile(torch.tensor([0, 0.25, 0.5, 0.75], dtype=torch.float64))
    best, low, middle, high = quarters.tolist()
    return {"best_s": best, "median_s": middle, "iqr_s": high - low}


def seconds_of(function: Callable[[], object], device: torch.device, rounds: int = 5) -> float:
    """The median time of a function, in seconds."""
    return interleaved({"": function}, device, rounds)[""]["median_s"]


def matrix_rate(device: torch.device, side: int | None = None, dtype: torch.dtype | None = None) -> float:
    """FLOP/s of the product of two square matrices: the roof.

    side: of the matrices; by default one that keeps the device busy for milliseconds. dtype: by default what autocast
    chooses here.
    """
    side = side or (8192 if device.type == "cuda" else 1024)
    dtype = dtype or (torch.bfloat16 if has_fast_bf16(device) else torch.float32)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: a @ b, device)


def copy_rate(device: torch.device, mebibytes: int = 256) -> float:
    """Bytes/s that a copy reads and writes: the slope of the roofline. The data must be larger than the caches."""
    source = torch.zeros(mebibytes * 2**18, device=device)  # of four bytes each
    target = torch.empty_like(source)
    return 2 * mebibytes * 2**20 / seconds_of(lambda: target.copy_(source), device)


def disturbed(before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether the rates of a matrix product before a measurement and after it say that something else was running.

    Each holds "matrix_gflop_per_s".
    """
    slower, faster = sorted(state["matrix_gflop_per_s"] for state in (before, after))
    return slower < SAME * faster


def attainable(intensity: float, matrix: float, copy: float) -> float:
    """min(matrix, copy·intensity): the most FLOP/s a layer can reach (Williams et al. 2009).

    intensity: FLOP per byte moved; matrix: FLOP/s; copy: bytes/s.
    """
    return min(matrix, copy * intensity)


def whole_speedup(share: float, speedup: float) -> float:
    """1/((1 − share) + share/speedup): what it is worth to make a share of the time so many times faster (Amdahl 1967)."""
    if not 0 <= share <= 1 or speedup <= 0:
        raise ValueError(f"share must lie in 0…1 and speedup be positive, got {share} and {speedup}")
    return 1 / ((1 - share) + share / speedup)


def arrival(points: list[dict], bar: float) -> float | None:
    """Minutes until a curve of distances first falls to the bar, or None where it does not.

    points: {"minutes", "fd"}, in the order of time, all above 0. Between two looks the logarithm of the distance is taken to
    be straight in the logarithm of the time; a curve that begins below the bar arrives at its first look, at the latest.
    """
    for before, point in zip([None, *points], points, strict=False):
        if point["fd"] <= bar:
            if before is None:
                return point["minutes"]
            share = math.log(before["fd"] / bar) / math.log(before["fd"] / point["fd"])
            return before["minutes"] * (point["minutes"] / before["minutes"]) ** share
    return None


def first_look(points: list[dict], bar: float) -> float | None:
    """Minutes of the first look at which the distance is at the bar or below it, or None where there is none."""
    return next((point["minutes"] for point in points if point["fd"] <= bar), None)


def first_arrival(race: dict, arm: str, bar: float) -> tuple[float, bool]:
    """Minutes until the arm's fastest run is at the bar, and True; or the length of its longest run, and False.

    For our package that is the time of the first measurement at the bar. A peer is given an earlier time, on a straight line
    (in logarithms) from the measurement before: most learning rates fall until the end, and the curve lies above that line.
    A curve that flattens may reach the bar a little sooner still.
    """
    when = first_look if arm == "ours" else arrival
    runs = [part["points"] for part in race["parts"].values() if part["arm"] == arm and part["points"]]
    found = [minutes for points in runs if (minutes := when(points, bar)) is not None]
    return (min(found), True) if found else (max(points[-1]["minutes"] for points in runs), False)


def training_rates(record: dict | None) -> dict[str, float]:
    """Training images a second of each way to train, from the record of throughput; {} where that is None or lacks them."""
    part = record["parts"].get("training, each recipe") if record else None
    return {arm: value["images_per_s"] for arm, value in part["arms"].items()} if part else {}


def one_clock(race: dict, rates: dict[str, float]) -> dict:
    """The race as if all its runs had been made on the machine of the rates: minutes = images/(60·rate).

    What a network learns from a picture does not depend on the machine; what the picture costs is measured side by side.
    race: {"hardware", "parts": {name: {"arm", "points": [{"minutes", "images", …}], "hardware" where it is another}}};
    rates: training images a second by arm. Where all runs were made on one machine and not every arm has a rate, the minutes
    stay as they were measured. Raises ValueError where runs of different machines cannot be compared for want of a rate.
    """
    missing = {part["arm"] for part in race["parts"].values()} - rates.keys()
    if missing:
        machines = {part.get("hardware", race["hardware"]) for part in race["parts"].values()}
        if len(machines) > 1:
            raise ValueError(f"runs on {' and '.join(sorted(machines))} need the rate of each arm on one machine; "
                             f"there is none of {', '.join(sorted(missing))}")
        return race
    parts = {name: part | {"points": [point | {"minutes": point["images"] / (60 * rates[part["arm"]])}
                                      for point in part["points"]]} for name, part in race["parts"].items()}
    return race | {"parts": parts}


@dataclass(frozen=True)
class Layer:
    """One layer in one call of the network: its name and kind, FLOP, bytes in and out, and a function that runs it alone."""

    name: str
    kind: str
    flop: int
    traffic: int
    run: Callable[[], Tensor]

    @property
    def intensity(self) -> float:
        """FLOP per byte."""
        return self.flop / self.traffic


@torch.no_grad()
def layers_of(net: nn.Module, x: Tensor, time: Tensor) -> list[Layer]:
    """The convolutions, matrix products and norms of one call net(x, time), in the order in which they ran.

    x: (B, C, H, W); time: (B,). What lies between them (activations, sums, concatenations, attention's products of
    activations) is not in the list.
    """
    found: list[Layer] = []

    def note(name: str, layer: nn.Module):
        def hook(module: nn.Module, inputs: tuple[Tensor, ...],
                 output: Tensor) -> None:
            moved = (inputs[0], output, *module.parameters())
            size = sum(part.numel() * part.element_size() for part in moved)
            found.append(Layer(name, type(module).__name__,
                               _flop(module, output), size,
                               lambda: layer.forward(*inputs)))
        return layer.register_forward_hook(hook)

    hooks = [note(name, layer) for name, layer in net.named_modules()
             if isinstance(layer, (nn.Conv2d, nn.Linear, nn.GroupNorm))]
    try:
        with autocast(x.device):
            net(x, time)
    finally:
        for handle in hooks:
            handle.remove()
    return found


def _flop(layer: nn.Module, output: Tensor) -> int:
    """A multiplication and its addition are two operations, so that a convolution takes 2·(B·c_out·H·W)·(c_in·k²)."""
    if isinstance(layer, nn.Conv2d):
        height, width = layer.kernel_size
        c_in = layer.in_channels // layer.groups
        return 2 * output.numel() * c_in * height * width
    if isinstance(layer, nn.Linear):
        return 2 * output.numel() * layer.in_features
    return NORM_FLOP * output.numel()
