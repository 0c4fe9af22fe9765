"""mnist-unet: an unconditional model of the 60,000 digits.

It starts from what mnist-unet-base computes where no label is given, and goes on without labels. What a label would have
told, which digit it is, is decided where there is much noise: so late times are drawn more often.
"""

from dataclasses import replace

from ..training import TrainConfig
from .mnist_unet_base import MNIST_UNET_BASE

MNIST_UNET = replace(
    MNIST_UNET_BASE,
    name="mnist-unet",
    network=MNIST_UNET_BASE.network | {"num_classes": 0},
    label_dropout=0.0,  # there is no label to hide
    warm_start=MNIST_UNET_BASE.name,
    time_power=2.0,
    snapshots=(),
    train=TrainConfig(steps=7000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
