"""The recipe of a diffusion model of images, with or without labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import nn

from .. import checkpoints, schedules
from ..data import ImageData, to_model, to_pixels
from ..denoiser import PREDICTS, Denoiser, Prediction
from ..distributed import Group
from ..errors import unknown_name
from ..files import write_atomic
from ..losses import diffusion_loss, distillation_loss, spread_times
from ..sampling import sample
from ..training import LossFn, Progress
from .recipe import Recipe, check_labels


@dataclass(frozen=True)
class DiffusionRecipe(Recipe):
    """schedule: its name and arguments; predicts: what the network outputs; label_dropout: the share of labels that are
    replaced by "no label" in training, so that one network is both the conditional and the unconditional model
    (Ho & Salimans 2022, alg. 1); warm_start: the recipe, with labels, whose weights to begin with; teacher: the recipe,
    with labels, whose predictions to learn from (losses.distillation_loss); time_power: 1 draws t uniformly, 2 draws
    late, noisy times more often (losses.spread_times); sampling: the defaults that suit the checkpoint; snapshots: steps
    at which the samples of one fixed noise are kept."""

    schedule: dict | None = None
    predicts: str = "v"
    label_dropout: float = 0.1
    warm_start: str | None = None
    teacher: str | None = None
    time_power: float = 1.0
    sampling: dict | None = None
    snapshots: tuple[int, ...] = ()

    def __post_init__(self):
        if not 0 <= self.label_dropout <= 1:
            raise ValueError(f"label_dropout must lie in 0…1, got {self.label_dropout}")
        if not self.time_power > 0:
            raise ValueError(f"time_power must be above 0, got {self.time_power}")
        if any(step != 1 and step % self.train.log_every for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must fall on progress lines: "
                             f"step 1 and every {self.train.log_every} steps")

    def config(self) -> dict:
        return {"network": self.network, "schedule": self.schedule, "predicts": self.predicts,
                "label_dropout": self.label_dropout, "warm_start": self.warm_start, "teacher": self.teacher,
                "time_power": self.time_power, "sampling": self.sampling}

    def facts(self, data: ImageData, runs: Path) -> dict:
        """Also the teacher's weights. How samples will be drawn is left out: that may change in the middle of a run."""
        recipe = {name: value for name, value in self.config().items() if name != "sampling"}
        teacher = {"teacher": checkpoints.read_card(self._find(self.teacher, runs))["sha256"]} if self.teacher else {}
        return super().facts(data, runs) | {"recipe": recipe} | teacher

    def check(self, runs: Path) -> None:
        """The settings of sampler and snapshots, which are used at the end, and the weights of other recipes."""
        if self.predicts not in PREDICTS:
            raise unknown_name("prediction target", self.predicts, PREDICTS)
        if any(not 1 <= step <= self.train.steps for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must lie in 1…{self.train.steps}, the steps of the run")
        if self.sampling is None or not {"sampler", "steps"} <= self.sampling.keys():
            raise ValueError(f"sampling must name a sampler and its steps, got {self.sampling}")
        unsure = torch.zeros(1, 1)
        next(sample(lambda x, t, cond: Prediction(unsure, unsure), self.make_schedule(), (1, 1), **self.sampling))
        for other in (self.warm_start, self.teacher):
            if other is not None:
                checkpoints.read_tensors(self._find(other, runs))

    def check_data(self, data: ImageData) -> None:
        """Its labels, where the network is told any."""
        classes = self.network.get("num_classes", 0)
        if classes:
            check_labels(data, classes)

    def initialise(self, net: nn.Module, runs: Path) -> None:
        """Give the network the weights of the warm start, a shipped checkpoint or one that was trained in the folder `runs`.

        A network without labels receives what the warm start computes where no label is given.
        Raises ValueError where there is no such checkpoint, or where it has no labels to leave out.
        """
        if self.warm_start is None:
            return
        tensors = checkpoints.read_tensors(self._find(self.warm_start, runs))
        weights = {k.removeprefix("net."): v.float() for k, v in tensors.items() if k.startswith("net.")}
        if "embed.table.weight" not in weights:
            raise ValueError(f"warm_start {self.warm_start!r} has no labels; it must be a checkpoint with num_classes > 0")
        if not self.network.get("num_classes", 0):
            no_label = weights.pop("embed.table.weight")[-1]  # its last row; constant, so it belongs in the bias
            weights["embed.mlp.2.bias"] += no_label
        net.load_state_dict(weights)

    def _find(self, other: str, runs: Path | None) -> Path:
        """The card of the recipe that this one needs: trained in the folder `runs`, or shipped."""
        trained = Path(runs or "runs") / other / f"{other}.json"
        card = trained if trained.is_file() else checkpoints.available().get(other)
        if card is None:
            raise ValueError(f"{self.name} needs the weights of {other}, and {trained} does not exist. "
                             f"Train it first: python -m diffusion_utils train {other} --folder {trained.parent.parent}")
        return card

    def make_schedule(self) -> schedules.Schedule:
        """The noise schedule."""
        config = dict(self.schedule or {})
        name = config.pop("name", None)
        if name not in schedules.SCHEDULES:
            raise unknown_name("schedule", name, schedules.SCHEDULES)
        return schedules.SCHEDULES[name](**config)

    def loss_fn(self, data: ImageData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t and ε for the rows, and the mean squared error of the prediction.

        Raises what `check_data` does, and ValueError where there is a teacher to learn from that was neither trained in the
        folder `runs` nor shipped, or that does not know the labels.
        """
        self.check_data(data)
        schedule = self.make_schedule()
        images, labels = data.images.to(device), data.labels.to(device)  # all the data lives on the device
        classes = self.network.get("num_classes", 0)
        teacher = self._load_teacher(data, device, runs) if self.teacher else None

        def loss(net: nn.Module, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            t = spread_times(len(rows), schedule.T, generator, self.time_power)
            eps = torch.randn((len(rows), *images.shape[1:]), generator=generator)
            drop = torch.rand(len(rows), generator=generator) < self.label_dropout
            t, eps, drop, rows = (group.share(a) for a in (t, eps, drop, rows))
            rows = rows.to(device)
            x0, eps = to_model(images[rows]), eps.to(device)
            if teacher is not None:
                return distillation_loss(net, teacher, schedule, x0, t, eps, labels[rows])
            cond = torch.where(drop.to(device), classes, labels[rows]) if classes else None
            return diffusion_loss(net, schedule, self.predicts, x0, t, eps, cond)

        return loss

    def _load_teacher(self, data: ImageData, device: torch.device, runs: Path | None) -> nn.Module:
        found = checkpoints.load(self._find(self.teacher, runs), device)
        if found.num_classes == 0:
            raise ValueError(f"teacher {self.teacher!r} has no labels; it must be a checkpoint with num_classes > 0")
        check_labels(data, found.num_classes)
        return found.net

    def on_progress(self, progress: Progress, data: ImageData, folder: Path) -> None:
        """Keep the samples of one fixed noise at the steps asked for: the story of a training run in pictures."""
        if progress.step in self.snapshots:
            denoiser = Denoiser(progress.ema_net, self.make_schedule(), self.predicts)
            device = next(progress.ema_net.parameters()).device
            *_, last = sample(denoiser, denoiser.schedule, (16, *data.images.shape[1:]), sampler="ddim", steps=25,
                              device=device)
            path = folder / f"snapshot-{progress.step:06d}.safetensors"
            write_atomic(path, safetensors.save({"samples": to_pixels(last.x_t).cpu()}))

    def extras(self, net: nn.Module, data: ImageData, folder: Path) -> tuple[dict, dict]:
        """The shape of a sample; the snapshots, as uint8 (K, 16, C, H, W), and their steps."""
        shape = {"shape": list(data.images.shape[1:])}
        found = sorted(folder.glob("snapshot-*.safetensors"))
        if not found:
            return {}, shape
        samples = torch.stack([safetensors.load(path.read_bytes())["samples"] for path in found])
        return {"snapshots": samples}, shape | {"snapshot_steps": [int(path.stem.split("-")[1]) for path in found]}
