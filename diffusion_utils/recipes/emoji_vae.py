"""emoji-vae: the autoencoder of emoji, 32 × 32 × 3 numbers to 8 × 8 × 8 and back.

More channels would bring the pictures back more sharply, and be a harder task for a small diffusion model (Esser et al. 2024,
section 5.2.1).
"""

from __future__ import annotations

from ..training import TrainConfig
from .autoencoder import AutoencoderRecipe

EMOJI_VAE = AutoencoderRecipe(
    name="emoji-vae",
    data="emoji",
    network={"kind": "autoencoder", "in_channels": 3, "channels": [40, 80], "latent": 8, "patch": 2},
    train=TrainConfig(steps=6000, batch=128, lr=4e-3, warmup=100, ema=0.998, log_every=25, optimiser="muon"),
)
