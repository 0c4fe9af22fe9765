"""mnist-unet-class: a model of the digits given their label, with label dropout, ready for guidance.

It goes on from mnist-unet-base, with a tenth of the labels hidden.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe
from .mnist_unet_base import NETWORK

MNIST_UNET_CLASS = DiffusionRecipe(
    name="mnist-unet-class",
    network=NETWORK,
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    label_dropout=0.1,
    warm_start="mnist-unet-base",
    sampling={"sampler": "dpmpp_2m_sde", "steps": 20},
    train=TrainConfig(steps=4000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
