"""How long until a network trained from scratch draws digits of a given quality? Ours beside three published packages.

    python benchmarks/time_to_quality.py ARM [--minutes 30] [--quick] [--device cpu]

The clock runs in training alone. At each doubling of the time, from half a minute, and at the end, digits are drawn and
measured: 1,000 of them, and 10,000 where those come near the bars of 20 and 5 times the test floor. Nine of them are kept,
so that the arms can be seen side by side at the same time. A learning rate that falls over the run makes its earlier
points pessimistic: run an arm at several lengths. Each run is a part of the record, rewritten at each look.
"""

from __future__ import annotations

import time

import torch
from peers import ARMS, Arm
from safetensors import torch as safetensors
from timing import Results, arguments, machine
from torch import Tensor

from diffusion_utils.data import load_mnist, to_pixels
from diffusion_utils.devices import autocast, pick_device
from diffusion_utils.evaluation import Yardstick
from diffusion_utils.files import write_atomic
from diffusion_utils.speed import finish

FIRST_LOOK, KEPT = 0.5, 9  # minutes; digits kept a look
NEAR = 30  # times the test floor: from there on the large number is drawn


def draw(arm: Arm, n: int, batch: int = 250) -> Tensor:
    """n samples of the arm, float32 (n, 1, 28, 28) in [−1, 1] on the CPU."""
    done = []
    for first in range(0, n, batch):
        with autocast(arm.device):
            done.append(arm.draw(min(batch, n - first)).float().clamp(-1, 1).cpu())
    return torch.cat(done)


def look(arm: Arm, yardstick: Yardstick, few: int, many: int) -> tuple[dict, Tensor]:
    """n and fd now, and the first samples, uint8 (KEPT, 28, 28)."""
    x = draw(arm, few)
    fd = yardstick.distance(x)
    if few < many and fd < NEAR * yardstick.figures["floor_test"]:
        x = torch.cat([x, draw(arm, many - few)])
        fd = yardstick.distance(x)
    return {"n": len(x), "fd": round(fd, 4)}, to_pixels(x[:KEPT])[:, 0].contiguous()


def train_until(arm: Arm, elapsed: float, goal: float) -> float:
    """Train until `goal` minutes of training are over; returns how many are. The device is waited for at the end alone."""
    started, before = time.perf_counter(), elapsed
    while elapsed < goal:
        arm.step(elapsed)
        elapsed = before + (time.perf_counter() - started) / 60
    finish(arm.device)
    return before + (time.perf_counter() - started) / 60


def looks(minutes: float) -> list[float]:
    """When to look: each doubling from the first look on, and the end."""
    times = [FIRST_LOOK * 2**k for k in range(20) if FIRST_LOOK * 2**k < minutes]
    return [*times, minutes]


def main() -> None:
    """Train one arm and add its curve to the record of this kind of device."""
    parser = arguments(__doc__)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--minutes", type=float, default=30)
    args = parser.parse_args()
    device, yardstick = pick_device(args.device), Yardstick()
    few, many = (500, 2000) if args.quick else (1000, 10_000)
    results = Results("time_to_quality", device, "Fréchet distance of n samples to the training digits, in features of "
                      "mnist-classifier, after minutes of training from scratch", many,
                      {"few": few, "near": NEAR, "floor_test": yardstick.figures["floor_test"]}, args.quick)
    name = f"{args.arm}, {args.minutes:g} minutes"
    if results.record["parts"].get(name, {}).get("finished"):
        return print(f"{name} is in {results.path} already")
    torch.manual_seed(0)
    arm = ARMS[args.arm](load_mnist("train"), device, args.minutes)
    figures = {"arm": arm.name, "settings": arm.settings, "parameters": sum(p.numel() for p in arm.net.parameters()),
               "batch": arm.batch, "calls": arm.calls, "length": args.minutes, "finished": False, "points": [],
               "machine": {"before": machine(device)}}
    elapsed, pictures = 0.0, []
    for goal in looks(args.minutes):
        elapsed = train_until(arm, elapsed, goal)
        found, kept = look(arm, yardstick, few, many)
        figures["points"].append({"minutes": round(elapsed, 3), "images": arm.seen, **found})
        pictures.append(kept)
        figures["finished"] = goal == args.minutes
        figures["machine"]["after"] = machine(device)
        results.write(name, figures)
        keep(results, name, torch.stack(pictures))
        print(f"{time.strftime('%H:%M:%S')} {name}: {figures['points'][-1]}", flush=True)


def keep(results: Results, name: str, pictures: Tensor) -> None:
    """Write the samples of all looks, uint8 (looks, KEPT, 28, 28), beside the record, under the name of the part."""
    path = results.path.with_suffix(".safetensors")
    kept = safetensors.load(path.read_bytes()) if path.exists() else {}
    write_atomic(path, safetensors.save(kept | {name: pictures}))


if __name__ == "__main__":
    main()
