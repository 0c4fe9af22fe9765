"""The optimiser that a configuration names."""

from __future__ import annotations

import torch
from torch import nn

from .config import TrainConfig
from .muon import Muon


def make_optimiser(net: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser that the configuration names, over all parameters of the network; AdamW in one pass over each, fused."""
    if config.optimiser == "muon":
        return Muon(net, config.lr, config.weight_decay)
    return torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=config.weight_decay, betas=(0.9, 0.99),
                             fused=True)
