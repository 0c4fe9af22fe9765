"""The running average of the weights, against its recurrence in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diffusion_utils.training.ema import EMA


def walk(net: nn.Module, generator: torch.Generator) -> None:
    """Another set of weights, as an optimiser step would leave."""
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)


def test_follows_the_recurrence() -> None:
    generator, net = torch.Generator().manual_seed(0), nn.Linear(5, 3)
    ema = EMA(net, decay=0.9)
    expected = net.weight.detach().double()
    for step in range(1, 201):
        walk(net, generator)
        ema.update(net, step)
        d = min(0.9, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * net.weight.detach().double()
    # Each update rounds a number of size ≲ 4 (a Gaussian's) to float32, by 4·6e-8 at most; the decay of 0.9 makes
    # the sum of all such errors at most 10 times one of them.
    assert (ema.net.weight - expected).abs().max() < 10 * 4 * 6e-8


def test_the_decay_rises_but_never_beyond_what_was_asked() -> None:
    zero, one = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    zero.weight.data.zero_()
    one.weight.data.fill_(1)
    for step, expected in ((1, 2 / 11), (10, 11 / 20), (1_000_000, 0.99)):
        ema = EMA(zero, decay=0.99)
        ema.update(one, step)
        assert 1 - ema.net.weight.item() == pytest.approx(expected, abs=1e-6)


def test_of_constant_weights_is_those_weights() -> None:
    net = nn.Linear(4, 4)
    ema = EMA(net)
    for step in range(1, 50):
        ema.update(net, step)
    assert torch.equal(ema.net.weight, net.weight)


def test_without_decay_is_the_last_weights() -> None:
    net, generator = nn.Linear(4, 4), torch.Generator().manual_seed(1)
    ema = EMA(net, decay=0)
    walk(net, generator)
    ema.update(net, 1)
    assert torch.equal(ema.net.weight, net.weight)


def test_is_a_copy_that_does_not_train() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    ema = EMA(net)
    net[0].weight.data.add_(1)
    assert not torch.equal(ema.net[0].weight, net[0].weight)
    assert not any(p.requires_grad for p in ema.net.parameters())
    assert not ema.net.training and net.training


def test_batch_norm_statistics_are_copied() -> None:
    net = nn.BatchNorm1d(3)
    ema = EMA(net)
    net(torch.randn(16, 3) + 5)
    ema.update(net, 1)
    assert torch.equal(ema.net.running_mean, net.running_mean)
    assert ema.net.num_batches_tracked == 1


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_outside_the_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        EMA(nn.Linear(1, 1), decay)
