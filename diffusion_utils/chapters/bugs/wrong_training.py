"""Training, with a switch at each line that people get wrong: a small network learns points in the plane in seconds.

The data is a ring of eight blobs, a mixture of Gaussians whose distribution is known, so that a mistake can be measured.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...denoiser import Denoiser, network_time, target
from ...exact import GaussianMixture
from ...losses import spread_times
from ...networks import MLP
from ...noise import mixed_seed
from ...schedules import Schedule, from_betas, linear
from ...training import Step, TrainConfig, fit
from .catalogue import check

TIME_SCALE = {"no-time": 0.0, "unit-time": 1 / 1000}


@dataclass
class Trained:
    """A finished run: net, what is sampled from; live, the network that was trained; schedule; history of (step, loss)."""

    net: nn.Module
    live: nn.Module
    schedule: Schedule
    history: list[tuple[int, float]]

    @property
    def denoiser(self) -> Denoiser:
        """The network as a function (x_t, t, cond) → Prediction, x̂₀ clipped to [−1, 1], the range of the data."""
        return Denoiser(self.net, self.schedule, "eps", clip=(-1, 1))


def ring() -> GaussianMixture:
    """Eight blobs of standard deviation 0.05 on a circle of radius 0.8: all but a share of 10⁻⁴ of it lies in [−1, 1]²."""
    angle = torch.arange(8) * math.pi / 4
    return GaussianMixture(0.8 * torch.stack([angle.cos(), angle.sin()], dim=1), [0.05] * 8)


def make_schedule(bug: str | None = None) -> Schedule:
    """The linear schedule of Ho et al. 2020, T = 1000, or a spoilt one."""
    if bug == "short-schedule":
        # of 1000 steps, 50 are kept, and β is what it was
        return linear(50, allow_signal_left=True)
    # a quadratic schedule has beta = linspace(√first, √last)²
    if bug == "squared-twice":
        roots = torch.linspace(1e-4**2, 0.02**2, 1000, dtype=torch.float64)
        return from_betas(roots**2, "squared twice", True)
    return linear(1000)


def make_data(n: int, seed: int = 0, bug: str | None = None) -> Tensor:
    """n points of the ring, float32 (n, 2), in [−1, 1] unless the bug is about that."""
    points = ring().draw(n, torch.Generator().manual_seed(mixed_seed(seed, 14))).float().clamp(-1, 1)
    return 0.5 * points if bug == "data-range" else points


def make_noise(shape: tuple[int, ...], generator: torch.Generator, bug: str | None = None) -> Tensor:
    """Standard Gaussian noise, or not."""
    return (torch.rand if bug == "uniform-noise" else torch.randn)(shape, generator=generator)


def add_noise(schedule: Schedule, x0: Tensor, t: Tensor, eps: Tensor,
              bug: str | None = None) -> Tensor:
    """`Schedule.add_noise`: x_t = signal_t·x_0 + noise_t·ε. x0, eps: (B, dim); t: int64 (B,)."""
    signal, noise = schedule.at(t, like=x0)
    if bug == "noise-scale":
        noise = noise**2  # 1 − ᾱ_t, whose root is meant
    return signal * x0 + noise * eps


def make_net(seed: int = 0, bug: str | None = None) -> MLP:
    """The network before training; the weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mixed_seed(seed, 0))
        return MLP(time_scale=TIME_SCALE.get(bug, 1.0))


def train(bug: str | None = None, steps: int = 1500, batch: int = 256, n: int = 4096, seed: int = 0) -> Trained:
    """Train an MLP on n points of the ring to predict ε, with one mistake of `of_family("training")` or none."""
    check(bug, "training")
    schedule, data = make_schedule(bug), make_data(n, seed, bug)
    net = make_net(seed, bug)
    average_at_start = copy.deepcopy(net)

    def loss(net: nn.Module, step: Step) -> Tensor:
        x0, t = data[step.rows], spread_times(len(step.rows), schedule.T, step.generator)
        eps = make_noise(x0.shape, step.generator, bug)
        x_t = add_noise(schedule, x0, t, eps, bug)
        wanted = target("eps", x0, eps, *schedule.at(t, like=x0))
        return (net(x_t, network_time(t, schedule.T, x_t)) - wanted).square().mean()

    config = TrainConfig(steps=steps, batch=batch, lr=2e-3, warmup=100, ema=0.99, log_every=50, seed=seed, bf16=False)
    *_, last = fit(net, loss, n, config)
    average = average_at_start if bug == "frozen-average" else last.ema_net
    return Trained(average.eval(), net.eval(), schedule, last.history)
