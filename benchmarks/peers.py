"""Ways to train the digits from scratch, ours and those of published packages at their own recommended settings.

Each arm holds a network of 3.6 to 4.4 million parameters, makes an optimiser step or a few a call, and draws samples with its
own sampler. All get the same digits, the same clock and the precision that suits the machine. The packages are needed here
only: pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from diffusion_utils.data import ImageData, to_model
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.devices import autocast, place
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.training import Progress, fit
from diffusion_utils.training.distributed import Group
from diffusion_utils.training.ema import EMA
from diffusion_utils.training.state import load_state, save_state

SAVE_MINUTES = 5.0  # between two states of a run; those of ours are written while its clock runs
CHUNK = 128  # of a large batch at a time: the same gradient, and less memory, which a CPU has sooner in its caches
CALLS = 20  # a sample of ours, in races and techniques
# By which a training of ours is judged there: not the card's, which may change, so that records of any date can be compared.
SAMPLING = {"sampler": "dpmpp_2m_sde", "steps": CALLS, "spacing": 1.5, "eta": [1.4, 1.0], "eta_border": 2.0}


def from_scratch() -> DiffusionRecipe:
    """The network and the times of mnist-unet, with fresh weights and no other model to begin with or to learn from."""
    unet = get_recipe("mnist-unet")
    return replace(get_recipe("mnist-unet-base"), name="mnist-unet from scratch", network=unet.network,
                   dropout=0.0, time_power=unet.time_power, sampling=SAMPLING, snapshots=())


@dataclass(frozen=True)
class Run:
    """What must be the same for a run to go on from a state."""

    arm: str
    minutes: float
    rate: float | None


class Arm(ABC):
    """One way to train and to draw.

    minutes: the length of the run, which a schedule of the learning rate may follow; folder: where the state of the run
    is kept, so that one that was stopped goes on (with other random numbers than one that was not); None keeps nothing.
    rate: images a second that count as the arm's, whatever the machine makes of them; None goes by this machine's clock.
    """

    name: str
    settings: str  # what is recommended where, in words, for the record
    batch: int
    calls: int  # network calls a sample
    net: nn.Module
    average: nn.Module = nn.Module()  # of the weights, where the arm has one
    optimiser: torch.optim.Optimizer
    elapsed = 0.0  # minutes of training so far; whoever trains keeps the clock
    k = 0  # optimiser steps so far

    def __init__(self, data: ImageData, device: torch.device, minutes: float, folder: Path | None = None,
                 rate: float | None = None):
        self.images, self.device, self.minutes, self.rate = data.images.to(device), device, minutes, rate
        self.state = None if folder is None else folder / "state.safetensors"
        self.generator = torch.Generator().manual_seed(0)

    @abstractmethod
    def step(self) -> None:
        """One optimiser step or a few."""

    @abstractmethod
    def draw(self, n: int) -> Tensor:
        """n samples in [−1, 1], (n, 1, 28, 28)."""

    @property
    def seen(self) -> int:
        """Training images so far."""
        return self.k * self.batch

    def clock(self, worked: float) -> float:
        """Minutes of training so far: those that this machine worked, or what the images seen take at the arm's rate."""
        return worked if self.rate is None else self.seen / (60 * self.rate)

    def descend(self, clip: float | None = None) -> None:
        """One step of the arm's optimiser by the gradient that is there, shortened to `clip`."""
        if clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.k += 1

    def digits(self) -> Tensor:
        """A random batch in [−1, 1]."""
        rows = torch.randint(len(self.images), (self.batch,), generator=self.generator)
        return to_model(self.images[rows.to(self.device)])

    def save(self) -> None:
        """Keep all that is needed to go on, written whole or not at all."""
        if self.state is not None:
            save_state(self.state, self.net, SimpleNamespace(net=self.average), self.optimiser,
                       Run(self.name, self.minutes, self.rate), self.k, 60 * self.elapsed, [])

    def resume(self) -> None:
        """Go on from the state. Raises ValueError for that of another run."""
        self.k, seconds, _ = load_state(self.state, self.net, SimpleNamespace(net=self.average), self.optimiser,
                                        Run(self.name, self.minutes, self.rate))
        self.elapsed = seconds / 60
        self.generator.manual_seed(self.k)
        torch.manual_seed(self.k)


class Ours(Arm):
    """The package's recipe for mnist-unet, from scratch, with the clock in place of the number of steps."""

    name, batch, calls = "ours", 128, CALLS
    drawn = 0  # samples so far

    def __init__(self, data: ImageData, device: torch.device, minutes: float, folder: Path | None = None,
                 rate: float | None = None):
        super().__init__(data, device, minutes, folder, rate)
        recipe = from_scratch()
        length = {"steps": 10**9, "minutes": minutes} if rate is None else {"steps": int(60 * minutes * rate / self.batch) + 1}
        config = replace(recipe.train, **length, batch=self.batch, lr=1.5e-3, ema=0.998, log_every=10)
        how = self.sampler = Sampler(**recipe.sampling)
        self.settings = (f"recipe mnist-unet-base without labels: {config.optimiser.capitalize()} {config.lr:g}, batch of "
                         f"{self.batch}, EMA {config.ema:g}, warm-up {config.warmup}, cosine, clipping at {config.clip:g}, "
                         f"predicts {recipe.predicts}, late times more often; {self.calls} calls "
                         f"of DPM-Solver++(2M), spacing {how.spacing}, "
                         f"with fresh noise: η {how.eta[0]} below SNR {how.eta_border}, {how.eta[1]} above")
        self.schedule, self.predicts = recipe.make_schedule(), recipe.predicts
        self.net = place(recipe.build(), device)
        self.fit = partial(fit, self.net, recipe.loss_fn(data, device, Group()), len(data), config, folder=folder,
                           save_minutes=SAVE_MINUTES)
        self.run: Iterator[Progress] = self.fit()

    def step(self) -> None:
        self.progress = next(self.run)  # up to log_every steps; fit ends after `minutes` by its own, later clock
        self.k = self.progress.step

    def save(self) -> None:
        """Nothing: `fit` keeps its state itself."""

    def resume(self) -> None:
        self.run = self.fit(resume=True)
        self.step()  # which makes none: the first line of a run that goes on says where it stands
        self.elapsed = self.clock(self.progress.seconds / 60)

    def draw(self, n: int) -> Tensor:
        denoiser = Denoiser(self.progress.ema_net, self.schedule, self.predicts, clip=(-1, 1))
        fresh = range(self.drawn, self.drawn + n)  # a sample's noise depends on its number: each call takes new ones
        *_, last = sample(denoiser, self.schedule, (n, 1, 28, 28), self.sampler, indices=fresh, device=self.device)
        self.drawn += n
        return last.x_t


def diffusers_unet() -> nn.Module:
    """diffusers' UNet2DModel at about the size of ours, with attention at the coarsest level as in its tutorial."""
    from diffusers import UNet2DModel
    return UNet2DModel(
        sample_size=28, in_channels=1, out_channels=1, layers_per_block=2, block_out_channels=(32, 64, 128),
        norm_num_groups=16, down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"))


class Diffusers(Arm):
    """Hugging Face diffusers, as its training tutorial does it: AdamW at 1e-4, 500 steps of warm-up, cosine, no EMA."""

    name, batch, calls = "diffusers", 16, 50
    settings = ("UNet2DModel (32, 64, 128), 2 layers a block, attention at 7×7; the training tutorial's batch of 16, AdamW "
                "1e-4, warm-up 500, cosine, clipping at 1, DDPMScheduler (linear, ε); 50 calls of DPMSolverMultistepScheduler")

    def __init__(self, data: ImageData, device: torch.device, minutes: float, folder: Path | None = None,
                 rate: float | None = None):
        from diffusers import DDPMScheduler
        super().__init__(data, device, minutes, folder, rate)
        self.net = diffusers_unet().to(device)
        self.scheduler = DDPMScheduler(num_train_timesteps=1000)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-4)

    def step(self) -> None:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1, self.elapsed / self.minutes)))
        self.optimiser.param_groups[0]["lr"] = 1e-4 * min(1, (self.k + 1) / 500) * cosine
        x0 = self.digits()
        eps, t = torch.randn_like(x0), torch.randint(0, 1000, (len(x0),), device=self.device)
        with autocast(self.device):
            found = self.net(self.scheduler.add_noise(x0, eps, t), t).sample
            loss = nn.functional.mse_loss(found.float(), eps)
        loss.backward()
        self.descend(clip=1.0)

    @torch.no_grad()
    def draw(self, n: int) -> Tensor:
        from diffusers import DPMSolverMultistepScheduler
        solver = DPMSolverMultistepScheduler.from_config(self.scheduler.config, timestep_spacing="trailing")
        solver.set_timesteps(self.calls, device=self.device)
        x = torch.randn((n, 1, 28, 28), generator=self.generator).to(self.device)
        for t in solver.timesteps:
            x = solver.step(self.net(x, t.expand(n)).sample.float(), t, x).prev_sample
        return x


class DiffusersLargerBatch(Diffusers):
    """The same with batches of 64: what the tutorial says suits 1,000 photographs, and there are 60,000 digits."""

    name, batch = "diffusers-64", 64
    settings = Diffusers.settings.replace("batch of 16", "settings with a batch of 64")


class DenoisingDiffusionPytorch(Arm):
    """denoising-diffusion-pytorch with the settings of its README: Adam at 8e-5, 2 × 32 digits a step, EMA 0.995."""

    name, batch, calls = "denoising-diffusion-pytorch", 64, 50
    settings = ("Unet(dim=40, dim_mults=(1, 2, 4), flash_attn=True); the README's Adam 8e-5, a batch of 64 for its 2 × 32 "
                "accumulated, EMA 0.995 every 10 steps, clipping at 1, sigmoid schedule and v by default; 50 calls of its DDIM")

    def __init__(self, data: ImageData, device: torch.device, minutes: float, folder: Path | None = None,
                 rate: float | None = None):
        from denoising_diffusion_pytorch import GaussianDiffusion, Unet
        from ema_pytorch import EMA as TheirEMA
        super().__init__(data, device, minutes, folder, rate)
        net = Unet(dim=40, dim_mults=(1, 2, 4), channels=1, flash_attn=True)
        self.net = GaussianDiffusion(net, image_size=28, timesteps=1000, sampling_timesteps=self.calls).to(device)
        self.average = TheirEMA(self.net, beta=0.995, update_every=10, include_online_model=False).to(device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=8e-5, betas=(0.9, 0.99))

    def step(self) -> None:
        with autocast(self.device):
            loss = self.net((self.digits() + 1) / 2)  # it wants 0…1
        loss.backward()
        self.descend(clip=1.0)
        self.average.update()

    def draw(self, n: int) -> Tensor:
        return self.average.ema_model.sample(batch_size=n).float() * 2 - 1


class SmallDiffusion(Arm):
    """smalldiffusion as its FashionMNIST example does it: AdamW at 7e-4, batch 1024, log-linear σ, EMA 0.999."""

    name, batch, calls = "smalldiffusion", 1024, 20
    settings = ("Scaled(Unet)(ch=64, ch_mult=(1, 1, 2), attention at 14×14); the FashionMNIST example's AdamW 7e-4, "
                "batch 1024, log-linear σ in 0.01…20 over 800, EMA 0.999, without its mirroring; 20 calls with gam = 1.6")

    def __init__(self, data: ImageData, device: torch.device, minutes: float, folder: Path | None = None,
                 rate: float | None = None):
        from smalldiffusion import Scaled, ScheduleLogLinear, Unet
        super().__init__(data, device, minutes, folder, rate)
        self.net = Scaled(Unet)(28, 1, 1, ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,)).to(device)
        self.ema = EMA(self.net, 0.999)  # with the same rising decay as torch_ema, which the example uses
        self.average = self.ema.net
        self.schedule = ScheduleLogLinear(sigma_min=0.01, sigma_max=20, N=800)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=7e-4)

    def step(self) -> None:
        x0 = self.digits()
        sigma, eps = self.schedule.sample_batch(x0).view(-1, 1, 1, 1), torch.randn_like(x0)
        for rows in torch.arange(self.batch, device=self.device).split(CHUNK if self.device.type == "cpu" else self.batch):
            with autocast(self.device):
                loss = type(self.net).get_loss(self.net, x0[rows], sigma[rows], eps[rows])
            (loss * len(rows) / self.batch).backward()
        self.descend()
        self.ema.update(self.net, self.k)

    def draw(self, n: int) -> Tensor:
        from smalldiffusion import samples
        sigmas = self.schedule.sample_sigmas(self.calls)
        start = sigmas[0] * torch.randn((n, 1, 28, 28), generator=self.generator).to(self.device)
        *_, x = samples(self.average, sigmas, gam=1.6, xt=start)
        return x.float()


ARMS = {arm.name: arm for arm in (Ours, Diffusers, DiffusersLargerBatch, DenoisingDiffusionPytorch, SmallDiffusion)}
