"""next-door-fdm: any frames of a video given any others, of a digit that walks through a room that nobody sees."""

from ..training import TrainConfig
from .video import VideoRecipe

NEXT_DOOR_FDM = VideoRecipe(
    name="next-door-fdm",
    data="next-door",
    metric="next-door",
    network={"kind": "video-unet", "channels": [48, 128], "patch": 2},
    schedule={"name": "cosine", "T": 1000},
    predicts="v",
    dropout=0.0,  # that nothing is seen is one of the tasks
    sampling={"sampler": "dpmpp_2m_sde", "steps": 20, "spacing": "uniform"},
    snapshots=(100, 500, 1000, 2000, 4000, 7000),
    train=TrainConfig(steps=7000, batch=16, lr=2e-3, warmup=200, ema=0.999, log_every=20, optimiser="muon"),
)
