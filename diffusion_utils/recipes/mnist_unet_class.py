"""mnist-unet-class: a model of the digits given their label, with label dropout, ready for guidance."""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe
from .mnist_unet import NETWORK

MNIST_UNET_CLASS = DiffusionRecipe(
    name="mnist-unet-class",
    network=NETWORK | {"num_classes": 10},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    label_dropout=0.1,
    sampling={"sampler": "dpmpp_2m", "steps": 20},
    train=TrainConfig(steps=8000, batch=128, lr=1.5e-3, warmup=300, ema=0.9995, log_every=10),
)
