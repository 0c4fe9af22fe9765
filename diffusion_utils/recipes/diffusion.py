"""The recipe of a Gaussian diffusion model of any data, with or without a condition."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .. import checkpoints, schedules
from ..checkpoints import find_trained
from ..data import Dataset, to_pixels
from ..denoiser import PREDICTS, Denoiser
from ..errors import unknown_name
from ..losses import diffusion_loss, distillation_loss, spread_times
from ..sampling import Sampler, sample
from ..training import LossFn, Progress, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .recipe import Recipe, check_labels, keep_snapshot, kept_snapshots

PIXELS = (-1.0, 1.0)  # the range of pictures, which are kept as bytes


@dataclass(frozen=True)
class DiffusionRecipe(Recipe):
    """schedule: its name and arguments
    predicts: what the network outputs
    dropout: the share of samples whose condition is hidden in training, so that one network is both the conditional and the
        unconditional model (Ho & Salimans 2022, alg. 1)
    warm_start: the recipe, with labels, whose weights to begin with
    teacher: the recipe, with labels, whose predictions to learn from (losses.distillation_loss)
    time_power: 1 draws t uniformly, 2 draws late, noisy times more often (losses.spread_times)
    sampling: the `Sampler` that suits the checkpoint, as its arguments
    snapshots: steps at which the samples of one fixed noise are kept
    """

    kind = "gaussian"
    schedule: dict | None = None
    predicts: str = "v"
    dropout: float = 0.1
    warm_start: str | None = None
    teacher: str | None = None
    time_power: float = 1.0
    sampling: dict | None = None
    snapshots: tuple[int, ...] = ()

    def __post_init__(self):
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"dropout must lie in 0…1, got {self.dropout}")
        if not self.time_power > 0:
            raise ValueError(f"time_power must be above 0, got {self.time_power}")
        if any(step != 1 and step % self.train.log_every for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must fall on progress lines: "
                             f"step 1 and every {self.train.log_every} steps")

    def config(self) -> dict:
        return {"network": self.network, "schedule": self.schedule, "predicts": self.predicts, "dropout": self.dropout,
                "warm_start": self.warm_start, "teacher": self.teacher, "time_power": self.time_power,
                "sampling": self.sampling}

    def facts(self, data: Dataset, runs: Path) -> dict:
        """Also the teacher's weights."""
        teacher = {"teacher": checkpoints.read_card(find_trained(self.teacher, runs))["sha256"]} if self.teacher else {}
        return super().facts(data, runs) | teacher

    def check(self, runs: Path) -> None:
        """The settings of sampler and snapshots, which are used at the end, and the weights of other recipes."""
        if self.predicts not in PREDICTS:
            raise unknown_name("prediction target", self.predicts, PREDICTS)
        if any(not 1 <= step <= self.train.steps for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must lie in 1…{self.train.steps}, the steps of the run")
        if self.sampling is None or not {"sampler", "steps"} <= self.sampling.keys():
            raise ValueError(f"sampling must name a sampler and its steps, got {self.sampling}")
        Sampler(**self.sampling).times(self.make_schedule())
        for other in (self.warm_start, self.teacher):
            if other is not None:
                checkpoints.read_tensors(find_trained(other, runs))

    def check_data(self, data: Dataset) -> None:
        """Numbers that noise can be added to; and labels, or what else the network is told."""
        row = torch.zeros(1, dtype=torch.int64)
        if not data.x0(row).is_floating_point():
            raise ValueError(f"{self.name} adds Gaussian noise, which needs floating point, and {data.name!r} holds "
                             f"{data.x0(row).dtype}")
        classes = self.network.get("num_classes", 0)
        if classes:
            check_labels(data, classes)
        elif data.condition(row) is None and self.build().conditional:
            raise ValueError(f"the network of {self.name} is told a condition, and {data.name!r} has none")

    def initialise(self, net: nn.Module, runs: Path) -> None:
        """Give the network the weights of the warm start, a shipped checkpoint or one that was trained in the folder `runs`.

        A network without labels receives what the warm start computes where no label is given.
        Raises ValueError where there is no such checkpoint, or where it has no labels to leave out.
        """
        if self.warm_start is None:
            return
        start = checkpoints.load(find_trained(self.warm_start, runs), "cpu").net
        if start.num_classes == 0:
            raise ValueError(f"warm_start {self.warm_start!r} has no labels; it must be a checkpoint with num_classes > 0")
        if net.num_classes == 0:
            start.forget_labels()
        net.load_state_dict(start.state_dict())

    def make_schedule(self) -> schedules.Schedule:
        """The noise schedule."""
        config = dict(self.schedule or {})
        name = config.pop("name", None)
        if name not in schedules.SCHEDULES:
            raise unknown_name("schedule", name, schedules.SCHEDULES)
        return schedules.SCHEDULES[name](**config)

    def loss_fn(self, data: Dataset, device: torch.device, group: Group,
                runs: Path | None = None) -> LossFn:
        """Random t and ε for the rows, and the mean squared error of the prediction.

        Raises what `check_data` does, and ValueError where there is a teacher to learn from that was neither trained in the
        folder `runs` nor shipped, or that does not know the labels.
        """
        self.check_data(data)
        schedule, shape = self.make_schedule(), data.shape
        teacher = None
        if self.teacher:
            teacher = self._load_teacher(data, device, runs)
        data = data.to(device)  # all of it lives there

        def loss(net: nn.Module, step: Step) -> torch.Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *shape), generator=generator)
            hidden = torch.rand(n, generator=generator) < self.dropout
            t, eps, hidden, rows = (
                group.share(a) for a in (t, eps, hidden, step.rows))
            rows = rows.to(device)
            x0, eps, cond = data.x0(rows), eps.to(device), data.condition(rows)
            if teacher is not None:
                return distillation_loss(net, teacher, schedule, x0, t,
                                         eps, cond)
            plain = unwrapped(net)
            cond = plain.hide(cond, hidden) if plain.conditional else None
            return diffusion_loss(net, schedule, self.predicts, x0, t,
                                  eps, cond)

        return loss

    def _load_teacher(self, data: Dataset, device: torch.device, runs: Path | None) -> nn.Module:
        found = checkpoints.load(find_trained(self.teacher, runs or "runs"), device)
        if found.num_classes == 0:
            raise ValueError(f"teacher {self.teacher!r} has no labels; it must be a checkpoint with num_classes > 0")
        check_labels(data, found.num_classes)
        return found.net

    def on_progress(self, progress: Progress, data: Dataset, folder: Path) -> None:
        """Keep the samples of one fixed noise at the steps asked for: the story of a training run."""
        if progress.step in self.snapshots:
            denoiser = Denoiser(progress.ema_net, self.make_schedule(), self.predicts, data.clip)
            device = next(progress.ema_net.parameters()).device
            *_, last = sample(denoiser, denoiser.schedule, (16, *data.shape), Sampler("ddim", steps=25), device=device)
            kept = to_pixels(last.x_t) if data.clip == PIXELS else last.x_t
            keep_snapshot(folder, progress.step, kept)

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """The snapshots, (K, 16, …), pictures as uint8, and their steps."""
        return kept_snapshots(folder)
