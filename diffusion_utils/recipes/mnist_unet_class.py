"""mnist-unet-class: a model of the digits given their label, with label dropout, ready for guidance.

It goes on from mnist-unet-base, with a tenth of the labels hidden.
"""

from dataclasses import replace

from ..training import TrainConfig
from .mnist_unet_base import MNIST_UNET_BASE

MNIST_UNET_CLASS = replace(
    MNIST_UNET_BASE,
    name="mnist-unet-class",
    dropout=0.1,
    sampling={"sampler": "ddpm", "steps": 20, "spacing": "uniform"},
    warm_start=MNIST_UNET_BASE.name,
    snapshots=(),
    train=TrainConfig(steps=4000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
