"""scenes-clip: pictures of scenes and their captions as unit vectors of 64 numbers."""

from __future__ import annotations

from ..data.scenes.captions import LENGTH, WORDS
from ..data.scenes.drawing import SIDE
from ..training import TrainConfig
from .joint import JointRecipe

SCENES_CLIP = JointRecipe(
    name="scenes-clip",
    data="scenes",
    network={"kind": "joint", "words": len(WORDS), "length": LENGTH, "size": 64, "side": SIDE,
             "channels": [32, 64, 128, 96], "dim": 128, "layers": 3},
    train=TrainConfig(steps=3000, batch=256, lr=2e-3, warmup=100, ema=0.998, log_every=20, optimiser="muon"),
)
