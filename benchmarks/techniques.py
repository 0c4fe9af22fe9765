"""What each technique is worth: one thing changed at a time, the same minutes of training, the same measurements.

    python benchmarks/techniques.py [--minutes 3] [--only NAME …] [--device cpu]

Each entry says what was expected before it was measured. What did not help stays in the table. A run that is in the
record already is not repeated; results/techniques-DEVICE.json is written after each.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field, replace
from datetime import date

import torch
from timing import FOLDER
from torch import nn

from diffusion_utils.checkpoints import json_bytes
from diffusion_utils.data import ImageData, load_mnist, to_model
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, describe, pick_device
from diffusion_utils.evaluation import Yardstick
from diffusion_utils.files import write_atomic
from diffusion_utils.losses import diffusion_loss, min_snr_weight, spread_times
from diffusion_utils.recipes import get_recipe
from diffusion_utils.sampling import sample
from diffusion_utils.training import Progress, TrainConfig, fit


@dataclass(frozen=True)
class Technique:
    """One change to the base run. expected: what we thought before measuring. train, network: changes of the recipe's
    entries; the rest are switches that the recipe does not have, because they did not help or are there by device."""

    name: str
    expected: str
    train: dict = field(default_factory=dict)
    network: dict = field(default_factory=dict)
    schedule: dict | None = None
    predicts: str = "v"
    channels_last: bool = False
    compiled: bool = False
    independent_times: bool = False
    snr_cap: float | None = None  # min-SNR weights (Hang et al. 2023) with this cap


TECHNIQUES = [
    Technique("base", "the recipe: Muon, v, cosine, fold by 2, bfloat16, spread times, batch 64, EMA 0.995"),
    Technique("AdamW", "two thirds of Muon's progress a step, a little faster a step", {"optimiser": "adamw"}),
    Technique("float32", "twice as slow on a CPU with bfloat16 units", {"bf16": False}),
    Technique("no folding", "four times the arithmetic at the finest level: far fewer steps", network={"patch": 1}),
    Technique("fold by 4", "half the arithmetic; strokes are thinner than 4 pixels, so worse in the end", network={"patch": 4}),
    Technique("narrow", "a third of the time a step: better in a few minutes", network={"channels": [32, 80]}),
    Technique("wide at 7×7", "as fast, since small pictures leave the units idle: better", network={"channels": [48, 192]}),
    Technique("two blocks a level", "slower steps, better ones: about even in so short a run", network={"blocks": 2}),
    Technique("channels_last", "10 % faster convolutions on a CPU", channels_last=True),
    Technique("torch.compile", "a fifth faster after a start of half a minute", compiled=True),
    Technique("predict ε", "worse at few calls: the first step divides by a small signal", predicts="eps"),
    Technique("predict x₀", "about even", predicts="x0"),
    Technique("linear schedule", "worse: too little time at the noise levels where digits form",
              schedule={"name": "linear", "T": 1000}),
    Technique("flow", "about even", schedule={"name": "flow", "T": 1000}, predicts="flow"),
    Technique("min-SNR 5", "less weight on fine detail: slightly better in a short run", snr_cap=5.0),
    Technique("independent times", "no difference in fd: the noise that it removes averages out", independent_times=True),
    Technique("batch 32", "more steps: better in a short run, with its noise calmed by the cosine", {"batch": 32}),
    Technique("batch 256", "too few steps", {"batch": 256}),
    Technique("half the rate", "slower", {"lr": 0.75e-3}),
    Technique("twice the rate", "on the edge", {"lr": 3e-3}),
    Technique("no average", "even: the cosine calms the weights by itself", {"ema": 0.0}),
    Technique("long average", "worse: it remembers the beginning", {"ema": 0.9995}),
]


def train(technique: Technique, minutes: float, data: ImageData, device: torch.device) -> tuple[nn.Module, object, Progress]:
    """Train for so many minutes; returns the network run, the recipe, and the last progress."""
    recipe = get_recipe("mnist-unet")
    base = TrainConfig(steps=10**9, minutes=minutes, batch=64, lr=1.5e-3, warmup=50, ema=0.995, log_every=10, optimiser="muon")
    recipe = replace(recipe, warm_start=None, predicts=technique.predicts, schedule=technique.schedule or recipe.schedule,
                     network=recipe.network | technique.network, train=replace(base, **technique.train))
    net = recipe.build().to(device)
    if technique.channels_last:
        net = net.to(memory_format=torch.channels_last)
    schedule, images = recipe.make_schedule(), data.images.to(device)
    run = torch.compile(net) if technique.compiled else net

    def loss(_: nn.Module, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if technique.independent_times:
            t = torch.randint(1, schedule.T + 1, (len(rows),), generator=generator)
        else:
            t = spread_times(len(rows), schedule.T, generator)
        x0, eps = to_model(images[rows.to(device)]), torch.randn((len(rows), 1, 28, 28), generator=generator).to(device)
        weight = None if technique.snr_cap is None else min_snr_weight(schedule, technique.predicts, t, technique.snr_cap)
        return diffusion_loss(run, schedule, technique.predicts, x0, t, eps, weight=weight)

    *_, last = fit(net, loss, len(data), recipe.train)
    return last.ema_net, recipe, last


def measure(net: nn.Module, recipe, yardstick: Yardstick, n: int, device: torch.device) -> float:
    """The Fréchet distance of n samples, 20 calls of DPM-Solver++(2M)."""
    schedule, done = recipe.make_schedule(), []
    for first in range(0, n, 250):
        with autocast(device):
            *_, last = sample(Denoiser(net, schedule, recipe.predicts), schedule, (250, 1, 28, 28), sampler="dpmpp_2m",
                              steps=20, indices=range(first, first + 250), device=device)
        done.append(last.x_t.float().clamp(-1, 1))
    return round(yardstick.distance(torch.cat(done)), 3)


def main() -> None:
    """Measure what is missing in the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--only", nargs="+", choices=[t.name for t in TECHNIQUES])
    parser.add_argument("--device")
    args = parser.parse_args()
    device, yardstick, data = pick_device(args.device), Yardstick(), load_mnist("train")
    path = FOLDER / f"techniques-{device.type}.json"
    path.parent.mkdir(exist_ok=True)
    head = {"hardware": describe(device), "torch": torch.__version__, "minutes": args.minutes, "n": args.n}
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else head | {"runs": []}
    for technique in TECHNIQUES:
        known = any(run["name"] == technique.name for run in record["runs"])
        if known or (args.only and technique.name not in args.only):
            continue
        net, recipe, last = train(technique, args.minutes, data, device)
        record["runs"].append({
            "name": technique.name, "expected": technique.expected, "steps": last.step, "batch": recipe.train.batch,
            "parameters": sum(p.numel() for p in net.parameters()), "fd": measure(net, recipe, yardstick, args.n, device),
            "date": date.today().isoformat()})
        write_atomic(path, json_bytes(record))
        print(record["runs"][-1], flush=True)


if __name__ == "__main__":
    main()
