"""What does each of the planted mistakes do to samples? Chapter 14 shows the answer.

    python benchmarks/bugs.py [--n 1000] [--batch 250] [--steps 10] [--only training | digits]

Training bugs: a small network learns points in the plane (seconds each). Walk and guidance bugs: the digits of
mnist-unet-class, asked for 0, 1, …, 9, 0, …, measured by mnist-classifier. Writes records/bugs.json and bugs.safetensors in
the package after each bug, so that an interrupted run goes on where it was; --only measures one part again.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from datetime import date

import torch
from safetensors import torch as safetensors
from timing import commit, processor, versions
from tqdm.auto import tqdm

from diffusion_utils import checkpoints
from diffusion_utils.chapters.bugs import guided, of_family, train, walk
from diffusion_utils.chapters.bugs.record import RIGHT, load_points
from diffusion_utils.chapters.bugs.wrong_training import ring
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import describe
from diffusion_utils.drawing import in_batches
from diffusion_utils.files import write_atomic
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.records import FOLDER
from diffusion_utils.sampling import Sampler, State, sample

PATH = FOLDER / "bugs.json"
WEIGHT = 3.0  # of the guidance bugs


def measure_training(name: str) -> tuple[dict, torch.Tensor]:
    """Train with the mistake and draw 1,000 points in up to 100 steps of DDPM: its figures and loss history, the points."""
    run = train(None if name == RIGHT else name)
    steps = min(100, run.schedule.T)
    *_, last = sample(run.denoiser, run.schedule, (1000, 2), Sampler("ddpm", steps=steps), seed=1)
    return figures(last.x_t) | {"history": [(step, round(loss, 4)) for step, loss in run.history]}, last.x_t


def figures(x: torch.Tensor) -> dict:
    """on_target: share of the points within 4 standard deviations of a blob; scatter: their median distance from the nearest
    blob's centre, over that of the data, σ√(2 ln 2), so that 1 is right."""
    blobs = ring()
    distance = torch.cdist(x.double(), blobs.means).min(1).values
    std = float(blobs.stds[0])
    return {"on_target": round(float((distance < 4 * std).double().mean()), 4),
            "scatter": round(float(distance.median()) / (std * math.sqrt(2 * math.log(2))), 3)}


def draw_digits(checkpoint: checkpoints.Checkpoint, name: str, labels: torch.Tensor, batch: int, steps: int) -> torch.Tensor:
    """One digit for each label with the mistake, float32 (n, 1, 28, 28) in [−1, 1]; guidance bugs at weight WEIGHT."""
    denoiser = Denoiser(checkpoint.net, checkpoint.schedule, checkpoint.card["config"]["predicts"], clip=None)
    if name == "right, guided" or name in of_family("guidance"):
        denoiser = guided(denoiser, checkpoint.schedule, WEIGHT, bug=name if name in of_family("guidance") else None)
    bug = name if name in of_family("walk") else None

    def walk_of(rows: range) -> Iterator[State]:
        return walk(denoiser, checkpoint.schedule, (len(rows), *checkpoint.shape), steps=steps, seed=rows.start // batch,
                    bug=bug, cond=labels[rows.start:rows.stop].to(checkpoint.device), device=checkpoint.device)

    return in_batches(walk_of, len(labels), batch, checkpoint.device).float().clamp(-1, 1)


def read_record() -> dict:
    """The record so far, or an empty one."""
    if PATH.exists():
        return json.loads(PATH.read_text(encoding="utf-8"))
    return {"measure": "samples with each mistake: share near the data of points, Fréchet distance and accuracy of digits"}


def write_record(record: dict) -> None:
    write_atomic(PATH, checkpoints.json_bytes(record))


def measure_all_training(record: dict) -> None:
    """Fill record["training"] and the file of points."""
    points = {name: x.half() for name, x in load_points().items()} if (FOLDER / "bugs.safetensors").exists() else {}
    for name in tqdm([RIGHT, *of_family("training")], desc="training"):
        if name in record.setdefault("training", {}):
            continue
        record["training"][name], x = measure_training(name)
        points[name] = x.half().contiguous()
        write_atomic(FOLDER / "bugs.safetensors", safetensors.save(points))
        write_record(record)
        tqdm.write(f"{name:18s} on target {record['training'][name]['on_target']:.3f}")


def measure_all_digits(record: dict, checkpoint: checkpoints.Checkpoint, args: argparse.Namespace) -> None:
    """Fill record["digits"]."""
    yardstick, labels = Yardstick(), torch.arange(args.n) % 10
    for name in tqdm([RIGHT, *of_family("walk"), "right, guided", *of_family("guidance")], desc="digits"):
        if name in record.setdefault("digits", {}):
            continue
        x = draw_digits(checkpoint, name, labels, args.batch, args.steps)
        right = yardstick.features(x)[1].argmax(1) == labels
        record["digits"][name] = {"fd": round(yardstick.distance(x), 3), "accuracy": round(float(right.double().mean()), 4)}
        write_record(record)
        tqdm.write(f"{name:18s} {record['digits'][name]}")


def main() -> None:
    """Measure every bug that is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--only", choices=("training", "digits"), help="measure this part again, from scratch")
    args = parser.parse_args()
    checkpoint, record = checkpoints.load("mnist-unet-class"), read_record()
    if args.only:
        record.pop(args.only, None)
    stamp = {"checkpoint": checkpoint.name, "sha256": checkpoint.card["sha256"], "n": args.n, "steps": args.steps}
    if {key: record.get(key) for key in stamp} != stamp:  # digits of another model or number say nothing about these
        record.pop("digits", None)
    record |= stamp | {"weight": WEIGHT, "hardware": describe(checkpoint.device), "versions": versions(), "commit": commit(),
                       "processor": processor(), "date": date.today().isoformat()}
    if args.only != "digits":
        measure_all_training(record)
    if args.only != "training":
        measure_all_digits(record, checkpoint, args)


if __name__ == "__main__":
    main()
