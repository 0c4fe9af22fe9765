"""The recipe of a diffusion model of images, with or without labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import nn

from .. import checkpoints, schedules
from ..data import ImageData, to_model, to_pixels
from ..denoiser import Denoiser
from ..distributed import Group
from ..files import write_atomic
from ..losses import diffusion_loss, distillation_loss, spread_times
from ..sampling import sample
from ..training import LossFn, Progress
from .recipe import Recipe


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
        if any(step != 1 and step % self.train.log_every for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must fall on progress lines: "
                             f"step 1 and every {self.train.log_every} steps")

    def config(self) -> dict:
        return {"network": self.network, "schedule": self.schedule, "predicts": self.predicts,
                "label_dropout": self.label_dropout, "warm_start": self.warm_start, "teacher": self.teacher,
                "time_power": self.time_power, "sampling": self.sampling}

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
        config = dict(self.schedule)
        return schedules.SCHEDULES[config.pop("name")](**config)

    def loss_fn(self, data: ImageData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t and ε for the rows, and the mean squared error of the prediction.

        Raises ValueError where there is a teacher to learn from that was neither trained in the folder `runs` nor shipped.
        """
        schedule = self.make_schedule()
        images, labels = data.images.to(device), data.labels.to(device)  # all the data lives on the device
        classes = self.network.get("num_classes", 0)
        teacher = checkpoints.load(self._find(self.teacher, runs), device).net if self.teacher else None

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

    def on_progress(self, progress: Progress, folder: Path) -> None:
        """Keep the samples of one fixed noise at the steps asked for: the story of a training run in pictures."""
        if progress.step in self.snapshots:
            denoiser = Denoiser(progress.ema_net, self.make_schedule(), self.predicts)
            device = next(progress.ema_net.parameters()).device
            *_, last = sample(denoiser, denoiser.schedule, (16, 1, 28, 28), sampler="ddim", steps=25, device=device)
            path = folder / f"snapshot-{progress.step:06d}.safetensors"
            write_atomic(path, safetensors.save({"samples": to_pixels(last.x_t).cpu()}))

    def extras(self, net: nn.Module, data: ImageData, folder: Path) -> tuple[dict, dict]:
        """The snapshots, as uint8 (K, 16, 1, 28, 28), and their steps."""
        found = sorted(folder.glob("snapshot-*.safetensors"))
        if not found:
            return {}, {}
        samples = torch.stack([safetensors.load(path.read_bytes())["samples"] for path in found])
        return {"snapshots": samples}, {"snapshot_steps": [int(path.stem.split("-")[1]) for path in found]}
