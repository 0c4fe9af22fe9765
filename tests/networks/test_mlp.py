"""The network of points: shapes, what it depends on, what it refuses."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.networks import MLP, NETWORKS
from diffusion_utils.networks.mlp import waves


def test_keeps_the_shape_and_is_found_by_its_name() -> None:
    assert NETWORKS["mlp"] is MLP
    assert MLP(dim=3, width=8)(torch.zeros(5, 3), torch.zeros(5)).shape == (5, 3)


def test_depends_on_place_time_and_label() -> None:
    torch.manual_seed(0)
    net, x, time = MLP(width=16, num_classes=2), torch.tensor([[0.1, -0.4]]), torch.tensor([300.0])
    base = net(x, time, torch.tensor([0]))
    others = net(x + 0.1, time, torch.tensor([0])), net(x, time + 100, torch.tensor([0])), net(x, time, torch.tensor([1]))
    assert all((other - base).abs().max() > 1e-4 for other in others)


def test_a_time_scale_of_zero_blinds_it_to_the_time() -> None:
    net, x = MLP(width=16, time_scale=0.0), torch.tensor([[0.1, -0.4]])
    assert torch.equal(net(x, torch.tensor([1.0])), net(x, torch.tensor([1000.0])))


def test_waves() -> None:
    found = waves(torch.tensor([[0.5, -0.25]]))
    angles = [k * math.pi * x for k in (1, 2, 3) for x in (0.5, -0.25)]
    wanted = [0.5, -0.25, *map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(found, torch.tensor([wanted]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{"dim": 0}, {"width": 7}, {"blocks": 0}])
def test_sizes_that_make_no_network_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="dim and blocks must be ≥ 1 and width even"):
        MLP(**options)
