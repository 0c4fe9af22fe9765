"""mnist-unet-class: a model of the digits given their label, with label dropout, ready for guidance.

It starts from mnist-unet's weights and an all-zero label table, so at step 0 it is that model, and learns only what
the label adds.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe
from .mnist_unet import NETWORK

MNIST_UNET_CLASS = DiffusionRecipe(
    name="mnist-unet-class",
    network=NETWORK | {"num_classes": 10},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    label_dropout=0.1,
    warm_start="mnist-unet",
    sampling={"sampler": "dpmpp_2m", "steps": 20},
    train=TrainConfig(steps=5000, batch=64, lr=8e-4, warmup=200, ema=0.9995, log_every=10),
)
