"""The exponential moving average of the weights: what we sample from."""

from __future__ import annotations

import copy

import torch
from torch import nn

from .wrappers import unwrapped


class EMA:
    """θ̄ ← d·θ̄ + (1 − d)·θ after each optimiser step, d = min(decay, (1 + step)/(10 + step)) (Ho et al. 2020, appendix B).

    The rising d forgets the random start quickly; it never exceeds `decay`. `ema.net` is a copy of the network.
    """

    def __init__(self, net: nn.Module, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}")
        self.decay = decay
        self.net = copy.deepcopy(unwrapped(net)).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards net's weights after its step number `step` (1, 2, …)."""
        d = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.net.parameters()),
                             list(net.parameters()), 1 - d)
        # batch-norm statistics: copied
        for mine, theirs in zip(self.net.buffers(), net.buffers(), strict=True):
            mine.copy_(theirs)
