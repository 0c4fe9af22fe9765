"""What is measured of each version: its loss at the listing's noise levels, its live units, the size of the states."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ...denoiser import DenoiserFn, network_time
from ...devices import autocast
from ...sampling import State
from ...schedules import Schedule, linear
from .listed_network import FlatMLP


def same_noise_level(schedule: Schedule, t: Tensor,
                     reference: Schedule) -> Tensor:
    """The time of `schedule` at which λ = ln(signal/noise) is nearest to that of `reference` at t: int64 (B,) → (B,)."""
    wanted = reference.log_snr[t]
    away = (schedule.log_snr[1:][None] - wanted[:, None]).abs()
    return away.argmin(1) + 1


@torch.no_grad()
def loss_at_the_listings_levels(denoiser: DenoiserFn, schedule: Schedule, x0: Tensor, device: torch.device | str = "cpu",
                                batch: int = 500) -> float:
    """E‖ε − ε̂‖² a pixel at the noise levels of the linear schedule, spread evenly over its t, whatever the own schedule.

    So losses can be compared between schedules and targets. denoiser: without a clip; x0: (N, 1, 28, 28) in [−1, 1].
    The noise is the same at each call.
    """
    reference = linear(1000)
    t = same_noise_level(schedule, torch.linspace(1, reference.T, len(x0)).round().long(), reference)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    errors = []
    for part, when, z in zip(x0.split(batch), t.split(batch), eps.split(batch), strict=True):
        part, z = part.to(device), z.to(device)
        with autocast(torch.device(device)):
            eps_hat = denoiser(schedule.add_noise(part, when, z), when).eps_hat
        errors.append((eps_hat.float() - z).square().flatten(1).mean(1).cpu())
    return float(torch.cat(errors).mean())


@torch.no_grad()
def live_units(net: FlatMLP, schedule: Schedule, x0: Tensor) -> int:
    """How many units of the second hidden layer are above 0 for any of x0 (N, 1, 28, 28), each noised to a t of its own.

    The rest is dead: neither the answer nor a gradient passes through a unit that is always 0.
    """
    t = torch.linspace(1, schedule.T, len(x0)).round().long()
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)).to(x0)  # drawn on the CPU, the same everywhere
    x_t = schedule.add_noise(x0, t, eps)
    return int((net.features(x_t, network_time(t, schedule.T, x_t)) > 0).any(0).sum())


def sizes(states: Iterable[State], every: int = 50) -> tuple[list[list], Tensor]:
    """Follow a walk: ([t, root mean square of x_t] at the multiples of `every`, None where not finite; the last x)."""
    found = []
    for t, x_t, _ in states:
        if t % every == 0:
            size = float(x_t.cpu().double().square().mean().sqrt())  # Apple's GPU has no float64
            found.append([t, float(f"{size:.4g}") if math.isfinite(size) else None])
    return found, x_t


def starved(schedule: Schedule, t: int | Tensor) -> Tensor:
    """noise_t²·signal_T/(signal_t·noise_T): the noise in x_t where each step takes the posterior's mean and adds none.

    For an exact x̂₀; noise_t is what belongs there. t: integer or int64 (B,), 0…T. Returns float64, shape of t.
    """
    t = schedule.check_t(t)
    return schedule.noise[t] ** 2 * schedule.signal[-1] / (schedule.signal[t] * schedule.noise[-1])
