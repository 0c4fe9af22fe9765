"""Two encoders with one space: unit vectors, of pictures whose places matter and captions whose padding does not."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.networks import JointEmbedding
from diffusion_utils.networks.text_unet import BEGIN, PAD

TOKENS = torch.tensor([[BEGIN, 5, 7, 2, PAD, PAD], [BEGIN, 3, PAD, PAD, PAD, PAD]])


@pytest.fixture
def net() -> JointEmbedding:
    torch.manual_seed(0)
    return JointEmbedding(9, 6, size=16, side=16, channels=(8, 8), dim=16, layers=1).eval().requires_grad_(False)


def test_both_become_unit_vectors_of_one_space(net):
    image, text, log_scale = net(torch.randn(2, 3, 16, 16), TOKENS)
    assert image.shape == text.shape == (2, 16) and float(log_scale) == pytest.approx(math.log(1 / 0.07))
    for one in (image, text):
        torch.testing.assert_close(one.norm(dim=1), torch.ones(2))


def test_what_stands_in_place_of_no_word_changes_nothing_and_order_does(net):
    before = net.text(TOKENS)
    assert not torch.allclose(net.text(TOKENS[:, [0, 2, 1, 3, 4, 5]])[0], before[0], atol=1e-3)
    net.captions.words.weight[PAD] += 100
    torch.testing.assert_close(net.text(TOKENS), before, rtol=0, atol=0)


def test_where_something_is_matters(net):
    """Averaged over its places, a picture would not tell left from right."""
    x = torch.full((1, 3, 16, 16), -1.0)
    x[..., 4:8, 2:4] = 1
    assert float((net.image(x) - net.image(x.roll(8, 3))).abs().max()) > 0.01


def test_a_scale_beyond_100_is_brought_back_and_stays_a_logarithm(net):
    net.log_scale.fill_(9.0)
    net.hold_scale()
    assert float(net.log_scale.exp()) == pytest.approx(100)
    net.log_scale.fill_(-3.0)
    net.hold_scale()
    assert float(net.log_scale) == -3


def test_pictures_of_another_size_are_refused(net):
    with pytest.raises(ValueError, match=r"pictures must be \(N, 3, 16, 16\), got \(2, 3, 8, 8\)"):
        net.image(torch.zeros(2, 3, 8, 8))
