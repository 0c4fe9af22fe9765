"""emoji-vae: the autoencoder of emoji, 32 × 32 × 3 numbers to 8 × 8 × 16 and back."""

from __future__ import annotations

from ..training import TrainConfig
from .autoencoder import AutoencoderRecipe

EMOJI_VAE = AutoencoderRecipe(
    name="emoji-vae",
    data="emoji",
    network={"kind": "autoencoder", "in_channels": 3, "channels": [32, 64], "latent": 16, "patch": 2},
    train=TrainConfig(steps=7000, batch=128, lr=4e-3, warmup=100, ema=0.998, log_every=25, optimiser="muon"),
)
