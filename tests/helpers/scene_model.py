"""A checkpoint that takes prompts and draws codes of scenes, but no scenes: its weights are random."""

from __future__ import annotations

import torch

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes.captions import LENGTH, WORDS
from diffusion_utils.networks import TextUNet


def card(**changes) -> dict:
    """That of a diffusion in the codes of scenes-vae, with changes to its "config"."""
    codec = {"kind": "network", "part": "vae", "shape": [3, 64, 64], "clip": [-1, 1]}
    sample = {"shape": [4, 16, 16], "clip": None, "condition": {"shape": [LENGTH], "dtype": "int64"}}
    return {"config": {"network": {}, "schedule": {"name": "cosine", "T": 1000}, "predicts": "v", "prompts": "scenes",
                       "sampling": {"sampler": "ddim", "steps": 3}, "codec": codec, "sample": sample} | changes}


def small_model() -> Checkpoint:
    """With the codec of scenes, and weights so large that its words matter."""
    torch.manual_seed(0)
    net = TextUNet(len(WORDS), LENGTH, channels=(8, 16), emb_dim=16, dim=16, layers=1).eval().requires_grad_(False)
    for name, p in net.named_parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=1.0 if ".kv." in name or "words" in name else 0.2)
    return Checkpoint("small", card(), net, {"vae": checkpoints.load("scenes-vae", "cpu").net})
