"""mnist-unet: an unconditional model of the 60,000 digits."""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe

NETWORK = {"kind": "unet", "patch": 2, "channels": [64, 128], "blocks": 1, "emb_dim": 128}

MNIST_UNET = DiffusionRecipe(
    name="mnist-unet",
    network=NETWORK,
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    sampling={"sampler": "dpmpp_2m", "steps": 20},
    snapshots=(10, 30, 100, 300, 1000, 3000, 8000),
    train=TrainConfig(steps=8000, batch=64, lr=1.2e-3, warmup=300, ema=0.9995, log_every=10),
)
