"""How long until a network trained from scratch draws digits of a given quality? Ours beside three published packages.

    python benchmarks/time_to_quality.py ARM [--minutes 30] [--quick] [--device cpu] [--folder benchmarks/runs]
        [--channels-last]

The clock runs in training alone. Where throughput.py has measured how many images a second each way to train gets through,
the clock counts images: a run is as long on any machine, whatever else that does. At each doubling of the time, from half a
minute, and at the end, digits are drawn and measured: 250 of them, 1,000 where they begin to look like digits, and 10,000
where those come near the bars of 20 and 5 times the test floor. Nine of them are kept, so that the arms can be seen side by
side at the same time. A learning rate that falls over the run makes its earlier points pessimistic: run an arm at several
lengths. Each run is a part of the record, rewritten at each look; one that was stopped goes on from at most five minutes
before, if the record and the folder are still as it left them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from batches import joined
from peers import ARMS, SAVE_MINUTES, Arm
from safetensors import torch as safetensors
from timing import HERE, RUNS, Results, arguments, machine, read
from torch import Tensor

from diffusion_utils.chapters.speed import finish, training_rates
from diffusion_utils.data import load_mnist, to_pixels
from diffusion_utils.devices import keep_freed_memory, pick_device
from diffusion_utils.files import write_atomic
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.records import FOLDER

FIRST_LOOK, KEPT = 0.5, 9  # minutes; digits kept at each look
# So many samples are drawn at a look, and more of them where they score less than so many times the test floor. Few
# samples read too high, real digits too: 1,000 of them by 6 to 10 floors, 500 by 15 to 20. So what is at 20 floors reads
# as less than 40.
STAGES = ((250, 200), (1000, 40), (10_000, 0))
QUICK_STAGES = ((250, 200), (500, 40), (2000, 0))


def draw(arm: Arm, n: int, batch: int = 250) -> Tensor:
    """n samples of the arm, float32 (n, 1, 28, 28) in [−1, 1] on the CPU."""
    return joined(lambda rows: arm.draw(len(rows)), n, batch, arm.device).clamp(-1, 1)


def look(arm: Arm, yardstick: Yardstick, stages: Sequence[tuple[int, float]]) -> tuple[dict, Tensor]:
    """n and fd now, and the first samples, uint8 (KEPT, 28, 28)."""
    x = torch.empty(0, 1, 28, 28)
    for n, near in stages:
        x = torch.cat([x, draw(arm, n - len(x))])
        fd = yardstick.distance(x)
        if fd >= near * yardstick.figures["floor_test"]:
            break
    return {"n": len(x), "fd": round(fd, 4)}, to_pixels(x[:KEPT])[:, 0].contiguous()


def train_until(arm: Arm, goal: float) -> None:
    """Train until `goal` minutes of training are over. The device is waited for at the end alone."""
    started, before = time.perf_counter(), arm.elapsed

    def now() -> float:
        return arm.clock(before + (time.perf_counter() - started) / 60)

    while arm.elapsed < goal:
        arm.step()
        arm.elapsed = now()
    finish(arm.device)
    arm.elapsed = now()


def looks(minutes: float) -> list[float]:
    """When to look: each doubling from the first look on, but for one just before the end, and the end."""
    times = [FIRST_LOOK * 2**k for k in range(20) if FIRST_LOOK * 2**k < 0.8 * minutes]
    return [*times, minutes]


def main() -> None:
    """Train one arm and add its curve to the record of this kind of device."""
    parser = arguments(__doc__)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--channels-last", action="store_true",
                        help="lay pictures out so, where this machine is faster by it and the clock counts images")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where the state of an unfinished run is kept")
    args = parser.parse_args()
    device, yardstick = pick_device(args.device), Yardstick()
    if device.type == "cpu":
        keep_freed_memory()  # as `fit` does: where the clock counts pictures, a run takes less of the reader's time
    stages = QUICK_STAGES if args.quick else STAGES
    rate = None if args.quick else training_rates(read(FOLDER, "throughput", device.type)).get(args.arm)
    results = Results("time_to_quality", device, "Fréchet distance of n samples to the training digits, in features of "
                      "mnist-classifier, after minutes of training from scratch", stages[-1][0],
                      {"stages": [list(stage) for stage in stages], "floor_test": yardstick.figures["floor_test"]}, args.quick,
                      anywhere=True)  # by the images seen and the rates of throughput.py they come to one clock
    name = f"{args.arm}, {args.minutes:g} minutes"
    if results.record["parts"].get(name, {}).get("finished"):
        return print(f"{name} is in {results.path} already")
    torch.manual_seed(0)
    folder = (HERE if args.quick else args.folder) / f"{args.arm}-{args.minutes:g}-{device.type}"
    arm = ARMS[args.arm](load_mnist("train"), device, args.minutes, folder, rate)
    if args.channels_last:
        arm.settings += "; in memory channels last"
        arm.net.to(memory_format=torch.channels_last)
        arm.average.to(memory_format=torch.channels_last)
    race(arm, results, name, lambda: look(arm, yardstick, stages))
    shutil.rmtree(folder, ignore_errors=True)


def race(arm: Arm, results: Results, name: str, look_now: Callable[[], tuple[dict, Tensor]]) -> None:
    """Train the arm to its end, from where an earlier call was stopped, and write a point at each look."""
    figures, pictures = begin(arm, results, name)
    for goal in looks(arm.minutes)[len(figures["points"]):]:
        while arm.elapsed < goal:
            train_until(arm, min(goal, arm.elapsed + SAVE_MINUTES))
            arm.save()
        found, kept = look_now()
        pictures = torch.cat([pictures, kept[None]])
        figures["points"].append({"minutes": round(arm.elapsed, 3), "images": arm.seen, **found})
        figures["finished"] = goal == arm.minutes
        figures["machine"]["after"] = machine(arm.device)
        write_pictures(results, name, pictures)  # before the point, which says how many of them count
        results.write(name, figures)
        print(f"{time.strftime('%H:%M:%S')} {name}: {figures['points'][-1]}", flush=True)


def begin(arm: Arm, results: Results, name: str) -> tuple[dict, Tensor]:
    """The figures and pictures so far of a run whose state is kept, with the arm as it was then; else empty ones."""
    figures = results.record["parts"].get(name)
    if figures and arm.state is not None and arm.state.exists():
        arm.resume()
        figures["stopped"] = figures.get("stopped", 0) + 1  # how often
        print(f"{name} goes on at {arm.elapsed:.1f} minutes", flush=True)
        return figures, read_pictures(results)[name][:len(figures["points"])]
    return {"arm": arm.name, "settings": arm.settings, "parameters": sum(p.numel() for p in arm.net.parameters()),
            "batch": arm.batch, "calls": arm.calls, "length": arm.minutes, "rate": arm.rate, "finished": False, "points": [],
            "machine": {"before": machine(arm.device)}}, torch.empty((0, KEPT, 28, 28), dtype=torch.uint8)


def read_pictures(results: Results) -> dict[str, Tensor]:
    """The samples beside the record, by the name of the part: uint8 (looks, KEPT, 28, 28)."""
    path = results.path.with_suffix(".safetensors")
    return safetensors.load(path.read_bytes()) if path.exists() else {}


def write_pictures(results: Results, name: str, pictures: Tensor) -> None:
    """Put those of one part into the file."""
    write_atomic(results.path.with_suffix(".safetensors"), safetensors.save(read_pictures(results) | {name: pictures}))


if __name__ == "__main__":
    main()
