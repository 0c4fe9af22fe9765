"""A small model of the digits that learns while the reader watches: a minute or a few on a laptop, no file written.

The same loss, loop and schedule as mnist-unet, in a network that takes a fraction of the arithmetic.
"""

from ..training import TrainConfig
from .diffusion import DiffusionRecipe


def quick(minutes: float = 1.0, seed: int = 0) -> DiffusionRecipe:
    """The recipe of a live run that ends after this many minutes, whatever the machine; a faster one takes more steps.

    Small batches and a short average, because there is time for a few hundred steps only on a CPU. The same seed gives
    the same batches and noise, but the learning rate follows the clock: two runs agree in kind and not to the last digit.
    Raises ValueError for minutes that are not positive.
    """
    return DiffusionRecipe(
        name="mnist-quick",
        data="mnist",
        metric="digits",
        network={"kind": "unet", "patch": 2, "channels": [32, 64], "blocks": 1, "emb_dim": 64},
        schedule={"name": "cosine", "T": 1000},
        predicts="v",
        sampling={"sampler": "dpmpp_2m_sde", "steps": 20, "spacing": 1.5, "eta": [1.4, 1.0]},
        train=TrainConfig(steps=100_000, minutes=minutes, batch=64, lr=4e-3, warmup=50, ema=0.99, log_every=10, seed=seed,
                          optimiser="muon"),
    )
