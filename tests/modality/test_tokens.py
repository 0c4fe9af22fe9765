"""Tokens, whose walk is not Gaussian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from modality import (
    SCHEDULE,
    TRAIN,
    card_of,
    drawn,
    evaluated,
    everything,
    load_tokens,
    trained,
)
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion_utils import schedules
from diffusion_utils.__main__ import main
from diffusion_utils.data import Dataset
from diffusion_utils.drawing import KINDS, Kind, in_batches
from diffusion_utils.networks import Network
from diffusion_utils.noise import SampleNoise
from diffusion_utils.recipes.recipe import Recipe
from diffusion_utils.sampling import State, timesteps, walk
from diffusion_utils.training import LossFn, Step
from diffusion_utils.training.distributed import Group


class TokenNet(Network):
    """Tokens (B, L), int64 0…size, of which the last hides what is there → logits (B, L, size)."""

    def __init__(self, length: int, size: int, width: int):
        super().__init__()
        self.length, self.size = length, size
        self.table = nn.Embedding(size + 1, width)
        self.read, self.write = nn.Linear(length * width, 4 * width), nn.Linear(4 * width, length * size)
        self.hidden = nn.Linear(4 * width, 4 * width)

    def outer(self) -> Iterator[nn.Module]:
        yield from (self.table, self.read, self.write)

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        h = F.silu(self.read(self.table(x).flatten(1)))
        return self.write(h + F.silu(self.hidden(h))).unflatten(1, (self.length, self.size))


def follow(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
    """A metric: the share of tokens that follow that before them, with that of the data and of tokens at random."""
    def share(tokens: Tensor) -> float:
        return float((tokens[:, 1:] == (tokens[:, :-1] + 1) % 5).double().mean())
    return {"follow": share(x), "n": len(x), "calls": calls, "floor_test": share(everything(load_tokens("test"))),
            "random": 0.2}


@dataclass(frozen=True)
class HidingSampler:
    """How many steps, in which some of the hidden tokens are shown."""

    steps: int = 8

    def changed(self, **given) -> HidingSampler:
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def calls(self, weight: float = 1.0) -> int:
        return self.steps


@dataclass(frozen=True)
class HidingStep:
    """A step of a walk over tokens (B, L): what is hidden at t is shown at s with probability (ᾱ_s − ᾱ_t)/(1 − ᾱ_t)."""

    net: nn.Module
    schedule: schedules.Schedule

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        return self.net(x_t, torch.full((len(x_t),), 1000 * t / self.schedule.T)).log_softmax(-1)

    def down(self, now: State, s: int, before: State | None, draw) -> Tensor:
        u = torch.special.ndtr(draw()).clamp(1e-6, 1 - 1e-6)  # (B, L, size + 1): Gumbel's noise for each token, and a coin
        token = (now.x0_hat - (-u[..., :-1].log()).log()).argmax(-1)
        kept = self.schedule.alpha_bar
        shown = u[..., -1] < float((kept[s] - kept[now.t]) / (1 - kept[now.t])) if s else torch.ones_like(token, dtype=bool)
        return torch.where((now.x_t == self.net.size) & shown, token, now.x_t)

    def up(self, x_t: Tensor, t: int, s: int, draw) -> Tensor:
        raise NotImplementedError


def draw_tokens(checkpoint, n: int, sampler: HidingSampler, *, cond=None, weight=1.0, seed=0, batch=250, progress=False):
    net, schedule, (length,) = checkpoint.net, checkpoint.schedule, checkpoint.shape
    times = timesteps(schedule, sampler.steps)

    def walk_of(rows: range) -> Iterator[State]:
        noise = SampleNoise(seed, rows, (length, net.size + 1))
        return walk(HidingStep(net, schedule), torch.full((len(rows), length), net.size), times, noise)

    return in_batches(walk_of, n, batch, checkpoint.device, sampler.steps if progress else None)


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """Cross-entropy of the tokens that are hidden at a random time."""

    kind = "toy-hiding"

    def config(self) -> dict:
        return {"network": self.network, "schedule": SCHEDULE, "sampling": {"steps": 8}}

    def loss_fn(self, data: Dataset, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        data, kept = data.to(device), schedules.cosine(100).alpha_bar

        def loss(net: nn.Module, step: Step) -> Tensor:
            x0 = data.x0(step.rows)
            t = torch.randint(1, 101, (len(x0),), generator=step.generator)
            hidden = torch.rand(x0.shape, generator=step.generator) >= kept[t][:, None]
            logits = net(torch.where(hidden, 5, x0), 10.0 * t)
            return (F.cross_entropy(logits.flatten(0, 1), x0.flatten(), reduction="none") * hidden.flatten()).mean()
        return loss


TOKENS = TokenRecipe("toy-tokens", {"kind": "toy-token-net", "length": 8, "size": 5, "width": 16},
                     replace(TRAIN, optimiser="muon"), data="toy-tokens", metric="toy-tokens")


def test_tokens_with_a_walk_of_their_own(registered, command, capsys):
    registered(TOKENS, load_tokens, TokenNet, follow, kind=(KINDS, "toy-hiding", Kind(HidingSampler, draw_tokens)))
    path = trained(command, "toy-tokens")
    config = card_of(command, path)["config"]
    assert config["kind"] == "toy-hiding" and config["sample"] == {"shape": [8], "clip": None, "condition": None}
    x = drawn(command, path, 50)
    assert x.shape == (50, 8) and x.dtype == torch.int64 and 0 <= int(x.min()) and int(x.max()) <= 4
    assert torch.equal(drawn(command, path, 20, "--batch", "7"), x[:20])
    assert not torch.equal(drawn(command, path, 50, "--seed", "1"), x)
    figures = evaluated(command, path, "--n", "50")
    assert figures["follow"] > 0.7  # of 0.2 by chance; tokens that are shown in one step do not know of each other
    assert figures["floor_test"] == 1.0 and figures["calls"] == figures["steps"] == 8
    assert evaluated(command, path, "--n", "50", "--steps", "2")["calls"] == 2
    assert main(["evaluate", path, "--eta", "1"]) == 2
    assert "--eta is no setting of toy-tokens; it has --steps" in capsys.readouterr().err


