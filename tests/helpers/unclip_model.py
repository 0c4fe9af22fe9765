"""A checkpoint that draws by way of embeddings, with its prior and joint embedding: random weights, so large that they tell."""

from __future__ import annotations

import torch
from scene_model import card
from torch import nn

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes.captions import LENGTH, WORDS
from diffusion_utils.networks import JointEmbedding, Prior, UnclipUNet

SIZE = 16  # numbers of an embedding


def shaken(net: nn.Module, seed: int = 0, std: float = 0.2) -> nn.Module:
    """The network with weights of this size, those that begin at zero as well."""
    generator = torch.Generator().manual_seed(seed)
    for p in net.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=std, generator=generator)
    return net.eval().requires_grad_(False)


def joint() -> JointEmbedding:
    return shaken(JointEmbedding(len(WORDS), LENGTH, SIZE, channels=(8, 8, 8), dim=16, layers=1))


def prior() -> Prior:
    return shaken(Prior(len(WORDS), LENGTH, SIZE, dim=16, layers=1), std=0.3)


def decoder() -> UnclipUNet:
    return shaken(UnclipUNet(len(WORDS), LENGTH, SIZE, emb_dim=16, dim=16, channels=(8, 16), layers=1))


def unclip_model(device: torch.device | str = "cpu") -> Checkpoint:
    """With the codec of scenes."""
    clip = Checkpoint("clip", {"config": {"network": {}}}, joint().to(device))
    sample = {"shape": [SIZE], "clip": None, "condition": None}
    of_prior = card(predicts="x0", sample=sample, codec=None, sampling={"sampler": "dpmpp_2m_sde", "steps": 4})
    of_decoder = card(kind="unclip", prior_weight=1.5)
    return Checkpoint("small", of_decoder, decoder().to(device), {"vae": checkpoints.load("scenes-vae", device).net},
                      {"clip": clip, "prior": Checkpoint("prior", of_prior, prior().to(device))})
