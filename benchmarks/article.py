"""What does each repair of the article's listing buy? Chapter 13 shows the answer.

    python benchmarks/article.py [--only NAME …] [--n 2000] [--quick] [--folder benchmarks/runs/article]

Goes through the versions of the experiment in order: the error that a version raises, or its network trained on the 60,000
digits (50 epochs for the listing's network, 2,000 steps for the U-Net), its loss, and n samples measured by
mnist-classifier. Writes records/article.json and article.safetensors in the package after each version and each network, so
that an interrupted run goes on where it was; --only measures versions, or 'variance', again. Trained networks are kept in
--folder; to train again, delete it and the record. What is of another mnist-unet is measured again by itself.
--quick is a smoke test of a thousandth of the training, which writes into the folder alone.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path

import torch
from safetensors import torch as safetensors
from timing import commit, processor
from torch import Tensor

from diffusion_utils import checkpoints
from diffusion_utils.chapters.article import Experiment, first_error, train, versions, walk
from diffusion_utils.chapters.article.measure import live_units, loss_at_the_listings_levels, sizes
from diffusion_utils.chapters.article.repairs import BATCH, EPOCHS
from diffusion_utils.data import load_mnist, to_model, to_pixels
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, describe, pick_device
from diffusion_utils.drawing import in_batches
from diffusion_utils.files import write_atomic
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.records import FOLDER
from diffusion_utils.sampling import Sampler, State, sample

RUNS = Path(__file__).parent / "runs" / "article"
SHOWN = 16  # samples of each version that the record keeps
UNET_STEPS = 2000
LOOKS = (1, 2, 5, 10, 20, 30, 40, 50)  # epochs after which the MLP's samples are measured
VARIANCES = {"none": "mean", "posterior": "posterior", "large": "large"}  # name → step
VARIED = {"time": (20, 100, 1000), "schedule": (20, 100)}  # version whose network walks with each variance → in how many steps


@dataclass(frozen=True)
class Size:
    """How much of everything: samples, walk steps where a version takes 1000, and a divisor of the training steps."""

    n: int = 2000
    walk: int = 1000  # steps
    shorter: int = 1

    def training_steps(self, experiment: Experiment, rows: int) -> int:
        """Optimiser steps of the version's run on so many digits."""
        steps = UNET_STEPS if experiment.network == "unet" else EPOCHS * math.ceil(rows / BATCH)
        return steps // self.shorter


FULL, QUICK = Size(), Size(n=20, walk=20, shorter=1000)


def say(text: str) -> None:
    """A line of progress, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def test_digits(n: int) -> Tensor:
    """n random ones of the test digits, float32 (n, 1, 28, 28): those that chapter 4's record measures its floor with."""
    images = load_mnist("test").images
    return to_model(images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:n]])


class Bench:
    """The record, the file of samples and the folder of trained networks, and what is measured with them."""

    def __init__(self, size: Size, folder: Path, records: Path):
        self.size, self.folder = size, folder
        self.path, self.samples_path = records / "article.json", records / "article.safetensors"
        self.data, self.test = load_mnist("train"), test_digits(size.n)
        self.device, self.yardstick = pick_device(), Yardstick()
        self.samples = safetensors.load(self.samples_path.read_bytes()) if self.samples_path.exists() else {}
        self.record = self._read()

    def _read(self) -> dict:
        """The record so far, without what is of another checkpoint; or an empty one. Ends where it was made differently."""
        head = {"n": self.size.n, "epochs": EPOCHS, "hardware": describe(self.device), "torch": torch.__version__}
        shipped = checkpoints.read_card("mnist-unet")
        record = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else head
        if (made := {key: record[key] for key in head}) != head:
            sys.exit(f"{self.path} was made differently; move it away to begin anew. There: {made}. Here: {head}")
        if record.get("sha256") != shipped["sha256"]:
            for name in (name for name, experiment in versions().items() if experiment.shipped):
                record.get("versions", {}).pop(name, None)
        parts = {key: record.get(key, {}) for key in ("versions", "runs", "variance")}
        return {"measure": "what each repair of the article's listing buys: loss on test digits at the listing's noise levels, "
                           "and the Fréchet distance of n samples to the training digits",
                "checkpoint": "mnist-unet", "sha256": shipped["sha256"], **head,
                "floor": round(self.yardstick.distance(self.test), 4), **parts}

    def write(self) -> None:
        """Record and samples, each whole or not at all."""
        self.record |= {"date": date.today().isoformat(), "commit": commit(), "processor": processor()}
        write_atomic(self.samples_path, safetensors.save(self.samples))
        write_atomic(self.path, checkpoints.json_bytes(self.record))

    def denoiser(self, experiment: Experiment, net: torch.nn.Module, clip: bool | None = None) -> Denoiser:
        """The version's denoiser, with its own clip unless given."""
        clipped = experiment.clip if clip is None else clip
        return Denoiser(net, experiment.make_schedule(), experiment.predicts, clip=(-1.0, 1.0) if clipped else None)

    def network(self, experiment: Experiment) -> torch.nn.Module:
        """The version's network, trained now unless it was before."""
        if experiment.shipped:
            return checkpoints.load("mnist-unet", self.device).net
        path = self.folder / f"{experiment.run}.safetensors"
        if experiment.run not in self.record["runs"] or not path.exists():
            steps = self.size.training_steps(experiment, len(self.data))
            self.record["runs"][experiment.run], trained = self.train(experiment, steps)
            write_atomic(path, safetensors.save({k: v.cpu().contiguous() for k, v in trained.state_dict().items()}))
            self.write()
        net = experiment.make_net().to(self.device)
        net.load_state_dict(safetensors.load(path.read_bytes()))
        return net.eval().requires_grad_(False)

    def train(self, experiment: Experiment, steps: int) -> tuple[dict, torch.nn.Module]:
        """Train; the run's figures, and the network to sample from."""
        epoch, passes, looking = steps / EPOCHS, [], 0.0
        wanted = [look for look in LOOKS if experiment.told_time and experiment.network == "mlp"]
        for progress in train(experiment, self.data, steps):
            if progress.step % 1000 == 0 or progress.step == steps:
                say(f"  training {experiment.run}: {progress.step:,} of {steps:,} steps, loss {progress.loss:.4f}")
            if wanted and progress.step >= wanted[0] * epoch - 1e-6:
                before = time.monotonic()
                wanted.pop(0)
                x = self.quick_look(experiment, progress.ema_net)
                passes.append([round(progress.step / epoch, 2), round(self.yardstick.distance(x.clamp(-1, 1)), 2)])
                looking += time.monotonic() - before
        return {"steps": progress.step, "batch": BATCH, "seconds": round(progress.seconds - looking),
                "parameters": sum(p.numel() for p in progress.ema_net.parameters()), "passes": passes,
                "history": [[step, round(loss, 4)] for step, loss in progress.history]}, progress.ema_net

    def quick_look(self, experiment: Experiment, net: torch.nn.Module) -> Tensor:
        """n samples by 20 calls of the solver each, whatever the version's own steps."""
        return self.draw("solver", self.denoiser(experiment, net, clip=True), 20)

    def draw(self, step: str, denoiser: Denoiser, steps: int, spacing: str = "uniform", batch: int = 250) -> Tensor:
        """n samples, float32 (n, 1, 28, 28), not clipped; sample i is that of seed 0 and index i."""
        n = self.size.n

        def walk_of(rows: range) -> Iterator[State]:
            how = {"indices": rows, "device": self.device}
            shape, schedule = (len(rows), 1, 28, 28), denoiser.schedule
            if step == "large":
                yield from sample(denoiser, schedule, shape, Sampler("ddpm", steps=steps, variance="large"), **how)
            else:
                yield from walk(step, denoiser, schedule, shape, steps=steps, spacing=spacing, **how)
            if steps > 100:  # the rest takes seconds
                say(f"  {step}, {steps:,} steps: {rows.stop:,} of {n:,} samples")

        return in_batches(walk_of, n, batch, self.device).float()

    def steps(self, experiment: Experiment) -> int:
        """Calls for a sample, fewer in a smoke test."""
        return min(experiment.steps, self.size.walk)

    def measure(self, name: str, experiment: Experiment) -> None:
        """Fill record["versions"][name], and keep the samples."""
        self.record["versions"].pop(name, None)
        self.samples.pop(name, None)
        error = first_error(experiment)
        if error is not None:
            self.record["versions"][name] = {"error": error}
            return
        net = self.network(experiment)
        denoiser, schedule, steps = self.denoiser(experiment, net), experiment.make_schedule(), self.steps(experiment)
        with autocast(self.device):
            size, few = sizes(walk(experiment.step, denoiser, schedule, (SHOWN, 1, 28, 28), steps=steps,
                                   spacing=experiment.spacing, device=self.device))
        finite = float(torch.isfinite(few).double().mean())
        loss = loss_at_the_listings_levels(self.denoiser(experiment, net, clip=False), schedule, self.test, self.device)
        found = {"run": experiment.run, "loss": round(loss, 5), "calls": steps, "finite": round(finite, 4), "fd": None,
                 "sizes": size}
        if experiment.network == "mlp":
            found["alive"] = live_units(net, schedule, self.test.to(self.device))
        if finite == 1:
            x = self.draw(experiment.step, denoiser, steps, experiment.spacing)
            few, found["fd"] = x[:SHOWN], round(self.yardstick.distance(x.clamp(-1, 1)), 2)
        self.samples[name] = to_pixels(few.float().cpu().nan_to_num(0, 0, 0)).contiguous()
        self.record["versions"][name] = found

    def measure_variance(self, version: str, name: str) -> None:
        """Fill record["variance"][version][name] with [steps, Fréchet distance], of the version's network and schedule."""
        experiment = versions()[version]
        denoiser, entries = self.denoiser(experiment, self.network(experiment)), []
        for steps in VARIED[version]:
            if (name, steps) == (experiment.step, experiment.steps) and version in self.record["versions"]:
                fd = self.record["versions"][version]["fd"]  # the very same samples
            else:
                x = self.draw(VARIANCES[name], denoiser, min(steps, self.size.walk))
                fd = round(self.yardstick.distance(x.clamp(-1, 1)), 2)
            entries.append([steps, fd])
        self.record["variance"].setdefault(version, {})[name] = entries
        self.write()

    def measure_all(self, only: list[str]) -> None:
        """What is missing in the record, or what is asked for."""
        wanted = [name for name in versions() if name in only or not only and name not in self.record["versions"]]
        for number, name in enumerate(wanted, start=1):
            say(f"version {number} of {len(wanted)}, {name} …")
            started = time.monotonic()
            self.measure(name, versions()[name])
            self.write()
            shown = {key: value for key, value in self.record["versions"][name].items() if key != "sizes"}
            say(f"{name}: {shown} ({time.monotonic() - started:.0f} s)")
        for version, name in product(VARIED, VARIANCES):
            if "variance" in only or not only and name not in self.record["variance"].get(version, {}):
                say(f"variance {name} with the network of '{version}' …")
                self.measure_variance(version, name)
                say(f"variance {name}: {self.record['variance'][version][name]}")


def main() -> None:
    """Measure what is missing in the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*versions(), "variance"], default=[], help="measure these again")
    parser.add_argument("--n", type=int, default=FULL.n, help="samples of each version")
    parser.add_argument("--quick", action="store_true", help="a smoke test; the package's record is not touched")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where trained networks are kept")
    args = parser.parse_args()
    folder = args.folder / "quick" if args.quick else args.folder
    folder.mkdir(parents=True, exist_ok=True)
    size = QUICK if args.quick else replace(FULL, n=args.n)
    Bench(size, folder, folder if args.quick else FOLDER).measure_all(args.only)


if __name__ == "__main__":
    main()
