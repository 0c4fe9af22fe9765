"""mnist-unet: an unconditional model of the 60,000 digits.

It starts from what mnist-unet-base computes where no label is given, and goes on without labels. What a label would have
told, which digit it is, is decided where there is much noise: so late times are drawn more often.
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
    time_power=2.0,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 20},
    train=TrainConfig(steps=7000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
