"""etth1: gaps of any kind, whole channels, and forecasts of an electricity transformer, by one network.

There are 8,640 hours to learn from, few for a network: so it starts from a Gaussian that knows what is linear, drops a fifth of
its channels in training, and the weights that are kept are those that did best on the validation part.
"""

from ..training import TrainConfig
from .series import series_recipe

ETTH1 = series_recipe(
    "etth1", channels=7, data="etth1",
    train=TrainConfig(steps=6000, batch=64, lr=1e-3, warmup=100, ema=0.998, weight_decay=0.1, log_every=25,
                      optimiser="muon"),
)
