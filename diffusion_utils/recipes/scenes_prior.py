"""scenes-prior: embeddings of pictures of scenes for captions, by diffusion in the space of scenes-clip."""

from __future__ import annotations

from ..data.scenes.captions import LENGTH, WORDS
from ..training import TrainConfig
from .prior import PriorRecipe

SCENES_PRIOR = PriorRecipe(
    name="scenes-prior",
    data="scenes",
    embedding="scenes-clip",
    network={"kind": "prior", "words": len(WORDS), "length": LENGTH, "size": 64, "dim": 128, "layers": 4},
    schedule={"name": "cosine", "T": 1000},
    predicts="x0",
    dropout=0.1,
    sampling={"sampler": "dpmpp_2m_sde", "steps": 25, "spacing": "uniform"},
    train=TrainConfig(steps=4000, batch=256, lr=2e-3, warmup=100, ema=0.999, log_every=20, optimiser="muon"),
)
