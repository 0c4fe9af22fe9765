"""How many samples and training images a second, ours and diffusers', at the same network, precision, batch and calls?

    python benchmarks/throughput.py [--quick] [--device cpu]

Both samplers call the very same network, diffusers' own; then both call ours. The share of what is not the network is
measured with a network that does nothing. diffusers' schedulers are called as its pipelines call them, without the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.optimization import get_cosine_schedule_with_warmup
from peers import ARMS, Arm, diffusers_unet, from_scratch
from speedups import Graphed
from timing import Results, arguments
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.chapters.speed import interleaved, matrix_rate
from diffusion_utils.data import load_mnist, to_model
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, keep_freed_memory, pick_device, place
from diffusion_utils.errors import first_line
from diffusion_utils.losses import diffusion_loss, spread_times
from diffusion_utils.recipes import get_recipe
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.training import Step, batch_rows, make_optimiser
from diffusion_utils.training.distributed import Group
from diffusion_utils.training.ema import EMA

BATCH, CALLS = 64, 20
TURN = 1280  # training images of each way to train in each round, about


class Theirs(nn.Module):
    """diffusers' U-Net in the place of ours: net(x, time, cond)."""

    def __init__(self):
        super().__init__()
        self.net = diffusers_unet()

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        return self.net(x, time).sample


class Nothing(nn.Module):
    """A network whose answer costs nothing: what remains is the sampler."""

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        return x


SCHEDULERS = {"ddim": lambda: DDIMScheduler(timestep_spacing="trailing", clip_sample=True),
              "dpmpp_2m": lambda: DPMSolverMultistepScheduler(timestep_spacing="trailing"),
              "dpmpp_2m_sde": lambda: DPMSolverMultistepScheduler(timestep_spacing="trailing",
                                                                  algorithm_type="sde-dpmsolver++")}


def samplers(net: nn.Module, device: torch.device) -> dict:
    """Our sampler and diffusers' scheduler around the same network, ready to be timed; on CUDA ours also around its graph."""
    schedule = get_recipe("mnist-unet").make_schedule()

    @torch.no_grad()
    def ours(sampler: str, net: Callable = net) -> Tensor:
        denoiser = Denoiser(net, schedule, "eps", clip=(-1, 1))
        with autocast(device):
            *_, last = sample(denoiser, schedule, (BATCH, 1, 28, 28), Sampler(sampler, steps=CALLS), device=device)
        return last.x_t

    @torch.no_grad()
    def theirs(sampler: str) -> Tensor:
        scheduler = SCHEDULERS[sampler]()
        scheduler.set_timesteps(CALLS, device=device)
        x = torch.randn((BATCH, 1, 28, 28), device=device)
        with autocast(device):
            for t in scheduler.timesteps:
                x = scheduler.step(net(x, t.expand(BATCH).float()).float(), t, x).prev_sample
        return x

    found = {f"{who} {sampler}": partial(f, sampler) for sampler in SCHEDULERS
             for who, f in (("ours", ours), ("diffusers", theirs))}
    if device.type == "cuda" and not isinstance(net, Nothing):
        try:
            graph = Graphed(net, torch.randn((BATCH, 1, 28, 28), device=device), torch.zeros(BATCH, device=device))
        except RuntimeError as error:  # not every network can be recorded
            print(f"the graph is left out: {first_line(error)}")
            return found
        found |= {f"ours {sampler}, graph": partial(ours, sampler, graph) for sampler in SCHEDULERS}
    return found


def sampling(net: nn.Module, device: torch.device, rounds: int) -> dict:
    """Seconds and samples a second of each sampler around the network."""
    timed = interleaved(samplers(place(net, device).eval(), device), device, rounds)
    return {name: value | {"samples_per_s": round(BATCH / value["median_s"], 1)} for name, value in timed.items()}


def training(device: torch.device, rounds: int) -> dict:
    """A step of our recipe, whole and in parts; the rest of the whole is data, noise, clipping and the schedule's look-up.

    utilisation: the network's operations a second in the whole step, over the rate of a large product of matrices.
    """
    recipe, data, group = from_scratch(), load_mnist("train"), Group()
    net = place(recipe.build(), device)
    loss_fn = recipe.loss_fn(data, device, group)
    optimiser, ema = make_optimiser(net, recipe.train), EMA(net)
    generator = torch.Generator().manual_seed(0)
    schedule, x0 = recipe.make_schedule(), to_model(data.images[:BATCH].to(device))
    t, eps = spread_times(BATCH, schedule.T, generator), torch.randn(x0.shape, generator=generator).to(device)
    config = replace(recipe.train, batch=BATCH)

    def network() -> None:
        optimiser.zero_grad(set_to_none=True)
        with autocast(device):
            diffusion_loss(net, schedule, recipe.predicts, x0, t, eps).backward()

    def whole() -> None:
        with autocast(device):
            loss = loss_fn(net, Step(1, 0.0, batch_rows(len(data), config, 1), generator, ema.net))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        ema.update(net, 1000)

    timed = interleaved({"whole step": whole, "network forward and back": network, "optimiser": optimiser.step,
                         "average": lambda: ema.update(net, 1000)}, device, rounds)
    with FlopCounterMode(display=False) as counter:
        network()
    seconds, flop = timed["whole step"]["median_s"], counter.get_total_flops()
    return timed | {"images_per_s": round(BATCH / seconds, 1), "flop": flop,
                    "utilisation": round(flop / seconds / matrix_rate(device), 3)}


def same_network_training(device: torch.device, rounds: int) -> dict:
    """A training step around diffusers' network with AdamW: by our parts (with EMA), and as diffusers' tutorial does it."""
    data, schedule = load_mnist("train"), get_recipe("mnist-unet").make_schedule()
    images, generator = data.images.to(device), torch.Generator().manual_seed(0)
    nets = {"ours": Theirs().to(device), "diffusers": diffusers_unet().to(device)}
    optimisers = {name: torch.optim.AdamW(net.parameters(), lr=1e-4) for name, net in nets.items()}
    ema, scheduler = EMA(nets["ours"]), DDPMScheduler(num_train_timesteps=1000)
    rate = get_cosine_schedule_with_warmup(optimisers["diffusers"], num_warmup_steps=500, num_training_steps=10_000)

    def descend(name: str, loss: Tensor) -> None:
        loss.backward()
        nn.utils.clip_grad_norm_(nets[name].parameters(), 1.0)
        optimisers[name].step()
        optimisers[name].zero_grad()

    def digits() -> Tensor:
        return to_model(images[torch.randint(len(images), (BATCH,), generator=generator).to(device)])

    def ours() -> None:
        x0, t = digits(), spread_times(BATCH, schedule.T, generator)
        eps = torch.randn(x0.shape, generator=generator).to(device)
        with autocast(device):
            loss = diffusion_loss(nets["ours"], schedule, "eps", x0, t, eps)
        descend("ours", loss)
        ema.update(nets["ours"], 1000)

    def theirs() -> None:
        x0 = digits()
        eps, t = torch.randn_like(x0), torch.randint(0, 1000, (BATCH,), device=device)
        with autocast(device):
            found = nets["diffusers"](scheduler.add_noise(x0, eps, t), t).sample
            loss = nn.functional.mse_loss(found.float(), eps)
        descend("diffusers", loss)
        rate.step()

    timed = interleaved({"ours": ours, "diffusers": theirs}, device, rounds)
    return {name: value | {"images_per_s": round(BATCH / value["median_s"], 1)} for name, value in timed.items()}


def each_recipe(device: torch.device, rounds: int) -> dict:
    """Training images a second of every way to train that takes part in the race, at its own settings and batch."""
    data, arms = load_mnist("train"), {}
    for name, arm in ARMS.items():
        try:
            arms[name] = arm(data, device, 1e9)
        except ImportError as error:
            print(f"{name}: not measured, {first_line(error)}", flush=True)
    for _ in range(2):  # the first two lines of our own loop come after 1 and 10 steps, further ones every 10
        arms["ours"].step()

    def turn(arm: Arm) -> None:
        for _ in range(1 if arm.name == "ours" else max(1, TURN // arm.batch)):
            arm.step()

    before = {name: arm.seen for name, arm in arms.items()}
    timed = interleaved({name: partial(turn, arm) for name, arm in arms.items()}, device, rounds)
    images = {name: (arm.seen - before[name]) / (rounds + 1) for name, arm in arms.items()}  # the first round is not timed
    return {"rounds": rounds, "arms": {
        name: value | {"batch": arms[name].batch, "images_per_s": round(images[name] / value["median_s"], 1)}
        for name, value in timed.items()}}


def main() -> None:
    """Measure what is missing and record it."""
    args = arguments(__doc__).parse_args()
    device, rounds = pick_device(args.device), 3 if args.quick else 31
    if device.type == "cpu":
        keep_freed_memory()  # as `fit` does; it holds for the whole process, and so serves the other packages, too
    results = Results("throughput", device, "seconds, medians of n rounds that take turns", rounds,
                      {"batch": BATCH, "calls": CALLS}, args.quick)
    for name, make in (("no network", Nothing), ("our network", from_scratch().build), ("diffusers' network", Theirs)):
        results.part(name, lambda make=make: sampling(make(), device, rounds))
    results.part("training", lambda: training(device, rounds))
    results.part("training, diffusers' network", lambda: same_network_training(device, rounds))
    if not args.quick:  # some minutes, and what a race needs to be compared with one on another machine
        results.part("training, each recipe", lambda: each_recipe(device, rounds // 4))
    alone, ours = results.record["parts"]["no network"], results.record["parts"]["our network"]
    for name, without in alone.items():
        if " " in name:
            print(f"{name}: what is not the network takes {without['median_s'] / ours[name]['median_s']:.2%}")


if __name__ == "__main__":
    main()
