"""The training loop: a generator that yields its progress; resumable bit for bit; one device or many.

Everything random is drawn from (seed, step), never from a generator that lives on, so a run resumed at step k
sees exactly the batches, times, noise and dropout that an uninterrupted run would have seen.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from .devices import autocast, keep_freed_memory
from .distributed import Group
from .ema import EMA
from .errors import unknown_name
from .interrupts import Stop, deferred_stop
from .muon import Muon
from .noise import mixed_seed
from .run_folder import RunFolder
from .wrappers import unwrapped

# (net, row numbers of the whole batch, generator) -> scalar loss of this process's share of the batch
LossFn = Callable[[nn.Module, Tensor, torch.Generator], Tensor]
# (configuration, step, fraction of the run that is over) -> learning rate of the step
RateFn = Callable[["TrainConfig", int, float], float]


OPTIMISERS = ("adamw", "muon")


@dataclass(frozen=True)
class TrainConfig:
    """steps: optimiser steps (an upper bound where `minutes` is set); batch: samples a step over all devices; lr: peak
    learning rate; warmup: steps of linear rise, after which a cosine falls to 0; clip: gradient norm; ema: decay;
    minutes: stop after this time, with the learning rate following the clock, which stands still while the caller
    looks at a progress line; bf16: autocast where it is fast;
    optimiser: 'adamw', or 'muon', which suits networks whose layers are matrices and convolutions."""

    steps: int = 10_000
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999
    weight_decay: float = 0.0
    seed: int = 0
    log_every: int = 50
    minutes: float | None = None
    bf16: bool = True
    optimiser: str = "adamw"

    def __post_init__(self):
        for name in ("steps", "batch", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be ≥ 1, got {getattr(self, name)}")
        if self.lr <= 0 or self.clip <= 0 or (self.minutes is not None and self.minutes <= 0):
            raise ValueError(f"lr, clip and minutes must be positive, got {self.lr}, {self.clip}, {self.minutes}")
        if self.optimiser not in OPTIMISERS:
            raise unknown_name("optimiser", self.optimiser, OPTIMISERS)


@dataclass
class Progress:
    """One line of a run: step; mean loss since the last line; learning rate; seconds so far; the averaged network;
    and all lines so far as (step, loss)."""

    step: int
    loss: float
    lr: float
    seconds: float
    ema_net: nn.Module
    history: list[tuple[int, float]]


class TrainingDiverged(RuntimeError):
    """The loss or its gradient became NaN or infinite; the message says at which step and where the last good state lies."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C was pressed or a scheduler sent SIGTERM; the step under way was finished and the state saved. The message says
    how to go on; status: the exit status that a shell expects, 130 after Ctrl-C and 143 after SIGTERM."""

    def __init__(self, message: str, number: int = signal.SIGINT):
        super().__init__(message)
        self.status = 128 + (number or signal.SIGINT)  # 0: another process of the group was asked to stop


def make_optimiser(net: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser that the configuration names, over all parameters of the network; AdamW in one pass over each, fused."""
    if config.optimiser == "muon":
        return Muon(net, config.lr, config.weight_decay)
    return torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=config.weight_decay, betas=(0.9, 0.99),
                             fused=True)


def learning_rate(config: TrainConfig, step: int, fraction: float) -> float:
    """Linear rise over `warmup` steps, times a cosine from 1 to 0 over the run (Loshchilov & Hutter 2017, eq. 5).

    step: 1…steps; fraction: of the run that is over, 0…1.
    """
    rise = min(1.0, step / max(1, config.warmup))
    return config.lr * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))


@lru_cache(maxsize=2)  # shuffling 60,000 numbers anew at each step would cost a GPU more than its optimiser does
def epoch_order(n: int, seed: int) -> Tensor:
    """A random order of n rows, int64 (n,), which nobody may write to."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def batch_rows(n: int, config: TrainConfig, step: int) -> Tensor:
    """Row numbers of the batch of `step` (1, 2, …): each epoch is a fresh permutation of the n rows, seeded by its number."""
    start, rows = (step - 1) * config.batch, []
    while len(rows) < config.batch:
        epoch, offset = divmod(start + len(rows), n)
        order = epoch_order(n, mixed_seed(config.seed, 1, epoch))
        rows.extend(order[offset:offset + config.batch - len(rows)].tolist())
    return torch.tensor(rows)


def fit(net: nn.Module, loss_fn: LossFn, n: int, config: TrainConfig, *, folder: str | Path | None = None,
        resume: bool = False, save_minutes: float = 2.0, group: Group | None = None,
        rate: RateFn = learning_rate, about: dict | None = None) -> Iterator[Progress]:
    """Train `net` on n rows of data; yields a Progress after step 1, every `log_every` steps and at the end.

    loss_fn(net, rows, generator): scalar loss on the data rows `rows` (int64 (batch,)), drawing all randomness from the
    generator (on several devices: for the whole batch, then keeping `group.share`). folder: where `state.safetensors`
    is kept, rewritten every save_minutes, at the end, and when the caller leaves the loop; None keeps nothing. resume: go
    on from that file. rate: the learning rate of a step, by default a rise and a cosine. about: what else the
    run depends on, such as the name and hash of its data: a dict of what JSON can hold, kept in the state.
    Raises TrainingDiverged on a NaN loss (the last saved state is kept), TrainingInterrupted after Ctrl-C or SIGTERM (state
    saved), OSError where the folder cannot be written or is in use, FileExistsError where it holds another run, ValueError
    for n < 1, for `minutes` on several devices, whose clocks differ, and where `config` or `about` is not the same in all
    processes or not what the state was written with.
    """
    group, about = group or Group(), (about or {}) | {"n": n}
    _check_start(n, config, group)
    group.check_same({"config": asdict(config)} | about)
    called, net = net, unwrapped(net)
    if next(net.parameters()).device.type == "cpu":
        keep_freed_memory()
    ema, optimiser = EMA(net, config.ema), make_optimiser(net, config)
    run = RunFolder(folder, group.is_first, save_minutes, net, ema, optimiser, config, about)
    step, seconds, history = 0, 0.0, []
    losses, norms, stop = [], [], Stop()

    def clock() -> float:
        return seconds + time.monotonic() - started

    def over() -> bool:
        return step >= config.steps or (config.minutes is not None and clock() >= 60 * config.minutes)

    with run.held(resume):
        if resume:
            step, seconds, history = run.load()
            yield Progress(step, history[-1][1], 0.0, seconds, ema.net, list(history))
        called = group.wrap(called)
        started = time.monotonic()
        finished = step > 0 and over()  # however short the time: without a step there is nothing to yield
        while not finished:
            with deferred_stop(stop) as stop:  # while the caller looks at a line, Ctrl-C is the caller's
                line_due = False
                while not line_due:
                    step += 1
                    fraction = (step - 1) / config.steps if config.minutes is None else clock() / (60 * config.minutes)
                    lr = rate(config, step, fraction)
                    loss, norm = train_step(called, loss_fn, n, optimiser, config, step, lr, group.rank)
                    ema.update(net, step)
                    losses.append(loss)
                    norms.append(norm)
                    finished = over()
                    # several processes must agree on when to stop, so they ask each other, and only where they log
                    line_due = (step == 1 or step % config.log_every == 0 or finished
                                or (group.size == 1 and stop.asked > 0))
                values = group.mean(torch.stack(losses).float()).tolist()
                _check_finite({"loss": values, "gradient's norm": torch.stack(norms).tolist()}, step, run.path)
                losses.clear()
                norms.clear()
                history.append((step, sum(values) / len(values)))
                stopped = group.any(stop.asked > 0)
                if stopped or finished or run.is_due():
                    run.save(step, clock(), history, last=stopped or finished)
                if stopped:
                    raise TrainingInterrupted(f"stopped at step {step} of {config.steps}"
                                              + (f"; saved in {run.path}, go on with --resume" if run.path else ""),
                                              stop.asked)
            line, paused = Progress(step, history[-1][1], lr, clock(), ema.net, list(history)), time.monotonic()
            try:
                yield line
            except GeneratorExit:  # the caller left the loop
                run.save(step, line.seconds, history)
                raise
            started += time.monotonic() - paused  # drawing samples, say, is not training


def train_step(net: nn.Module, loss_fn: LossFn, n: int, optimiser: torch.optim.Optimizer, config: TrainConfig, step: int,
               lr: float, rank: int = 0) -> tuple[Tensor, Tensor]:
    """Step number `step` (1, 2, …) with the rate lr, on its batch of the n rows. rank: of this process, for its dropout.

    Returns (loss, norm of the gradient before it is clipped), scalars on the device: with `.item()` here a GPU would have to
    wait at each step.
    """
    device = next(net.parameters()).device
    for parameters in optimiser.param_groups:
        parameters["lr"] = lr
    net.train()
    rows = batch_rows(n, config, step)
    generator = torch.Generator().manual_seed(mixed_seed(config.seed, 2, step))
    with autocast(device, config.bf16), global_seed(mixed_seed(config.seed, 3, step, rank), device):
        loss = loss_fn(net, rows, generator)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), config.clip)
    optimiser.step()
    return loss.detach(), norm


def _check_start(n: int, config: TrainConfig, group: Group) -> None:
    if n < 1:
        raise ValueError(f"there is no data to train on: n must be ≥ 1, got {n}")
    if config.batch % group.size:
        raise ValueError(f"a batch of {config.batch} cannot be shared by {group.size} processes")
    if config.minutes is not None and group.size > 1:
        raise ValueError(f"minutes = {config.minutes} cannot be used with {group.size} processes, each with its own clock: "
                         "say how many steps instead")


def _check_finite(values: dict[str, list[float]], step: int, path: Path | None) -> None:
    """values: what is checked → one number for each of the last steps, up to and with `step`."""
    for name, numbers in values.items():
        for bad, value in enumerate(numbers, start=step - len(numbers) + 1):
            if not math.isfinite(value):
                kept = f" The last good state is kept in {path}." if path is not None and path.exists() else ""
                advice = ("No weight had changed yet: look for NaN in the data, the loss or the weights it began with"
                          if bad == 1 else "Try a smaller learning rate or a longer warm-up")
                raise TrainingDiverged(f"the {name} is {value} at step {bad}.{kept} {advice}")


@contextmanager
def global_seed(seed: int, device: torch.device):
    """Within it PyTorch's global generators, which dropout draws from, start at `seed`; afterwards they are as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
