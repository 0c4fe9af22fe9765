"""How does the cost of a training step and of a network call grow with batch, resolution, width, T and processes?

    python benchmarks/growth.py [--quick] [--device cpu]

One thing is changed at a time, from the network of mnist-unet: batch 64, 28 × 28 pixels, channels (64, 160).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import torch
from peers import from_scratch
from timing import Results, arguments
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.chapters.speed import interleaved
from diffusion_utils.data import load_mnist
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, pick_device, place
from diffusion_utils.networks.unet import UNet
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine
from diffusion_utils.training import fit
from diffusion_utils.training.distributed import TorchrunGroup, local_device

CHANGES = {
    "batch": [{"batch": b} for b in (1, 4, 16, 64, 256)],
    "resolution": [{"batch": 16, "side": s} for s in (28, 56, 112)],
    "width": [{"channels": (c, int(2.5 * c))} for c in (16, 32, 64, 128)],
}
SPLITS = [(1, 1), (1, 2), (2, 1)]  # processes and threads of each


def cost(device: torch.device, rounds: int, batch: int = 64, side: int = 28, channels: tuple[int, int] = (64, 160)) -> dict:
    """Seconds of a call and of a training step without optimiser, parameters, and FLOP of a call a picture."""
    net = place(UNet(patch=2, channels=channels), device)
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
    return {"batch": batch, "side": side, "channels": list(channels), "parameters": sum(p.numel() for p in net.parameters()),
            "flop_per_call_and_picture": counter.get_total_flops() / batch,
            **interleaved({"call": call, "step": step}, device, rounds)}


def longer_tables(device: torch.device, rounds: int) -> dict:
    """Seconds of 20 steps of DPM-Solver++(2M), batch 64, without a network, for schedules of T rows."""
    def walk(schedule):
        def run() -> None:
            denoiser = Denoiser(lambda x, time, cond=None: x, schedule, "v", clip=(-1, 1))
            for _ in sample(denoiser, schedule, (64, 1, 28, 28), Sampler("dpmpp_2m", steps=20), device=device):
                pass
        return run

    return interleaved({str(T): walk(cosine(T)) for T in (100, 1000, 10_000)}, device, rounds)


def processes(device: torch.device, count: int, threads: int, steps: int) -> dict:
    """Images a second of `count` processes under torchrun, a batch of 64 in all."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", __file__,
               "--device", device.type, "--worker", str(steps)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"torchrun with {count} processes failed:\n{done.stderr[-2000:]}")
    return {"processes": count, "threads": threads, "images_per_s": json.loads(done.stdout.strip().splitlines()[-1])}


def worker(device: torch.device, steps: int) -> None:
    """One process of a training run of the recipe; the first prints images a second, without the first quarter."""
    device = local_device(device)
    group, data = TorchrunGroup(device), load_mnist("train")
    recipe = from_scratch()
    config = replace(recipe.train, steps=steps, batch=64, log_every=steps // 4)
    net = place(recipe.build(), device)
    lines = list(fit(net, recipe.loss_fn(data, device, group), len(data), config, group=group))
    if group.is_first:
        print((lines[-1].step - lines[1].step) * config.batch / (lines[-1].seconds - lines[1].seconds))


def main() -> None:
    """Measure what is missing and record it."""
    parser = arguments(__doc__)
    parser.add_argument("--worker", type=int, help="(one process of several, started by this program)")
    args = parser.parse_args()
    device = pick_device(args.device)
    if args.worker:
        return worker(device, args.worker)
    rounds, steps = (3, 8) if args.quick else (7, 60)
    results = Results("growth", device, "seconds, medians of n rounds that take turns", rounds, {}, args.quick)
    for name, changes in CHANGES.items():
        for change in changes[:3] if args.quick else changes:
            results.part(f"{name} {list(change.values())[-1]}", lambda change=change: cost(device, rounds, **change))
    results.part("T", lambda: longer_tables(device, rounds))
    splits = SPLITS if device.type == "cpu" else [(k, 1) for k in range(1, torch.cuda.device_count() + 1)]
    for count, threads in splits:
        for again in range(1 if args.quick else 3):  # for the spread
            results.part(f"processes {count} × {threads} threads, run {again}",
                         lambda count=count, threads=threads: processes(device, count, threads, steps))


if __name__ == "__main__":
    main()
