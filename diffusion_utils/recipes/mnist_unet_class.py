"""mnist-unet-class: a model of the digits given their label, with label dropout, ready for guidance.

Half of the labels are hidden, more than the tenth that guidance asks for, because mnist-unet starts from this network:
both models learn the same strokes, so they share most of one training run.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe

NETWORK = {"kind": "unet", "patch": 2, "channels": [64, 160], "blocks": 1, "emb_dim": 128, "num_classes": 10}

MNIST_UNET_CLASS = DiffusionRecipe(
    name="mnist-unet-class",
    network=NETWORK,
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    label_dropout=0.5,
    sampling={"sampler": "dpmpp_2m", "steps": 20},
    snapshots=(1, 10, 30, 100, 300, 1000, 3000, 12000),
    train=TrainConfig(steps=12_000, batch=128, lr=1.5e-3, warmup=200, ema=0.9995, log_every=10, optimiser="muon"),
)
