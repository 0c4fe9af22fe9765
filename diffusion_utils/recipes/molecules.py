"""The recipe of molecules: atoms and bonds are forgotten together, and believed together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .. import schedules
from ..data import Dataset
from ..denoiser import network_time
from ..discrete import DiscreteDenoiser, DiscreteSampler, belief_loss, corrupt
from ..losses import spread_times
from ..metrics.molecules import bits_of
from ..molecules.draw import draw_counts, graph_walk, limits_of, sized
from ..molecules.rows import atom_counts, permuted, places_of, rings, split, valid
from ..registry import chosen
from ..training import LossFn, Progress, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .recipe import Recipe, check_labels, keep_snapshot, kept_snapshots

DRAWN = 100  # molecules of a snapshot


@dataclass(frozen=True)
class MoleculeRecipe(Recipe):
    """schedule: its name and arguments
    limits: what atoms and bonds are in noise, each as `discrete.make_limit` takes it
    dropout: the share of molecules whose number of rings is not told in training, for guidance
    sampling: the `DiscreteSampler` that suits the checkpoint, as its arguments
    snapshots: steps, which fall on progress lines, at which molecules of one fixed noise are kept
    """

    kind = "graph"
    schedule: dict | None = None
    limits: dict | None = None
    dropout: float = 0.1
    sampling: dict | None = None
    snapshots: tuple[int, ...] = ()

    def config(self) -> dict:
        return {"network": self.network, "schedule": self.schedule, "limits": self.limits, "dropout": self.dropout,
                "sampling": self.sampling}

    def make_schedule(self) -> schedules.Schedule:
        """The schedule."""
        return chosen("schedule", self.schedule, schedules.NAMED)()

    def check(self, runs: Path) -> None:
        """The settings of snapshots and of the sampler, which are used at the end."""
        if any(step % self.train.log_every or not 1 <= step <= self.train.steps for step in self.snapshots):
            raise ValueError(f"snapshots {self.snapshots} must fall on progress lines: "
                             f"every {self.train.log_every} steps up to {self.train.steps}")
        DiscreteSampler(**self.sampling or {}).times(self.make_schedule())

    def check_data(self, data: Dataset) -> None:
        """Rows of as many places as the network has, and no more rings than it knows."""
        if len(data.shape) != 1 or places_of(data.shape[0]) != self.network["places"]:
            raise ValueError(f"{self.name} reads molecules in {self.network['places']} places, and {data.name!r} holds rows of "
                             f"{tuple(data.shape)}")
        check_labels(data, self.network["num_classes"])

    def loss_fn(self, data: Dataset, device: torch.device, group: Group,
                runs: Path | None = None) -> LossFn:
        """Another order of the atoms and a random t for each molecule, and the cross-entropy of the belief."""
        self.check_data(data)
        schedule, limits = self.make_schedule(), limits_of(self.config())
        (length,), places = data.shape, places_of(data.shape[0])

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator)
            order = torch.rand((n, places), generator=generator)
            hidden = torch.rand(n, generator=generator) < self.dropout
            u = torch.rand((n, length), generator=generator,
                           dtype=torch.float64)
            t, order, hidden, u, rows = map(
                group.share, (t, order, hidden, u, step.rows))
            x0, plain = permuted(data.x0(rows), order), unwrapped(net)
            x_t = tuple(
                corrupt(limit, schedule, x, t, part).to(device)
                for limit, x, part in zip(limits, split(x0), split(u),
                                          strict=True))
            x0 = x0.to(device)
            told = {"atoms": atom_counts(x0), "rings": rings(x0)}
            time = network_time(t, schedule.T, x_t[0])
            answer = net(*x_t, time, plain.hide(told, hidden))
            return belief_loss(answer, limits, schedule, split(x0), x_t, t,
                               plain.existing(told["atoms"]))

        return loss

    def on_progress(self, progress: Progress, data: Dataset, folder: Path) -> None:
        """Keep the molecules of one fixed noise at the steps asked for, and say how many are some: the story of a run."""
        if progress.step in self.snapshots:
            schedule, net = self.make_schedule(), progress.ema_net
            counts = draw_counts(data.sizes, None, 0, range(DRAWN))
            told = sized(DiscreteDenoiser(net, schedule), counts, net.num_classes)
            *_, last = graph_walk(told, schedule, limits_of(self.config()), net.places, DiscreteSampler(steps=50), batch=DRAWN)
            keep_snapshot(folder, progress.step, last.x_t.to(torch.int8))
            tqdm.write(f"step {progress.step}: {int(valid(last.x_t).sum())} of {DRAWN} are molecules")

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """How many rings and atoms molecules have; the bound of those held out, of the network as it will be shipped; the
        snapshots."""
        sizes, net = data.sizes, net.half().float()
        figures = bits_of(net, self.config(), self.make_schedule(), sizes, self.load("test"))
        tensors, steps = kept_snapshots(folder)
        return tensors, steps | {"sizes": sizes.tolist(), "class_counts": sizes.sum(1).tolist(), "figures": figures}
