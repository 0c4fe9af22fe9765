"""How does the cost of a training step and of a network call grow with batch, resolution, width and processes?

    python benchmarks/growth.py [--device cpu]

One thing is changed at a time, from the recipe of mnist-unet: batch 64, 28 × 28 pixels, channels (64, 160), one process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import torch
from timing import interleaved, record
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.devices import autocast, pick_device
from diffusion_utils.networks.unet import UNet

CHANGES = {
    "batch": [{"batch": b} for b in (1, 4, 16, 64, 256)],
    "resolution": [{"batch": 16, "side": s} for s in (28, 56, 112)],
    "width": [{"channels": (c, int(2.5 * c))} for c in (16, 32, 64, 128)],
}


def cost(device: torch.device, batch: int = 64, side: int = 28, channels: tuple[int, int] = (64, 160), rounds: int = 3) -> dict:
    """Seconds of a call and of a training step, parameters, and floating-point operations of a call a picture."""
    net = UNet(patch=2, channels=channels).to(device)
    x, time = torch.randn(batch, 1, side, side, device=device), torch.full((batch,), 500.0, device=device)

    @torch.no_grad()
    def call() -> None:
        with autocast(device):
            net(x, time)

    def step() -> None:
        with autocast(device):
            loss = net(x, time).float().square().mean()
        loss.backward()
        net.zero_grad()

    with FlopCounterMode(display=False) as counter:
        call()
    timed = interleaved({"call": call, "step": step}, device, rounds)
    return {"batch": batch, "side": side, "channels": list(channels), "parameters": sum(p.numel() for p in net.parameters()),
            "flop_per_call_and_picture": counter.get_total_flops() / batch,
            "call_s": timed["call"]["median_s"], "step_s": timed["step"]["median_s"]}


def processes(count: int, steps: int = 20) -> float:
    """Images a second of `count` processes under torchrun, one thread each, a batch of 64 in all."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", __file__, "--worker",
               str(steps)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def worker(steps: int) -> None:
    """One process of a training run of the recipe; the first prints images a second, without the first quarter."""
    from dataclasses import replace

    from diffusion_utils.data import load_mnist
    from diffusion_utils.distributed import TorchrunGroup, local_device
    from diffusion_utils.recipes import get_recipe
    from diffusion_utils.training import fit
    device = local_device(pick_device("cpu"))
    group, data = TorchrunGroup(device), load_mnist("train")
    recipe = replace(get_recipe("mnist-unet"), warm_start=None)
    config = replace(recipe.train, steps=steps, batch=64, log_every=steps // 4)
    lines = list(fit(recipe.build(), recipe.loss_fn(data, device, group), len(data), config, group=group))
    seconds = lines[-1].seconds - lines[1].seconds
    if group.is_first:
        print((lines[-1].step - lines[1].step) * config.batch / seconds)


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker)
    device = pick_device(args.device)
    figures: dict = {name: [cost(device, **change) for change in changes] for name, changes in CHANGES.items()}
    if device.type == "cpu":
        figures["processes"] = [{"processes": k, "images_per_s": round(processes(k), 1)} for k in (1, 2)]
    record("growth", device, figures)


if __name__ == "__main__":
    main()
