"""The recipe of a diffusion model of classes, such as letters; and of its rival, which writes one letter after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import schedules
from ..data import Dataset
from ..denoiser import network_time
from ..discrete import DiscreteSampler, belief_loss, corrupt, make_limit, masked_loss
from ..losses import spread_times
from ..metrics.text import bits_left_to_right, bits_of
from ..registry import chosen
from ..training import LossFn, Step
from ..training.distributed import Group
from .recipe import Recipe


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """alphabet: the letters that the numbers stand for, or None; end: that which fills up a short row, or None"""

    alphabet: str | None = None
    end: str | None = None

    def config(self) -> dict:
        return {"network": self.network, "alphabet": self.alphabet, "end": self.end}

    def check_data(self, data: Dataset) -> None:
        """Whole numbers of classes that the network knows, in rows that it can read."""
        x, classes = data.x0(torch.zeros(1, dtype=torch.int64)), self.network["classes"]
        if x.dtype != torch.int64 or x.ndim != 2 or x.shape[1] > self.network["length"]:
            raise ValueError(f"{self.name} reads rows of at most {self.network['length']} classes, int64, and {data.name!r} "
                             f"holds {tuple(x.shape[1:])} of {x.dtype}")
        if self.alphabet is not None and len(self.alphabet) != classes:
            raise ValueError(f"{self.name} has {classes} classes and an alphabet of {len(self.alphabet)}")


@dataclass(frozen=True)
class DiscreteRecipe(TokenRecipe):
    """schedule: its name and arguments; sampling: the `DiscreteSampler` that suits the checkpoint, as its arguments
    limit: what noise is, see `discrete.make_limit`"""

    kind = "discrete"
    schedule: dict | None = None
    limit: dict | None = None
    sampling: dict | None = None

    def config(self) -> dict:
        return super().config() | {"schedule": self.schedule, "limit": self.limit, "sampling": self.sampling}

    def make_schedule(self) -> schedules.Schedule:
        """The schedule."""
        return chosen("schedule", self.schedule, schedules.NAMED)()

    def check(self, runs: Path) -> None:
        """The settings of the sampler, which are used at the end."""
        DiscreteSampler(**self.sampling or {}).times(self.make_schedule())

    def loss_fn(self, data: Dataset, device: torch.device, group: Group,
                runs: Path | None = None) -> LossFn:
        """With masks, as many hidden as chance wants; else a random t, and the cross-entropy of the belief."""
        self.check_data(data)
        data, schedule = data.to(device), self.make_schedule()
        limit, (length,) = make_limit(self.limit), data.shape
        levels = length if limit.hides else schedule.T

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            level = spread_times(n, levels, generator)
            u = torch.rand((n, length), generator=generator,
                           dtype=torch.float64)
            level, u, rows = map(group.share, (level, u, step.rows))
            x0 = data.x0(rows.to(device))
            if limit.hides:
                return masked_loss(net, limit, x0, level, u.float().to(device))
            x_t = corrupt(limit, schedule, x0.cpu(), level, u).to(device)
            time = network_time(level, schedule.T, x_t)
            return belief_loss((net(x_t, time, None),), (limit,), schedule,
                               (x0,), (x_t,), level)

        return loss

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """The bound of what was held out, of the network as it will be shipped."""
        net = net.half().float()
        return {}, {"figures": bits_of(net, make_limit(self.limit), self.make_schedule(), self.load("test"))}


@dataclass(frozen=True)
class LeftToRightRecipe(TokenRecipe):
    """Each letter from those before it: the cross-entropy of a causal network. No diffusion, and nothing is drawn from it."""

    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        self.check_data(data)
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            x0 = data.x0(group.share(step.rows).to(device))
            logits = net(x0, x0.new_zeros(len(x0), dtype=torch.float32)).float()
            return F.cross_entropy(logits.flatten(0, 1), x0.flatten())

        return loss

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        """−log₂ p of what was held out."""
        return {}, {"figures": bits_left_to_right(net.half().float(), self.load("test"))}
