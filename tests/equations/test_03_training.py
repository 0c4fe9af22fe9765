"""The labelled equations of chapter 3 that are not about the loss: the clock, the average and the learning rate.

Those about the loss and the variational bound are in tests/test_losses.py and tests/test_bound.py, under their labels' names.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from diffusion_utils.networks.embedding import sinusoidal
from diffusion_utils.training import TrainConfig, learning_rate
from diffusion_utils.training.ema import EMA
from diffusion_utils.training.muon import Muon


def test_eq_time_embedding() -> None:
    time = torch.tensor([0.0, 1.0, 1000.0])
    vectors = sinusoidal(time, 8)
    for row, tau in zip(vectors.tolist(), time.tolist(), strict=True):
        angles = [tau * 10_000 ** (-i / 4) for i in range(4)]
        # float32 angles up to 1000 are rounded by up to 3e-5, and so are their sines
        assert row == pytest.approx([math.cos(a) for a in angles] + [math.sin(a) for a in angles], abs=1e-4)


def test_eq_ema() -> None:
    """θ̄ ← d·θ̄ + (1 − d)·θ with the rising d, by hand on a network of one weight."""
    net = nn.Linear(1, 1, bias=False)
    ema = EMA(net, decay=0.5)
    average = float(net.weight.detach())
    for step, weight in enumerate([3.0, -1.0, 4.0, 1.5, 5.0, 2.0, -6.0, 5.0, 3.0, 5.0, 8.0], start=1):
        nn.init.constant_(net.weight, weight)
        ema.update(net, step)
        d = min(0.5, (1 + step) / (10 + step))
        average = d * average + (1 - d) * weight
    assert float(ema.net.weight) == pytest.approx(average, rel=1e-5)  # float32, 11 steps


def test_eq_learning_rate() -> None:
    config = TrainConfig(steps=1000, lr=2.0, warmup=100)
    assert learning_rate(config, 1, 0.0) == pytest.approx(0.02)  # one hundredth of the way up, at the top of the cosine
    assert learning_rate(config, 50, 0.25) == pytest.approx(2.0 * 0.5 * 0.5 * (1 + math.cos(math.pi / 4)))
    assert learning_rate(config, 100, 0.5) == pytest.approx(1.0)  # risen; half of the cosine is over
    assert learning_rate(config, 1000, 1.0) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(("m", "n"), [(16, 24), (24, 16)])
def test_eq_muon(m: int, n: int) -> None:
    """A step moves the weights along U·Vᵀ of the averaged gradient, by nearly the same length in every direction."""
    torch.manual_seed(0)
    layer, lr, momentum = nn.Linear(n, m, bias=False), 0.1, 0.5
    optimiser, average = Muon(layer, lr, momentum=momentum), torch.zeros(m, n)
    for _ in range(2):
        before, gradient = layer.weight.detach().clone(), torch.randn(m, n)
        layer.weight.grad = gradient
        optimiser.step()
        average = momentum * average + (1 - momentum) * gradient
        M = momentum * average + (1 - momentum) * gradient  # the average as it will be if the gradient stays
        u, _, vt = torch.linalg.svd(M, full_matrices=False)
        step = u.T @ (before - layer.weight.detach()) @ vt.T / (lr * 0.2 * math.sqrt(24))  # the identity, says the equation
        # the polynomial's five steps leave 0.68…1.13 where the equation has 1
        assert ((step.diagonal() > 0.66) & (step.diagonal() < 1.15)).all()
        # off the diagonal there is the rounding of 15 products alone, of factors that have grown by 3.4445 in each step at most
        assert (step - step.diagonal().diag()).abs().max() < 15 * 2**-24 * 3.4445**5
