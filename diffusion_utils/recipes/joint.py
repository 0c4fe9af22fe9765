"""The recipe of a joint embedding of pictures and captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..data.scenes import SceneData, draw_captions, facts_of, tokens_of
from ..data.scenes.captions import SAID
from ..data.scenes.facts import FIRST, SECOND, fits
from ..joint import contrastive_loss
from ..metrics.joint import retrieval
from ..training import LossFn, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .recipe import Recipe

MEASURED = 2000  # test scenes that the finished network is measured on


@dataclass(frozen=True)
class JointRecipe(Recipe):
    """Pictures and their captions, of which colour, size and stroke are each said with probability `said`, drawn anew in each
    epoch. The grammar knows which captions of a batch fit which pictures.

    alike: so many scenes of a batch show the same digits, and have to be told apart by the rest (1: as it happens). Among a few
    hundred scenes at random, to know which words occur is nearly enough (Yuksekgonul et al. 2023, section 4)."""

    said: float = SAID
    alike: int = 1

    def config(self) -> dict:
        return {"network": self.network, "said": self.said, "alike": self.alike}

    def check_data(self, data: SceneData) -> None:
        """Scenes, of which all is known; and at least two pairs in a batch, or the loss is 0."""
        if not isinstance(data, SceneData):
            raise ValueError(f"{self.name} needs scenes, whose captions it can draw, got {data.name!r}")
        if self.train.batch < 2:
            raise ValueError(f"the contrastive loss of one pair is 0: a batch must hold at least 2, got {self.train.batch}")
        if self.alike < 1 or self.train.batch % self.alike:
            raise ValueError(f"alike must be at least 1 and divide the batch of {self.train.batch}, got {self.alike}")

    def loss_fn(self, data: SceneData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Captions for the rows, and the contrastive loss of the batch. Each process compares within its own share."""
        facts, data = data.facts, data.to(device)
        same = SameDigits(facts)

        def loss(net: nn.Module, step: Step) -> Tensor:
            rows = same.rows(step.rows, self.alike, step.generator)
            tokens, right = captioned(facts[rows], step.generator, self.said)
            rows, mine = group.share(rows), group.share(torch.arange(len(right)))
            right = right[mine][:, mine].to(device)
            unwrapped(net).hold_scale()
            image, text, log_scale = net(data.x0(rows.to(device)), tokens[mine].to(device))
            return contrastive_loss(image, text, log_scale, right)

        return loss

    def extras(self, net: nn.Module, data: SceneData, folder: Path) -> tuple[dict, dict]:
        """How often test scenes and captions find each other."""
        net = net.half().float()  # as it will be shipped
        test = self.load("test")
        return {}, {"figures": retrieval(net, test, min(len(test), MEASURED))}


class SameDigits:
    """Which scenes show the same digits, in whatever order. facts: int64 (N, 10)."""

    def __init__(self, facts: Tensor):
        digits = facts[:, [FIRST.start, SECOND.start]].cpu().sort(1).values
        _, self.kind, self.count = digits.unique(dim=0, return_inverse=True, return_counts=True)
        self.order = self.kind.argsort()  # the scenes, kind by kind
        self.first = self.count.cumsum(0) - self.count

    def rows(self, rows: Tensor, alike: int, generator: torch.Generator) -> Tensor:
        """Row numbers, as many as given: each `alike` in a row show the same digits as the first of them, which is kept."""
        if alike == 1:
            return rows
        found = rows.reshape(-1, alike).clone()
        kind = self.kind[found[:, :1]]
        chance = torch.rand((len(found), alike - 1), generator=generator)
        found[:, 1:] = self.order[self.first[kind] + (chance * self.count[kind]).long()]
        return found.flatten()


def captioned(facts: Tensor, generator: torch.Generator, said: float = SAID) -> tuple[Tensor, Tensor]:
    """A caption of each scene, int64 (N, 14), and which scenes it fits, bool (N, N). facts: int64 (N, 10)."""
    texts = draw_captions(facts, generator, said)
    asked = np.stack([facts_of(text) for text in texts])
    return tokens_of(texts), torch.from_numpy(fits(asked, facts.cpu().numpy()))
