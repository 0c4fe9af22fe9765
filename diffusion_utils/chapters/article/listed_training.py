"""The listing's training, with its lines that raise errors, and the book's training in its place."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...data import ImageData, to_model
from ...denoiser import network_time, target
from ...devices import autocast
from ...errors import first_line
from ...losses import spread_times
from ...noise import mixed_seed
from ...schedules import Schedule
from ...training import LossFn, Progress, Step, TrainConfig, fit
from .repairs import BATCH, RATE, Experiment

LINE = 100  # batches between two lines of progress, as in the listing


def noised(experiment: Experiment, schedule: Schedule, x0: Tensor,
           t: Tensor, eps: Tensor) -> Tensor:
    """x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε for flat pictures x0, eps (B, D) and times t, int64 (B,); or the listing's attempt.

    A NumPy table raises TypeError. Without the column, RuntimeError; if B = D there is no error, and the result is wrong.
    """
    if experiment.table == "tensor" and experiment.column:
        return schedule.add_noise(x0, t, eps)
    if experiment.table == "numpy":
        alpha_bar = schedule.alpha_bar.numpy()[t]
    else:
        alpha_bar = schedule.alpha_bar[t.cpu()].to(x0)
    return torch.sqrt(alpha_bar) * x0 + torch.sqrt(1 - alpha_bar) * eps


def draw_times(experiment: Experiment, n: int, steps: int, generator: torch.Generator) -> Tensor:
    """n times in 1…steps: independent ones as in the listing, or spread over the range."""
    if experiment.steady:
        return spread_times(n, steps, generator)
    return torch.randint(1, steps + 1, (n,), generator=generator)


def make_loss(experiment: Experiment, images: Tensor,
              device: torch.device) -> LossFn:
    """The mean squared error of what the network predicts, on rows of uint8 images (N, 1, 28, 28)."""
    schedule = experiment.make_schedule()

    def loss(net: nn.Module, step: Step) -> Tensor:
        x0 = to_model(images[step.rows]).to(device)
        t = draw_times(experiment, len(x0), schedule.T, step.generator)
        eps = torch.randn(x0.shape, generator=step.generator).to(device)
        x_t = noised(experiment, schedule, x0.flatten(1), t.to(device),
                     eps.flatten(1)).reshape(x0.shape)
        wanted = target(experiment.predicts, x0, eps,
                        *schedule.at(t, like=x0))
        output = net(x_t, network_time(t, schedule.T, x_t), None).float()
        return (output - wanted).square().mean()

    return loss


def first_error(experiment: Experiment, batch: int = BATCH) -> str | None:
    """Try one batch of random pictures: the type and first line of the error that is raised, or None."""
    images = torch.randint(0, 256, (batch, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    try:
        device = experiment.pick_device()
        loss, net = make_loss(experiment, images, device), experiment.make_net().to(device)
        loss(net, Step(1, 0.0, torch.arange(batch), torch.Generator().manual_seed(0), net))
    except (AssertionError, RuntimeError, TypeError) as error:  # a PyTorch without CUDA raises AssertionError
        return f"{type(error).__name__}: {first_line(error)}"
    return None


def train(experiment: Experiment, data: ImageData, steps: int, seed: int = 0) -> Iterator[Progress]:
    """Train the version's network for so many steps of 128 digits; yields a line every 100 steps and at the end.

    The line's `ema_net` is what to sample from: the averaged weights, or the only ones there are.
    """
    device = experiment.pick_device()
    net, loss = experiment.make_net(seed).to(device), make_loss(experiment, data.images, device)
    if experiment.steady:
        rate = 3 * RATE if experiment.network == "unet" else RATE
        config = TrainConfig(steps=steps, batch=BATCH, lr=rate, warmup=min(200, steps // 10), ema=0.999, seed=seed,
                             log_every=LINE)
        yield from fit(net, loss, len(data), config)
    else:
        yield from train_as_listed(net, loss, len(data), steps, seed)


def train_as_listed(net: nn.Module, loss: LossFn, n: int, steps: int,
                    seed: int = 0, warmup: int = 0) -> Iterator[Progress]:
    """Adam at a constant rate, an epoch a fresh order of the n rows, and the last weights are the result.

    warmup: steps in which the rate rises in a line; the listing has none.
    """
    device = next(net.parameters()).device
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    history, losses, started = [], [], time.monotonic()
    for step, rows in enumerate(batches(n, steps, seed), start=1):
        generator = torch.Generator().manual_seed(mixed_seed(seed, 2, step))
        rate = RATE * min(1, step / max(warmup, 1))
        optimiser.param_groups[0]["lr"] = rate
        done = (step - 1) / steps
        with autocast(device):
            value = loss(net, Step(step, done, rows, generator, net))
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        losses.append(value.detach())
        if step % LINE == 0 or step == steps:
            history.append((step, float(torch.stack(losses).mean())))
            losses.clear()
            yield Progress(step, history[-1][1], rate,
                           time.monotonic() - started, net, list(history))


def batches(n: int, steps: int, seed: int = 0) -> Iterator[Tensor]:
    """`steps` batches of row numbers; each epoch goes through all n rows in a new order, its last batch being smaller."""
    done = epoch = 0
    while done < steps:
        order = torch.randperm(n, generator=torch.Generator().manual_seed(mixed_seed(seed, 1, epoch)))
        for rows in order.split(BATCH)[:steps - done]:
            yield rows
            done += 1
        epoch += 1
