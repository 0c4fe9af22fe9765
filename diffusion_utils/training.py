"""The training loop: a generator that yields its progress; resumable bit for bit; one device or many.

Everything random is drawn from (seed, step), never from a generator that lives on, so a run resumed at step k
sees exactly the batches, times, noise and dropout that an uninterrupted run would have seen.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

from .devices import autocast, keep_freed_memory
from .distributed import Group
from .ema import EMA
from .errors import first_line, unknown_name
from .files import check_writable, write_atomic
from .muon import Muon
from .noise import mixed_seed

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
    """Ctrl-C was pressed; the step under way was finished and the state saved. The message says how to go on."""


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
        rate: RateFn = learning_rate) -> Iterator[Progress]:
    """Train `net` on n rows of data; yields a Progress after step 1, every `log_every` steps and at the end.

    loss_fn(net, rows, generator): scalar loss on the data rows `rows` (int64 (batch,)), drawing all randomness from the
    generator (on several devices: for the whole batch, then keeping `group.share`). folder: where `state.safetensors`
    is kept, rewritten every save_minutes and at the end; None keeps nothing. resume: go on from that file. rate: the
    learning rate of a step, where it shall not be a rise and a cosine.
    Raises TrainingDiverged on a NaN loss (the last saved state is kept), TrainingInterrupted after Ctrl-C (state saved),
    OSError where the folder cannot be written, ValueError for `minutes` on several devices, whose clocks differ.
    """
    group = group or Group()
    if config.minutes is not None and group.size > 1:
        raise ValueError(f"minutes = {config.minutes} cannot be used with {group.size} processes, each with its own clock: "
                         "say how many steps instead")
    device = next(net.parameters()).device
    if device.type == "cpu":
        keep_freed_memory()
    ema = EMA(net, config.ema)
    optimiser = make_optimiser(net, config)
    path = Path(folder) / "state.safetensors" if folder is not None else None
    if path is not None and group.is_first:
        check_writable(path.parent)  # an unwritable folder is an error now, not after the first minutes of training
    history: list[tuple[int, float]] = []
    step, seconds = 0, 0.0
    if resume:
        if path is None:
            raise ValueError("resume needs the folder of the run")
        step, seconds, history = load_state(path, net, ema, optimiser, config)
        yield Progress(step, history[-1][1], 0.0, seconds, ema.net, list(history))
    wrapped, losses, norms = group.wrap(net), [], []
    started = last_save = time.monotonic()

    def clock() -> float:
        return seconds + time.monotonic() - started

    def save() -> None:
        if path is not None and group.is_first:
            save_state(path, net, ema, optimiser, config, step, clock(), history)

    def over() -> bool:
        return step >= config.steps or (config.minutes is not None and clock() >= 60 * config.minutes)

    finished = over()
    with deferred_interrupt() as interrupted:
        while not finished:
            step += 1
            fraction = (step - 1) / config.steps if config.minutes is None else clock() / (60 * config.minutes)
            lr = rate(config, step, fraction)
            for parameters in optimiser.param_groups:
                parameters["lr"] = lr
            net.train()
            rows = batch_rows(n, config, step)
            generator = torch.Generator().manual_seed(mixed_seed(config.seed, 2, step))
            with autocast(device, config.bf16), global_seed(mixed_seed(config.seed, 3, step, group.rank), device):
                loss = loss_fn(wrapped, rows, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(net.parameters(), config.clip))
            optimiser.step()
            ema.update(net, step)
            losses.append(loss.detach())  # no .item() here: it would make a GPU wait at each step
            finished = over()
            # several processes must agree on when to stop, so they ask each other, and only where they log
            if step == 1 or step % config.log_every == 0 or finished or (group.size == 1 and interrupted.is_set()):
                values = group.mean(torch.stack(losses).float()).tolist()
                _check_finite({"loss": values, "gradient's norm": torch.stack(norms).tolist()}, step, path)
                losses.clear()
                norms.clear()
                history.append((step, sum(values) / len(values)))
                if group.any(interrupted.is_set()):
                    save()
                    raise TrainingInterrupted(f"stopped at step {step} of {config.steps}"
                                              + (f"; saved in {path}, go on with --resume" if path else ""))
                if finished or time.monotonic() - last_save > 60 * save_minutes:
                    save()
                    last_save = time.monotonic()
                paused = time.monotonic()
                yield Progress(step, history[-1][1], lr, clock(), ema.net, list(history))
                started += time.monotonic() - paused  # drawing samples, say, is not training


def _check_finite(values: dict[str, list[float]], step: int, path: Path | None) -> None:
    """values: what is checked → one number for each of the last steps, up to and with `step`."""
    for name, numbers in values.items():
        for bad, value in enumerate(numbers, start=step - len(numbers) + 1):
            if not math.isfinite(value):
                kept = f" The last good state is kept in {path}." if path is not None and path.exists() else ""
                raise TrainingDiverged(f"the {name} is {value} at step {bad}.{kept} Try a smaller learning rate or a longer "
                                       "warm-up")


@contextmanager
def global_seed(seed: int, device: torch.device):
    """Within it PyTorch's global generators, which dropout draws from, start at `seed`; afterwards they are as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@contextmanager
def deferred_interrupt():
    """Turn Ctrl-C into a flag while a step runs, so that no step is left half done. Yields a threading.Event."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def save_state(path: Path, net: nn.Module, ema: EMA, optimiser: torch.optim.Optimizer, config: TrainConfig, step: int,
               seconds: float, history: list[tuple[int, float]]) -> None:
    """Everything needed to go on, in one safetensors file, written whole or not at all."""
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.net.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    metadata = {"step": step, "seconds": seconds, "history": history, "config": asdict(config)}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomic(path, safetensors.save(tensors, {"training": json.dumps(metadata)}))


def load_state(path: Path, net: nn.Module, ema: EMA, optimiser: torch.optim.Optimizer,
               config: TrainConfig) -> tuple[int, float, list[tuple[int, float]]]:
    """Fill net, ema and optimiser from the file; returns (step, seconds, history).

    Raises FileNotFoundError when there is nothing to resume, ValueError for a corrupt file or another configuration.
    """
    if not path.exists():
        raise FileNotFoundError(f"nothing to resume: {path} does not exist")
    content = path.read_bytes()
    try:
        tensors = safetensors.load(content)
        header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
        metadata = json.loads(header["__metadata__"]["training"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is truncated or not a training state: {error}") from error
    changed = {k: (v, asdict(config).get(k)) for k, v in metadata["config"].items() if asdict(config).get(k) != v}
    if changed:
        raise ValueError(f"{path} belongs to another configuration; saved and asked for differ in {changed}")

    def part(prefix: str) -> dict[str, Tensor]:
        return {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        net.load_state_dict(part("net."))
        ema.net.load_state_dict(part("ema."))
    except RuntimeError as error:
        raise ValueError(f"{path} belongs to another network: {first_line(error)}") from error
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimiser.").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return metadata["step"], metadata["seconds"], [tuple(h) for h in metadata["history"]]
