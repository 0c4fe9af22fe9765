"""The labelled equations of chapter 18, each under its label's name, against PyTorch's own counter or by enumeration."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.chapters.speed import attainable, layers_of, whole_speedup
from diffusion_utils.devices import autocast
from diffusion_utils.networks.unet import UNet


def counted(function) -> int:
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


@pytest.mark.parametrize(("c_in", "c_out", "k", "side", "batch"), [(3, 8, 3, 10, 2), (16, 4, 1, 7, 1), (5, 6, 5, 6, 3)])
def test_eq_conv_flop(c_in: int, c_out: int, k: int, side: int, batch: int) -> None:
    conv = nn.Conv2d(c_in, c_out, k, padding=k // 2)
    by_hand = 2 * batch * side * side * c_out * c_in * k**2
    assert counted(lambda: conv(torch.zeros(batch, c_in, side, side))) == by_hand


def test_eq_training_flop() -> None:
    net, x, time = UNet(patch=2, channels=(16, 32), emb_dim=32), torch.randn(2, 1, 28, 28), torch.full((2,), 500.0)
    forward = counted(lambda: net(x, time))
    step = counted(lambda: net(x, time).square().mean().backward())
    # less than 3 by the gradients that nobody needs: those of the first layers' inputs
    assert 2.9 < step / forward < 3


def test_eq_intensity() -> None:
    """Of a product of matrices in float32: 2·n·m·k operations, and each matrix moved once."""
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(40, 30, bias=False)

        def forward(self, x, time):
            return self.linear(x)

    x = torch.randn(20, 40)
    layer, = layers_of(Product(), x, torch.zeros(20))
    with autocast(x.device):
        width = layer.run().element_size()  # two bytes a number where bfloat16 is fast
    assert layer.intensity == 2 * 20 * 40 * 30 / (4 * (20 * 40 + 40 * 30) + width * 20 * 30)


@pytest.mark.parametrize("intensity", [0.1, 1.0, 9.9, 10.1, 1000.0])
def test_eq_roofline(intensity: float) -> None:
    """Work that needs both limits takes at least as long as either alone."""
    matrix, copy, flop = 1000.0, 100.0, 5000.0
    longest = max(flop / matrix, flop / intensity / copy)
    assert attainable(intensity, matrix, copy) == pytest.approx(flop / longest)


@pytest.mark.parametrize(("share", "speedup"), [(0.5, 2.0), (0.9, 10.0), (0.0, 7.0), (1.0, 3.0), (0.3, 0.5)])
def test_eq_amdahl(share: float, speedup: float) -> None:
    parts = [share * 60, (1 - share) * 60]  # of a minute
    after = parts[0] / speedup + parts[1]
    assert whole_speedup(share, speedup) == pytest.approx(60 / after)
