"""emoji-latent: emoji from typed words in one of three styles, by diffusion in the latent space of emoji-vae."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..data.emoji import KINDS, LENGTH, SIDE, EmojiData, load_emoji, words
from ..metrics.emoji import share_right
from ..training import TrainConfig
from .emoji_vae import EMOJI_VAE
from .latent import LatentRecipe


@dataclass(frozen=True)
class EmojiRecipe(LatentRecipe):
    """A snapshot draws emoji of each kind, and looks which of all in their style is the nearest.

    An emoji is one thing: the network is told the prompt as a whole, too.
    """

    kinds = KINDS

    def asked(self, kind: str) -> EmojiData:
        return load_emoji("test", kind).first(self.asked_of_each_kind)

    def share_right(self, pictures: Tensor, wanted: EmojiData) -> float:
        return share_right(pictures, wanted)


EMOJI_LATENT = EmojiRecipe(
    name="emoji-latent",
    data="emoji",
    metric="emoji",
    autoencoder=EMOJI_VAE,
    picture=(3, SIDE, SIDE),
    network={"kind": "text-unet", "words": len(words()), "length": LENGTH, "in_channels": 8, "channels": [96, 112],
             "dim": 96, "layers": 3, "whole": True},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    dropout=0.1,
    sampling={"sampler": "dpmpp_2m", "steps": 25, "spacing": "uniform"},
    snapshots=(500, 1000, 2000, 4000, 8000, 16_500),
    train=TrainConfig(steps=16_500, batch=192, lr=2e-3, warmup=100, ema=0.999, log_every=50, optimiser="muon"),
)
