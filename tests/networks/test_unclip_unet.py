"""The decoder is told an embedding in two ways, both of which are closed where it is told none; it begins as another."""

from __future__ import annotations

import pytest
import torch
from unclip_model import SIZE, decoder

from diffusion_utils.data.scenes import tokens_of
from diffusion_utils.data.scenes.captions import LENGTH, WORDS
from diffusion_utils.joint import unit
from diffusion_utils.networks import TextUNet

TOKENS = tokens_of(["a red 3", "a thin small red 3 left of a large blue seven"])
IMAGE = unit(torch.randn(2, SIZE, generator=torch.Generator().manual_seed(2)))
X, TIME = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([100.0, 900.0])
TOLD = {"tokens": TOKENS, "image": IMAGE}
OTHER = TOLD | {"image": IMAGE.flip(0)}
BOTH, NEITHER = torch.tensor([True, True]), torch.tensor([False, False])


@pytest.fixture
def net():
    return decoder()


def test_each_way_in_tells_something(net):
    found = net(X, TIME, TOLD)
    for closed in ("beside_time", "beside_words"):
        kept = getattr(net, closed).weight.clone()
        getattr(net, closed).weight.zero_()
        assert float((net(X, TIME, TOLD) - net(X, TIME, OTHER)).abs().amax()) > 1e-3, "the other way still tells"
        assert float((net(X, TIME, TOLD) - found).abs().amax()) > 1e-3
        getattr(net, closed).weight.copy_(kept)


def test_hidden_there_is_no_way_to_the_embedding_and_the_words_stay(net):
    """DALLE2-pytorch #144: dropped in one place, and still told in another."""
    hidden = net.hide(TOLD, BOTH, words=NEITHER)
    assert torch.equal(hidden["tokens"], TOKENS) and not bool(hidden["image"].any())
    torch.testing.assert_close(net(X, TIME, hidden), net(X, TIME, net.hide(OTHER, BOTH, words=NEITHER)), rtol=0, atol=0)
    torch.testing.assert_close(net(X, TIME, net.hide(TOLD, BOTH)), net(X, TIME, None), rtol=0, atol=0)
    words = net.hide(TOLD, NEITHER, words=BOTH)
    assert torch.equal(words["image"], IMAGE) and torch.equal(words["tokens"], tokens_of(["", ""]))


def test_told_no_embedding_it_is_the_network_that_it_began_with(net):
    """To the bit, whatever the ways in were made of: so a warm start forgets nothing at its first step."""
    start = TextUNet(len(WORDS), LENGTH, emb_dim=16, dim=16, channels=(8, 16), layers=1).eval()
    state = net.state_dict()
    start.load_state_dict({name: state[name] for name in start.state_dict()})
    with torch.no_grad():
        wanted = start(X, TIME, TOKENS)
    torch.testing.assert_close(net(X, TIME, net.hide(TOLD, BOTH, words=NEITHER)), wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(net(X, TIME, None), start(X, TIME, None).detach(), rtol=1e-5, atol=1e-5)


def test_the_ways_in_are_left_alone_by_an_optimiser_of_matrices(net):
    outer = {id(p) for part in net.outer() for p in part.parameters()}
    assert {id(net.beside_time.weight), id(net.beside_words.weight), id(net.text.words.weight)} <= outer


@pytest.mark.parametrize(("cond", "says"), [
    (TOKENS, "a dictionary of tokens and image is needed"), (TOLD | {"image": 0.5 * IMAGE}, "image must hold unit vectors"),
    (TOLD | {"image": IMAGE.double()[:, :3]}, r"image must be float \(2, 16\)")])
def test_what_is_no_embedding_is_refused(net, cond, says):
    with pytest.raises(ValueError, match=says):
        net.check_condition(cond, 2)
