"""How good is the network that chapter 3 trains while the reader watches, after 2 and after 5 minutes?

    python benchmarks/live.py [--quick] [--device cpu]

The learning rate follows the clock, so each length is a run of its own. Several seeds, because a run this short depends on
chance and on how busy the machine is.
"""

from __future__ import annotations

import torch
from techniques import measure
from timing import Results, arguments

from diffusion_utils.data import ImageData, load_mnist
from diffusion_utils.devices import pick_device, place
from diffusion_utils.metrics.digits import Yardstick
from diffusion_utils.recipes.quick import quick
from diffusion_utils.sampling import Sampler
from diffusion_utils.training import fit
from diffusion_utils.training.distributed import Group

LENGTHS, SEEDS = (2, 5), (0, 1, 2)  # minutes


def run(minutes: float, seed: int, n: int, data: ImageData, yardstick: Yardstick, device: torch.device) -> dict:
    """Train the live recipe for so long and measure n of its samples."""
    recipe = quick(minutes, seed)
    net = place(recipe.build(), device)
    *_, progress = fit(net, recipe.loss_fn(data, device, Group()), len(data), recipe.train)
    fd = measure(progress.ema_net, recipe.make_schedule(), recipe.predicts, Sampler(**recipe.sampling), yardstick, n, device)
    return {"minutes": minutes, "seed": seed, "steps": progress.step, "images": progress.step * recipe.train.batch, "fd": fd}


def main() -> None:
    """Measure what is missing and record it."""
    args = arguments(__doc__).parse_args()
    device, yardstick, data = pick_device(args.device), Yardstick(), load_mnist("train")
    lengths, seeds, n = ((0.2,), (0,), 250) if args.quick else (LENGTHS, SEEDS, 2000)
    results = Results("live", device, "Fréchet distance of n samples to the training digits, in features of "
                      "mnist-classifier, after minutes of chapter 3's live training", n,
                      {"floor_test": yardstick.figures["floor_test"]}, args.quick)
    for seed in seeds:
        for minutes in lengths:
            results.part(f"{minutes:g} minutes, seed {seed}",
                         lambda minutes=minutes, seed=seed: run(minutes, seed, n, data, yardstick, device))


if __name__ == "__main__":
    main()
