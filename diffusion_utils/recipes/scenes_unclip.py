"""scenes-unclip: pictures of scenes by way of an embedding of scenes-clip, from captions by scenes-prior; it begins as
scenes-latent."""

from __future__ import annotations

from ..data.scenes.drawing import SIDE
from ..training import TrainConfig
from .scenes_latent import SCENES_LATENT
from .scenes_vae import SCENES_VAE
from .unclip import UnclipRecipe

SCENES_UNCLIP = UnclipRecipe(
    name="scenes-unclip",
    data="scenes",
    metric="scenes",
    autoencoder=SCENES_VAE,
    picture=(3, SIDE, SIDE),
    warm_start=SCENES_LATENT.name,
    embedding="scenes-clip",
    prior="scenes-prior",
    network=SCENES_LATENT.network | {"kind": "unclip-unet", "size": 64},
    schedule=SCENES_LATENT.schedule,
    predicts="v",
    dropout=0.1,
    words_dropout=0.5,
    sampling=SCENES_LATENT.sampling,
    train=TrainConfig(steps=2500, batch=128, lr=1e-3, warmup=100, ema=0.998, log_every=20, optimiser="muon"),
)
