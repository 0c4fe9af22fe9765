"""How long until a network trained from scratch draws digits of a given quality? Ours beside three published packages.

    python benchmarks/time_to_quality.py ARM [--minutes 30] [--n 2000] [--device cpu]

The clock runs in training alone. At each doubling of the time, from half a minute, n digits are drawn and measured; the
last point is measured with 10,000. Curves are added to benchmarks/results/time_to_quality-HARDWARE.json.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date
from pathlib import Path

import torch
from peers import ARMS, Arm
from tqdm.auto import tqdm

from diffusion_utils import checkpoints
from diffusion_utils.data import load_mnist
from diffusion_utils.devices import autocast, describe, pick_device
from diffusion_utils.evaluation import Yardstick
from diffusion_utils.files import write_atomic

FOLDER = Path(__file__).parent / "results"


def measure(arm: Arm, yardstick: Yardstick, n: int, batch: int = 250) -> float:
    """The Fréchet distance of n samples of the arm to the training digits."""
    done = []
    for first in range(0, n, batch):
        with autocast(arm.device):
            done.append(arm.draw(min(batch, n - first)).float().clamp(-1, 1))
    return round(yardstick.distance(torch.cat(done)), 3)


def curve(arm: Arm, yardstick: Yardstick, n: int) -> list[dict]:
    """Train for arm.minutes; returns minutes, images seen, n and fd at each look."""
    points, steps, elapsed, next_look = [], 0, 0.0, 0.5
    bar = tqdm(total=round(60 * arm.minutes), desc=arm.name, unit="s", mininterval=1)
    while elapsed < arm.minutes:
        started = time.perf_counter()
        arm.step(elapsed)
        if arm.device.type == "cuda":
            torch.cuda.synchronize()
        elapsed, steps = elapsed + (time.perf_counter() - started) / 60, steps + 1
        bar.update(round(60 * elapsed) - bar.n)
        last = elapsed >= arm.minutes
        if elapsed >= next_look or last:
            count = 10_000 if last else n
            points.append({"minutes": round(elapsed, 3), "images": steps * arm.batch, "n": count,
                           "fd": measure(arm, yardstick, count)})
            tqdm.write(f"{arm.name}: {points[-1]}")
            next_look *= 2
    bar.close()
    return points


def main() -> None:
    """Train one arm and add its curve to the record of this hardware."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--device")
    args = parser.parse_args()
    device, yardstick = pick_device(args.device), Yardstick()
    torch.manual_seed(0)
    arm = ARMS[args.arm](load_mnist("train"), device, args.minutes)
    points = curve(arm, yardstick, args.n)
    path = FOLDER / f"time_to_quality-{device.type}.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"curves": []}
    record["curves"].append({
        "arm": arm.name, "settings": arm.settings, "parameters": sum(p.numel() for p in arm.net.parameters()),
        "batch": arm.batch, "calls": arm.calls, "length": args.minutes, "points": points,
        "hardware": describe(device), "torch": torch.__version__, "date": date.today().isoformat()})
    FOLDER.mkdir(exist_ok=True)
    write_atomic(path, checkpoints.json_bytes(record))


if __name__ == "__main__":
    main()
