"""mnist-unet-base: the long training run that mnist-unet and mnist-unet-class share, and that chapter 3 looks at.

Both models learn the same strokes. So one network learns them with half of the labels hidden, and each of the two goes on
from there: one with the tenth of hidden labels that guidance asks for, the other without labels.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe

MNIST_UNET_BASE = DiffusionRecipe(
    name="mnist-unet-base",
    data="mnist",
    metric="digits",
    network={"kind": "unet", "patch": 2, "channels": [64, 160], "blocks": 1, "emb_dim": 128, "num_classes": 10},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    dropout=0.5,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 20, "spacing": "uniform"},
    snapshots=(1, 10, 30, 100, 300, 1000, 3000, 12000),
    train=TrainConfig(steps=12_000, batch=128, lr=1.5e-3, warmup=200, ema=0.9995, log_every=10, optimiser="muon"),
)
