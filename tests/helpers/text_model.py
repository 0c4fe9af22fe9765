"""A network of letters that has learnt nothing, as a checkpoint."""

from dataclasses import replace

import torch

from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.recipes.shakespeare import SHAKESPEARE


def untaught(seed: int = 0) -> Checkpoint:
    """Of the recipe shakespeare, but small. Some letters are likelier than others, the same at every place."""
    recipe = replace(SHAKESPEARE, network=SHAKESPEARE.network | {"dim": 16, "layers": 1, "heads": 2})
    torch.manual_seed(seed)
    net = recipe.build().eval()
    torch.nn.init.normal_(net.head.weight, std=0.1)
    sample = {"shape": [128], "clip": None, "condition": None}
    config = recipe.config() | {"kind": "discrete", "data": "shakespeare", "sample": sample}
    return Checkpoint("untaught", {"name": "untaught", "sha256": "0", "config": config}, net, {})
