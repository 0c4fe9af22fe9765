"""scenes-latent: pictures of scenes from typed words, by diffusion in the latent space of scenes-vae."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..data.scenes import SceneData, load_scenes
from ..data.scenes.captions import LENGTH, WORDS
from ..data.scenes.drawing import SIDE
from ..data.scenes.facts import KINDS
from ..metrics.scenes import share_right
from ..training import TrainConfig
from .latent import LatentRecipe
from .scenes_vae import SCENES_VAE


@dataclass(frozen=True)
class ScenesRecipe(LatentRecipe):
    """A snapshot draws scenes of each kind, and reads them."""

    kinds = KINDS

    def asked(self, kind: str) -> SceneData:
        return load_scenes("test", self.asked_of_each_kind, kind)

    def share_right(self, pictures: Tensor, wanted: SceneData) -> float:
        return share_right(pictures, wanted.facts.numpy())


SCENES_LATENT = ScenesRecipe(
    name="scenes-latent",
    data="scenes",
    metric="scenes",
    autoencoder=SCENES_VAE,
    picture=(3, SIDE, SIDE),
    network={"kind": "text-unet", "words": len(WORDS), "length": LENGTH, "in_channels": 4, "channels": [64, 128],
             "dim": 128, "layers": 3},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    dropout=0.1,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 25, "spacing": "uniform"},
    snapshots=(100, 300, 600, 1000, 1500, 2000, 3000, 4000, 5000),
    train=TrainConfig(steps=5000, batch=128, lr=2e-3, warmup=100, ema=0.999, log_every=20, optimiser="muon"),
)
