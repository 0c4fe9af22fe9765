"""The training loop: a generator that yields its progress; resumable bit for bit; one device or many.

Everything random is drawn from (seed, step), never from a generator that lives on, so a run resumed at step k
sees exactly the batches, times, noise and dropout that an uninterrupted run would have seen.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..devices import autocast, keep_freed_memory
from ..noise import mixed_seed
from .batches import batch_rows
from .clock import Clock
from .config import RateFn, TrainConfig, learning_rate
from .distributed import Group
from .ema import EMA
from .interrupts import Stop, deferred_stop
from .optimisers import make_optimiser
from .run_folder import RunFolder
from .wrappers import unwrapped


@dataclass(frozen=True)
class Step:
    """What a loss may know of the step that it is asked for.

    number: 1, 2, …; fraction: of the run that is over, 0…1, for curricula
    rows: row numbers of the whole batch, int64 (batch,)
    generator: for all randomness, drawn for the whole batch; then each process keeps `group.share` of it
    average: the averaged network, a possible teacher
    """

    number: int
    fraction: float
    rows: Tensor
    generator: torch.Generator
    average: nn.Module


LossFn = Callable[[nn.Module, Step], Tensor]  # (net, step) -> scalar loss of this process's share of the batch


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


def fit(net: nn.Module, loss_fn: LossFn, n: int, config: TrainConfig, *,
        folder: str | Path | None = None, resume: bool = False,
        save_minutes: float = 2.0, group: Group | None = None,
        rate: RateFn = learning_rate,
        about: dict | None = None) -> Iterator[Progress]:
    """Train `net` on n rows of data; yields a Progress after step 1, every `log_every` steps and at the end.

    loss_fn(net, step): scalar loss of a `Step`, which has the rows of the batch and the generator. folder: where
    `state.safetensors` is kept, rewritten every save_minutes, at the end, and when the caller leaves the loop; None keeps
    nothing. resume: go on from that file. rate: the learning rate of a step, by default a rise and a cosine. about: what else
    the run depends on, such as the name and hash of its data: a dict of what JSON can hold, kept in the state.
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
    run = RunFolder(folder, group.is_first, save_minutes, net, ema,
                    optimiser, config, about)
    step, seconds, history = 0, 0.0, []
    losses, norms, stop = [], [], Stop()

    def progress(lr: float, seconds: float) -> Progress:
        return Progress(step, history[-1][1], lr, seconds, ema.net,
                        list(history))

    with run.held(resume):
        if resume:
            step, seconds, history = run.load()
            yield progress(0.0, seconds)
        called = group.wrap(called)
        clock = Clock(config, seconds)
        # however short the time: without a step there is nothing to yield
        finished = step > 0 and clock.over(step)
        while not finished:
            # while the caller looks at a line, Ctrl-C is the caller's
            with deferred_stop(stop) as stop:
                line_due = False
                while not line_due:
                    step += 1
                    now = _step(n, config, step, clock.part(step), ema.net)
                    lr = rate(config, step, now.fraction)
                    loss, norm = train_step(called, loss_fn, now, optimiser,
                                            config, lr, group.rank)
                    ema.update(net, step)
                    losses.append(loss)
                    norms.append(norm)
                    finished = clock.over(step)
                    # several processes must agree on when to stop, so they
                    # ask each other, and only where they log
                    line_due = (
                        step == 1 or finished
                        or step % config.log_every == 0
                        or (group.size == 1 and stop.asked > 0))
                mean = _mean_loss(losses, norms, step, group, run.path)
                losses, norms = [], []
                history.append((step, mean))
                stopped = group.any(stop.asked > 0)
                if stopped or finished or run.is_due():
                    run.save(step, clock(), history,
                             last=stopped or finished)
                if stopped:
                    raise _interrupted(step, config, run.path, stop.asked)
            line = progress(lr, clock())
            try:
                with clock.stopped():  # drawing, say, is not training
                    yield line
            except GeneratorExit:  # the caller left the loop
                run.save(step, line.seconds, history)
                raise


def train_step(net: nn.Module, loss_fn: LossFn, step: Step,
               optimiser: torch.optim.Optimizer, config: TrainConfig,
               lr: float, rank: int = 0) -> tuple[Tensor, Tensor]:
    """One step with the rate lr. rank: of this process, for its dropout.

    Returns (loss, norm of the gradient before it is clipped), scalars on the device: with `.item()` here a GPU would have to
    wait at each step.
    """
    device = next(net.parameters()).device
    for parameters in optimiser.param_groups:
        parameters["lr"] = lr
    net.train()
    seed = mixed_seed(config.seed, 3, step.number, rank)
    with autocast(device, config.bf16), global_seed(seed, device):
        loss = loss_fn(net, step)
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


def _step(n: int, config: TrainConfig, number: int, fraction: float,
          average: nn.Module) -> Step:
    """Step `number`: all that it draws comes from (seed, number)."""
    generator = torch.Generator()
    generator.manual_seed(mixed_seed(config.seed, 2, number))
    rows = batch_rows(n, config, number)
    return Step(number, fraction, rows, generator, average)


def _mean_loss(losses: list[Tensor], norms: list[Tensor], step: int, group: Group, path: Path | None) -> float:
    """Over the steps since the last line, and over the processes. Raises TrainingDiverged unless all is finite."""
    values = group.mean(torch.stack(losses).float()).tolist()
    _check_finite({"loss": values, "gradient's norm": torch.stack(norms).tolist()}, step, path)
    return sum(values) / len(values)


def _interrupted(step: int, config: TrainConfig, path: Path | None, number: int) -> TrainingInterrupted:
    of_all = f" of {config.steps}" if config.minutes is None else ""
    saved = f"; saved in {path}, go on with --resume" if path else ""
    return TrainingInterrupted(f"stopped at step {step}{of_all}{saved}", number)


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
