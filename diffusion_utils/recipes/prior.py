"""The recipe of a prior: it learns to draw the embedding of a picture for a caption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import Dataset
from ..losses import diffusion_loss, spread_times
from ..metrics.frechet import feature_statistics, frechet_distance
from ..training import LossFn, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .diffusion import DiffusionRecipe
from .joint_data import VectorData, embedding, needed, vectors_of, with_vectors


@dataclass(frozen=True)
class PriorRecipe(DiffusionRecipe):
    """embedding: the recipe of the joint embedding whose vectors are learnt. Captions are drawn anew in each epoch."""

    embedding: str = ""

    def config(self) -> dict:
        return super().config() | {"embedding": self.embedding}

    def facts(self, data: Dataset, runs: Path) -> dict:
        """Also the weights of the embedding."""
        return super().facts(data, runs) | {"embedding": needed(self.embedding, runs)}

    def check(self, runs: Path) -> None:
        """Also the embedding's weights."""
        super().check(runs)
        embedding(self.embedding, runs, "cpu")

    def prepare(self, data: Dataset, runs: Path, device: torch.device) -> VectorData:
        """The vectors of all pictures."""
        net = embedding(self.embedding, runs, device).net
        return VectorData(vectors_of(data, net), data, net)

    def loss_fn(self, data: VectorData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and captions for the rows, of which some are hidden; and the mean squared error of the prediction."""
        schedule, told = self.make_schedule(), data.data
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *data.shape), generator=generator)
            hidden = torch.rand(n, generator=generator) < self.dropout
            tokens = told.draw_prompts(step.rows, generator)
            t, eps, hidden, tokens, rows = map(group.share, (t, eps, hidden, tokens, step.rows))
            cond = unwrapped(net).hide(with_vectors(data.net, tokens.to(device)), hidden)
            return diffusion_loss(net, schedule, self.predicts, data.x0(rows.to(device)), t, eps.to(device), cond)

        return loss

    def extras(self, net: nn.Module, data: VectorData, folder: Path) -> tuple[dict, dict]:
        """What the card needs to be loaded; and how far the vectors of test pictures are from those of training pictures, the
        floor of what is drawn."""
        test = self.load("test")
        far = frechet_distance(*feature_statistics(data.vectors.float()),
                               *feature_statistics(vectors_of(test, data.net).float()))
        return {}, {"needs": {"clip": needed(self.embedding, folder.parent)}, "figures": {"fd_floor_test": far, "n": len(test)}}
