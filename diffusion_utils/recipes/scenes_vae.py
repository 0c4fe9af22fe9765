"""scenes-vae: the autoencoder of scenes, 64 × 64 × 3 numbers to 16 × 16 × 4 and back."""

from __future__ import annotations

from ..training import TrainConfig
from .autoencoder import AutoencoderRecipe

SCENES_VAE = AutoencoderRecipe(
    name="scenes-vae",
    data="scenes",
    network={"kind": "autoencoder", "in_channels": 3, "channels": [32, 64], "latent": 4, "patch": 2},
    train=TrainConfig(steps=2500, batch=64, lr=4e-3, warmup=100, ema=0.998, log_every=25, optimiser="muon"),
)
