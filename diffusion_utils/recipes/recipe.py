"""What every recipe shares: run the training loop, show progress, write the checkpoint with its card."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import torch as safetensors
from torch import nn
from tqdm.auto import tqdm

from .. import checkpoints
from ..conditions import described as of_condition
from ..data import Dataset, load_data
from ..devices import describe, pick_device, place
from ..errors import unknown_name
from ..files import write_atomic
from ..noise import mixed_seed
from ..training import LossFn, Progress, TrainConfig, fit
from ..training.distributed import Group, TorchrunGroup, local_device, under_torchrun
from ..training.interrupts import Stop, deferred_stop
from ..training.run_folder import check_free


@dataclass(frozen=True)
class Recipe(ABC):
    """name: of the checkpoint
    network: its kind and arguments
    train: the loop's configuration
    data: the name of its loader, in `data.LOADERS`, or an entry with the name and arguments; None where data are given to `run`
    metric: the name of what measures its samples, in `metrics.METRICS`, or an entry likewise, or None

    kind: of diffusion, in `drawing.KINDS`; None where nothing is drawn from the checkpoint
    """

    kind: ClassVar[str | None] = None

    name: str
    network: dict
    train: TrainConfig = field(default_factory=TrainConfig)
    data: str | dict | None = None
    metric: str | dict | None = None

    def build(self) -> nn.Module:
        """A freshly initialised network; the initial weights depend on the seed alone."""
        config = dict(self.network)
        kind = config.pop("kind", None)
        if kind not in checkpoints.NETWORKS:
            raise unknown_name("network", kind, checkpoints.NETWORKS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(self.train.seed, 0))
            return checkpoints.NETWORKS[kind](**config)

    def load(self, split: str) -> Dataset:
        """The recipe's own data, 'train' or 'test'."""
        return load_data(self.data, split)

    def prepare(self, data: Dataset, runs: Path, device: torch.device) -> Dataset:
        """What is learnt of the data, such as codes, made by a checkpoint in the folder of all runs or a shipped one."""
        return data

    def check(self, runs: Path) -> None:  # noqa: B027
        """Called first of all: raise ValueError, or what fits, unless everything is there that the run will need up to its
        end. runs: the folder of all runs."""

    def check_data(self, data: Dataset) -> None:  # noqa: B027
        """Called before the first step: raise ValueError unless the recipe can use this data."""

    def facts(self, data: Dataset, runs: Path) -> dict:
        """What a run depends on beside its network and `train`: a run that differs in it is another one.

        How samples will be drawn is left out: that may change in the middle of a run.
        """
        return {"data": described(data), "recipe": {name: value for name, value in self.config().items() if name != "sampling"}}

    def initialise(self, net: nn.Module, runs: Path) -> None:  # noqa: B027
        """Called before a run's first step with the folder of all runs; a recipe may begin with another one's weights."""

    @abstractmethod
    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """The loss on a batch of row numbers, with the data resident on the device; runs: the folder of all runs, where
        a recipe may look for another one's weights."""

    @abstractmethod
    def config(self) -> dict:
        """What the card says under "config"."""

    def uses(self, data: Dataset) -> dict:
        """What the card's "config" says of the data; and where samples are drawn, how, and what a sample is: its shape, its
        range, and what belongs to it where the network is told."""
        used = {"data": self.data, "metric": self.metric}
        if self.kind is None:
            return used
        cond = data.condition(torch.zeros(1, dtype=torch.int64)) if self.build().conditional else None
        clip = None if data.clip is None else list(data.clip)
        return used | {"kind": self.kind, "sample": {"shape": list(data.shape), "clip": clip, "condition": of_condition(cond)}}

    def on_progress(self, progress: Progress, data: Dataset, folder: Path) -> None:  # noqa: B027
        """Called after each progress line; a recipe may keep snapshots in the run's folder."""

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """More tensors and card entries for the finished checkpoint."""
        return {}, {}

    def run(self, folder: str | Path = "runs", *, resume: bool = False, device: str | None = None,
            data: Dataset | None = None, log: Callable[[str], None] = tqdm.write) -> Path | None:
        """Train from scratch, or go on after an interruption, and write the checkpoint into folder/name.

        Returns the card's path (None in all processes but the first under torchrun). Raises what `fit` does, and before the
        first step what `check` and `check_data` do.
        """
        chosen = local_device(pick_device(device))
        group = TorchrunGroup(chosen) if under_torchrun() else Group()
        runs, folder = Path(folder), Path(folder) / self.name
        check_free(folder, resume)
        self.check(runs)
        data = self.prepare(self.load("train") if data is None else data, runs, chosen)
        self.check_data(data)
        net = self.build()
        if not resume:
            self.initialise(net, runs)
        net = place(net, chosen)
        progress = self._train(net, data, chosen, group, folder, resume)
        if not group.is_first:
            return None
        tensors, extra = self.extras(progress.ema_net, data, folder)
        card = {
            "name": self.name, "config": self.config() | self.uses(data), "data": described(data),
            "training": asdict(self.train) | {
                "steps_done": progress.step, "seconds": round(progress.seconds), "hardware": describe(chosen),
                "torch": torch.__version__, "date": date.today().isoformat(), "processes": group.size,
                "parameters": sum(p.numel() for p in net.parameters()),
                "history": progress.history,
            },
        }
        path = checkpoints.save(folder, card | extra, checkpoints.half(progress.ema_net) | tensors)
        log(f"{self.name}: {progress.step} steps in {progress.seconds:.0f} s, written to {path}")
        return path

    def _train(self, net, data, device, group, folder, resume) -> Progress:
        loss_fn = self.loss_fn(data, device, group, folder.parent)
        lines = fit(net, loss_fn, len(data), self.train, folder=folder, resume=resume, group=group,
                    about=self.facts(data, folder.parent))
        limit = self.train.minutes  # of a run that ends by the clock nobody knows the number of steps
        bar = tqdm(total=None if limit else self.train.steps, desc=self.name, mininterval=1.0, disable=not group.is_first)
        with closing(lines), bar, deferred_stop(Stop()):  # what is drawn between two lines is finished, too
            for progress in lines:
                bar.update(progress.step - bar.n)
                left = {"left": f"{max(0.0, limit - progress.seconds / 60):.1f} min"} if limit else {}
                bar.set_postfix(loss=f"{progress.loss:.4f}", lr=f"{progress.lr:.1e}", **left, refresh=False)
                if group.is_first:
                    self.on_progress(progress, data, folder)
        return progress


def keep_snapshot(folder: Path, step: int, samples: torch.Tensor) -> None:
    """Write what is drawn at a step of training into the run's folder."""
    write_atomic(folder / f"snapshot-{step:06d}.safetensors", safetensors.save({"samples": samples.cpu().contiguous()}))


def kept_snapshots(folder: Path) -> tuple[dict, dict]:
    """The snapshots of a run, (K, …), as a tensor of its checkpoint, and their steps, for its card; nothing where there are
    none."""
    found = sorted(folder.glob("snapshot-*.safetensors"))
    if not found:
        return {}, {}
    samples = torch.stack([safetensors.load(path.read_bytes())["samples"] for path in found])
    return {"snapshots": samples}, {"snapshot_steps": [int(path.stem.split("-")[1]) for path in found]}


def described(data: Dataset) -> dict:
    """What a card says of the data: its name, how many samples, and their hash."""
    return {"name": data.name, "n": len(data), "sha256": data.sha256}


def check_labels(data: Dataset, classes: int) -> None:
    """Raise ValueError unless all labels lie in 0…classes − 1: one beyond is read as "no label", others stop a GPU."""
    labels = data.condition(torch.arange(len(data)))
    if not isinstance(labels, torch.Tensor) or labels.ndim != 1 or labels.is_floating_point():
        raise ValueError(f"{data.name!r} has no labels, int64 (N,), and {classes} classes are to be learnt")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        shift = f" Labels that begin at {low} are to be shifted: labels - {low}" if 0 < low and high - low < classes else ""
        raise ValueError(f"labels must lie in 0…{classes - 1} for {classes} classes, got {low}…{high} in {data.name!r}.{shift}")
