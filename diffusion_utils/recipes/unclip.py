"""The recipe of a decoder: it learns to draw a picture, in the latent space of an autoencoder, for its embedding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import checkpoints
from ..checkpoints import find_trained
from ..data import Dataset
from ..losses import diffusion_loss, spread_times
from ..training import LossFn, Step
from ..training.distributed import Group
from ..training.wrappers import unwrapped
from .joint_data import embedding, needed, vectors_of
from .latent_data import LatentData
from .scenes_latent import ScenesRecipe

NEW = {"beside_time.weight", "beside_words.weight"}  # what the network that it begins with has not


@dataclass(frozen=True, eq=False)
class DecoderData(LatentData):
    """vectors: unit vectors of the pictures whose codes these are, float16 (N, size)."""

    vectors: Tensor | None = None


@dataclass(frozen=True)
class UnclipRecipe(ScenesRecipe):
    """embedding: the recipe of the joint embedding; prior: that of what draws its vectors for captions, and prior_weight: its
    guidance; words_dropout: the share of samples whose caption is hidden, beside `dropout`, that of those whose vector is
    (Ramesh et al. 2022, section 2.1: 50 % and 10 %, each by a chance of its own)."""

    kind = "unclip"

    embedding: str = ""
    prior: str = ""
    prior_weight: float = 1.0
    words_dropout: float = 0.5

    def config(self) -> dict:
        return super().config() | {"embedding": self.embedding, "prior": self.prior, "prior_weight": self.prior_weight,
                                   "words_dropout": self.words_dropout}

    def facts(self, data: Dataset, runs: Path) -> dict:
        """Also the weights of the embedding; and not how the prior will be used, which may change in the middle of a run."""
        found = super().facts(data, runs)
        recipe = {name: value for name, value in found["recipe"].items() if not name.startswith("prior")}
        return found | {"recipe": recipe, "embedding": needed(self.embedding, runs)}

    def check(self, runs: Path) -> None:
        """Also the embedding's weights. The prior may be learnt later."""
        super().check(runs)
        embedding(self.embedding, runs, "cpu")

    def initialise(self, net: nn.Module, runs: Path) -> None:
        """Give the network the weights of the warm start; the ways in for the vector are its own."""
        start = checkpoints.load(find_trained(self.warm_start, runs), "cpu").net
        missing, unexpected = net.load_state_dict(start.state_dict(), strict=False)
        if set(missing) != NEW or unexpected:
            raise ValueError(f"{self.name} cannot begin with {self.warm_start}: it lacks {sorted(set(missing) - NEW)}, and has "
                             f"{unexpected} in addition")

    def prepare(self, data: Dataset, runs: Path, device: torch.device) -> DecoderData:
        """The codes of all pictures, and their vectors."""
        codes = super().prepare(data, runs, device)
        return DecoderData(codes.codes, data, vectors_of(data, embedding(self.embedding, runs, device).net))

    def loss_fn(self, data: DecoderData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        """Random t, ε and captions for the rows; vectors and captions are hidden each on its own; the mean squared error."""
        schedule, shape, told = self.make_schedule(), data.shape, data.data
        codes, vectors = data.codes.to(device), data.vectors.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            n, generator = len(step.rows), step.generator
            t = spread_times(n, schedule.T, generator, self.time_power)
            eps = torch.randn((n, *shape), generator=generator)
            chance = torch.rand(n, 2, generator=generator)
            tokens = told.draw_prompts(step.rows, generator)
            t, eps, chance, tokens, rows = map(group.share, (t, eps, chance, tokens, step.rows))
            rows = rows.to(device)
            cond = {"tokens": tokens.to(device), "image": vectors[rows].float()}
            cond = unwrapped(net).hide(cond, chance[:, 0] < self.dropout, words=chance[:, 1] < self.words_dropout)
            return diffusion_loss(net, schedule, self.predicts, codes[rows].float(), t, eps.to(device), cond)

        return loss

    def extras(self, net: nn.Module, data: DecoderData, folder: Path) -> tuple[dict, dict]:
        """The autoencoder; and what the card needs to draw from a caption."""
        tensors, _ = super().extras(net, data, folder)
        return tensors, {"needs": {"clip": needed(self.embedding, folder.parent), "prior": {"checkpoint": self.prior}}}
