"""How a run is trained: the configuration, and the learning rate that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import unknown_name

# (configuration, step, fraction of the run that is over) -> learning rate of the step
RateFn = Callable[["TrainConfig", int, float], float]

OPTIMISERS = ("adamw", "muon")


@dataclass(frozen=True)
class TrainConfig:
    """steps: optimiser steps (an upper bound where `minutes` is set); batch: samples a step over all devices; lr: peak
    learning rate; warmup: steps of linear rise, after which a cosine falls to 0; clip: gradient norm; ema: decay;
    minutes: stop after this time, with the learning rate following the clock, which stands still while the caller
    looks at a progress line; bf16: autocast where it is fast;
    optimiser: 'adamw', or 'muon', which suits networks whose layers are matrices and convolutions."""

    steps: int = 10_000
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999
    weight_decay: float = 0.0
    seed: int = 0
    log_every: int = 50
    minutes: float | None = None
    bf16: bool = True
    optimiser: str = "adamw"

    def __post_init__(self):
        for name in ("steps", "batch", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be ≥ 1, got {getattr(self, name)}")
        if self.lr <= 0 or self.clip <= 0 or (self.minutes is not None and self.minutes <= 0):
            raise ValueError(f"lr, clip and minutes must be positive, got {self.lr}, {self.clip}, {self.minutes}")
        if self.optimiser not in OPTIMISERS:
            raise unknown_name("optimiser", self.optimiser, OPTIMISERS)


def learning_rate(config: TrainConfig, step: int, fraction: float) -> float:
    """Linear rise over `warmup` steps, times a cosine from 1 to 0 over the run (Loshchilov & Hutter 2017, eq. 5).

    step: 1…steps; fraction: of the run that is over, 0…1.
    """
    rise = min(1.0, step / max(1, config.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))
    return config.lr * rise * fall
