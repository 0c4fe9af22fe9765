"""The checks of chapter 18, making it fast: a convolution counted, two remedies at once, a batch that is large enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from .verdict import verdict


def check_conv_flop(conv_flop: Callable[[torch.nn.Conv2d, int, int], int]) -> None:
    """Exercise 1. conv_flop(conv, batch, side): the operations of a layer whose output has side × side pixels."""
    tried = [(torch.nn.Conv2d(3, 8, 3, padding=1), 2, 10), (torch.nn.Conv2d(16, 4, 1), 1, 7),
             (torch.nn.Conv2d(5, 5, 5, padding=2), 3, 6)]
    for conv, batch, side in tried:
        with FlopCounterMode(display=False) as counter:
            conv(torch.zeros(batch, conv.in_channels, side, side))
        wanted, yours = counter.get_total_flops(), conv_flop(conv, batch, side)
        if yours != wanted:
            verdict(1, f"for {conv} you count {yours:,}, PyTorch {wanted:,}")
            return
    verdict(1)


def check_both(both: Callable[[float, float, float, float], float]) -> None:
    """Exercise 2. both(p, r, q, u): speed-up where a share p is made r times faster and a share q u times."""
    cases = {(0.5, 2.0, 0.25, 4.0): 16 / 9, (0.9, 3.0, 0.1, 3.0): 3.0, (0.2, 1.0, 0.3, 1e9): 1 / 0.7}
    for case, wanted in cases.items():
        yours = both(*case)
        if abs(yours - wanted) > 1e-6:
            verdict(2, f"for p, r, q, u = {', '.join(f'{value:g}' for value in case)} you say {yours:.4g}")
            return
    verdict(2)


def check_large_enough(large_enough: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Exercise 3. large_enough(batches, seconds): the smallest batch with 90 % of the best pictures a second."""
    sizes = np.array([1, 4, 16, 64, 256])
    cases = {64: 0.01 + 0.002 * sizes, 1: 0.002 * sizes, 16: 0.001 + 0.001 * sizes}
    for wanted, seconds in cases.items():
        yours = large_enough(sizes, seconds)
        if yours != wanted:
            verdict(3, f"for calls of {seconds} s you say {yours}")
            return
    verdict(3)
