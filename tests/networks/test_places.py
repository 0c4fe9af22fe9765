"""Each pixel is told where it is: the two channels hold it, and a network that is told uses it."""

from __future__ import annotations

import torch

from diffusion_utils.networks.places import with_places
from diffusion_utils.networks.unet import UNet


def test_the_channels_are_rows_and_columns_from_edge_to_edge():
    x = torch.randn(2, 3, 3, 5)
    told = with_places(x)
    assert torch.equal(told[:, :3], x)
    assert torch.equal(told[1, 3], torch.tensor([-1.0, 0, 1])[:, None].expand(3, 5))
    assert torch.equal(told[0, 4], torch.tensor([-1.0, -0.5, 0, 0.5, 1]).expand(3, 5))


def test_only_a_network_that_is_told_gives_other_answers_in_other_places():
    """One 1 × 1 look: with its convolutions reduced to their centres, a network without places answers a plain picture the same
    everywhere."""
    spread = {}
    for places in (False, True):
        torch.manual_seed(0)
        net = UNet(1, (8, 16), emb_dim=16, places=places).eval()
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.2)
            if p.ndim == 4:
                p.data[..., :] *= torch.ones(p.shape[-2:]).cumsum(0).cumsum(1).eq(4 if p.shape[-1] == 3 else 1)
        with torch.no_grad():
            out = net(torch.ones(1, 1, 8, 8), torch.tensor([500.0]))[0, 0]
        spread[places] = float(out.max() - out.min())
    assert spread[False] < 1e-5 < 1e-2 < spread[True], spread  # float32: values of order 1
