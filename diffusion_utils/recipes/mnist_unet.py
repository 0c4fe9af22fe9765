"""mnist-unet: an unconditional model of the 60,000 digits.

It starts from what mnist-unet-base computes where no label is given, and goes on without labels.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe
from .mnist_unet_base import NETWORK

MNIST_UNET = DiffusionRecipe(
    name="mnist-unet",
    network=NETWORK | {"num_classes": 0},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    warm_start="mnist-unet-base",
    sampling={"sampler": "dpmpp_2m", "steps": 20},
    train=TrainConfig(steps=7000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
