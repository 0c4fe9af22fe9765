"""mnist-unet: an unconditional model of the 60,000 digits.

It starts from what mnist-unet-class computes where no label is given, and learns from that model's predictions with the
label, which it does not see itself. What the label tells, which digit it is, is decided where there is much noise: so
late times are drawn more often, and the sampler takes shorter strides there. Once it is decided, in less noise, the sampler
keeps as little as it can of the noise that carries earlier errors.
"""

from dataclasses import replace

from ..training import TrainConfig
from .mnist_unet_class import MNIST_UNET_CLASS

MNIST_UNET = replace(
    MNIST_UNET_CLASS,
    name="mnist-unet",
    network=MNIST_UNET_CLASS.network | {"num_classes": 0},
    dropout=0.0,  # there is no label to hide
    warm_start=MNIST_UNET_CLASS.name,
    teacher=MNIST_UNET_CLASS.name,
    time_power=2.0,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 20, "spacing": 1.75, "eta": [0.9, 1.8], "eta_border": 0.3},
    train=TrainConfig(steps=7000, batch=128, lr=1e-3, warmup=100, ema=0.9995, seed=1, log_every=10, optimiser="muon"),
)
