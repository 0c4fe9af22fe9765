"""Measure a trained checkpoint for its card: `python tools/build.py run record_figures CARD_OR_NAME [--n 10000]`.

Three seeds by default, so that the spread is known; the checkpoint's own sampler and steps; balanced labels if it takes any.
"""

from __future__ import annotations

import argparse
from datetime import date
from statistics import mean

import torch

from diffusion_utils import checkpoints
from diffusion_utils.devices import describe
from diffusion_utils.files import write_atomic
from diffusion_utils.generate import generate
from diffusion_utils.metrics.digits import evaluate


def measure(name: str, n: int, seeds: list[int]) -> dict:
    """The figures of `n` samples for each seed, and their means."""
    checkpoint = checkpoints.load(name)
    calls = checkpoint.sampler.calls()
    labels = torch.arange(n) % checkpoint.num_classes if checkpoint.num_classes else None
    runs = []
    for seed in seeds:
        x = generate(checkpoint, n, cond=labels, seed=seed, progress=True)
        runs.append(evaluate(x, labels, calls))
        print({k: runs[-1][k] for k in ("fd", "accuracy", "precision", "recall", "floor_test")}, flush=True)
    keys = ("fd", "precision", "recall") + (("accuracy",) if labels is not None else ())
    return {key: mean(run[key] for run in runs) for key in keys} | {
        "fd_of_each_seed": [run["fd"] for run in runs], "n": n, "seeds": seeds, "calls": calls,
        **checkpoint.card["config"]["sampling"],
        "weight": 1, "floor_test": runs[0]["floor_test"], "floor_random": runs[0]["floor_random"],
        "nearest_training_digits": runs[0]["nearest"],
        "hardware": describe(checkpoint.device), "date": date.today().isoformat(),
    }


def main() -> None:
    """Measure each checkpoint named and rewrite its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (default: 3)")
    args = parser.parse_args()
    for name in args.names:
        card = checkpoints.read_card(name)
        card["figures"] = measure(name, args.n, seeds=list(range(args.seeds)))
        write_atomic(checkpoints.find_card(name), checkpoints.json_bytes(card))


if __name__ == "__main__":
    main()
