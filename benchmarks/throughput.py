"""How many samples and training images a second, ours and diffusers', at the same network, precision and calls?

    python benchmarks/throughput.py [--batch 64] [--calls 20] [--device cpu]

Both samplers call the very same network, diffusers' own; then both call ours. The share of what is not the network is
measured with a network that does nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from timing import interleaved, record
from torch import Tensor, nn

from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, pick_device
from diffusion_utils.distributed import Group
from diffusion_utils.ema import EMA
from diffusion_utils.losses import diffusion_loss, spread_times
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.sampling import sample
from diffusion_utils.training import make_optimiser


class Theirs(nn.Module):
    """diffusers' U-Net in the place of ours: net(x, time, cond)."""

    def __init__(self):
        super().__init__()
        self.net = UNet2DModel(
            sample_size=28, in_channels=1, out_channels=1, layers_per_block=2, block_out_channels=(32, 64, 128),
            norm_num_groups=16, down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"))

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        return self.net(x, time).sample


class Nothing(nn.Module):
    """A network whose answer costs nothing: what remains is the sampler."""

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        return x


def from_scratch() -> DiffusionRecipe:
    """The recipe of mnist-unet with fresh weights: what is timed does not depend on them."""
    return replace(get_recipe("mnist-unet"), warm_start=None)


SCHEDULERS = {"ddim": lambda: DDIMScheduler(timestep_spacing="trailing", clip_sample=True),
              "dpmpp_2m": lambda: DPMSolverMultistepScheduler(timestep_spacing="trailing")}


def samplers(net: nn.Module, batch: int, calls: int, device: torch.device) -> dict:
    """Our sampler and diffusers' scheduler around the same network, ready to be timed."""
    schedule = get_recipe("mnist-unet").make_schedule()
    denoiser = Denoiser(net, schedule, "eps")

    @torch.no_grad()
    def ours(sampler: str) -> Tensor:
        with autocast(device):
            *_, last = sample(denoiser, schedule, (batch, 1, 28, 28), sampler=sampler, steps=calls, device=device)
        return last.x_t

    @torch.no_grad()
    def theirs(sampler: str) -> Tensor:
        scheduler = SCHEDULERS[sampler]()
        scheduler.set_timesteps(calls, device=device)
        x = torch.randn((batch, 1, 28, 28), device=device)
        with autocast(device):
            for t in scheduler.timesteps:
                x = scheduler.step(net(x, t.expand(batch).float()).float(), t, x).prev_sample
        return x

    return {f"{who} {sampler}": (lambda f=f, sampler=sampler: f(sampler))
            for sampler in SCHEDULERS for who, f in (("ours", ours), ("diffusers", theirs))}


def training_parts(batch: int, device: torch.device) -> dict:
    """A training step of the recipe, whole and in parts."""
    recipe, data, group = from_scratch(), load_mnist("train"), Group()
    net = recipe.build().to(device)
    loss_fn = recipe.loss_fn(data, device, group)
    optimiser, ema = make_optimiser(net, recipe.train), EMA(net)
    generator = torch.Generator().manual_seed(0)
    schedule, x0 = recipe.make_schedule(), to_model(data.images[:batch].to(device))
    t, eps = spread_times(batch, schedule.T, generator), torch.randn(x0.shape, generator=generator).to(device)

    def network() -> None:
        with autocast(device):
            diffusion_loss(net, schedule, recipe.predicts, x0, t, eps).backward()

    def whole() -> None:
        with autocast(device):
            loss = loss_fn(net, torch.randint(len(data), (batch,), generator=generator), generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        ema.update(net, 1000)

    return {"whole step": whole, "network forward and back": network, "optimiser": optimiser.step,
            "average": lambda: ema.update(net, 1000)}


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device")
    args = parser.parse_args()
    device = pick_device(args.device)
    figures: dict = {"batch": args.batch, "calls": args.calls, "rounds": args.rounds}
    recipe = from_scratch()
    nets = {"diffusers' network": Theirs(), "our network": recipe.build(), "no network": Nothing()}
    for name, net in nets.items():
        timed = interleaved(samplers(net.to(device).eval(), args.batch, args.calls, device), device, args.rounds)
        figures[name] = {who: {"samples_per_s": round(args.batch / v["median_s"], 1), **v} for who, v in timed.items()}
    figures["sampler's share"] = {who: round(figures["no network"][who]["median_s"] / v["median_s"], 4)
                                  for who, v in figures["our network"].items()}
    figures["training"] = interleaved(training_parts(args.batch, device), device, args.rounds)
    record("throughput", device, figures)


if __name__ == "__main__":
    main()
