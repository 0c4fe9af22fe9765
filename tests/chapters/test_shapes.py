"""The table of a network's layers is the network's own: shapes, order, and every parameter once."""

from __future__ import annotations

import torch

from diffusion_utils.chapters.shapes import layer_shapes
from diffusion_utils.networks import UNet


def test_layers_of_a_unet() -> None:
    net = UNet(channels=(8, 16), patch=2, emb_dim=16)
    layers = layer_shapes(net, torch.randn(3, 1, 8, 8), torch.zeros(3))
    assert layers[0].name == "embed"
    assert [layer.shape for layer in layers if layer.kind == "PixelUnshuffle"] == [(4, 4, 4)]
    assert [layer.shape for layer in layers if layer.name == "mid_attention"] == [(16, 2, 2)]
    assert layers[-1].shape == (1, 8, 8)
    assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in net.parameters())


def test_nothing_is_left_on_the_network() -> None:
    net = UNet(channels=(8,), emb_dim=16)
    first = layer_shapes(net, torch.randn(1, 1, 4, 4), torch.zeros(1))
    assert layer_shapes(net, torch.randn(1, 1, 4, 4), torch.zeros(1)) == first
    assert not any(module._forward_hooks for module in net.modules())
