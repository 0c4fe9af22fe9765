"""How good are mnist-unet's digits after how many calls, for each sampler? Chapter 4 shows the answer.

    python benchmarks/quality_vs_calls.py [--n 1000] [--batch 250]

Writes diffusion_utils/records/quality_vs_calls.json, which travels with the package. Every sampler gets the same
starting noise. Each point is written when it is done, so that an interrupted run goes on where it was; points of
another checkpoint or another n are measured again.
"""

from __future__ import annotations

import argparse
import json
from datetime import date

import torch
from tqdm.auto import tqdm

from diffusion_utils import checkpoints, records
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.devices import autocast, describe
from diffusion_utils.evaluation import Yardstick
from diffusion_utils.files import write_atomic
from diffusion_utils.sampling import calls_per_sample, sample

STEPS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30)
SAMPLERS = {
    "ddpm-large": {"sampler": "ddpm", "variance": "large"},
    "ddpm": {"sampler": "ddpm"},
    "ddim": {"sampler": "ddim"},
    "heun": {"sampler": "heun"},
    "dpmpp_2m": {"sampler": "dpmpp_2m"},
    "dpmpp_2m-log_snr": {"sampler": "dpmpp_2m", "spacing": "log_snr"},
}
PATH = records.FOLDER / "quality_vs_calls.json"


def draw(checkpoint: checkpoints.Checkpoint, n: int, batch: int, steps: int, settings: dict) -> torch.Tensor:
    """n samples, float32 (n, 1, 28, 28) on the CPU, sample i from the noise of (seed 0, i)."""
    done = []
    for first in range(0, n, batch):
        rows = range(first, min(first + batch, n))
        with autocast(checkpoint.device):
            *_, last = sample(checkpoint.denoiser, checkpoint.schedule, (len(rows), 1, 28, 28), steps=steps,
                              indices=rows, device=checkpoint.device, **settings)
        done.append(last.x_t.float().clamp(-1, 1).cpu())
    return torch.cat(done)


def start(checkpoint: checkpoints.Checkpoint, n: int) -> dict:
    """The record so far if it is of this checkpoint and n, else an empty one."""
    head = {"checkpoint": checkpoint.name, "sha256": checkpoint.card["sha256"], "n": n}
    if PATH.exists():
        found = json.loads(PATH.read_text(encoding="utf-8"))
        if {key: found.get(key) for key in head} == head:
            return found
    return head | {"measure": "Fréchet distance of n samples to the training digits, in features of mnist-classifier",
                   "hardware": describe(checkpoint.device), "date": date.today().isoformat(), "points": []}


def main() -> None:
    """Measure every point that is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=250)
    args = parser.parse_args()
    checkpoint, yardstick = checkpoints.load("mnist-unet"), Yardstick()
    record = start(checkpoint, args.n)
    if "floor" not in record:  # what as many real digits score, that the network never saw: chance keeps it above 0
        test = load_mnist("test").images
        rows = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:args.n]
        record["floor"] = round(yardstick.distance(to_model(test[rows])), 4)
    done = {(point["name"], point["steps"]) for point in record["points"]}
    todo = [(name, steps) for steps in STEPS for name in SAMPLERS if (name, steps) not in done]
    for name, steps in tqdm(todo):
        fd = yardstick.distance(draw(checkpoint, args.n, args.batch, steps, SAMPLERS[name]))
        calls = calls_per_sample(SAMPLERS[name]["sampler"], steps)
        record["points"].append({"name": name, "steps": steps, "calls": calls, "fd": round(fd, 4)})
        write_atomic(PATH, checkpoints.json_bytes(record))
        tqdm.write(f"{name:18s} {steps:3d} steps {calls:3d} calls  Fréchet distance {fd:8.2f}")


if __name__ == "__main__":
    main()
