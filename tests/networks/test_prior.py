"""The prior is told a caption in two ways, its words and its vector, and nothing of either where it is told nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from unclip_model import SIZE, prior

from diffusion_utils.data.scenes import tokens_of
from diffusion_utils.joint import unit

TOKENS = tokens_of(["a red 3", "a thin small red 3 left of a large blue seven"])
NOISED, TIME = torch.randn(2, SIZE, generator=torch.Generator().manual_seed(1)), torch.tensor([100.0, 900.0])
TEXT = unit(torch.randn(2, SIZE, generator=torch.Generator().manual_seed(2)))
CAPTION = {"tokens": TOKENS, "text": TEXT}
BOTH = torch.tensor([True, True])


@pytest.fixture(scope="module")
def net():
    return prior()


def far(a: Tensor, b: Tensor) -> bool:
    """Each sample is another one."""
    return bool(((a - b).abs().amax(1) > 1e-3).all())


def test_it_looks_at_words_vector_time_and_noised_embedding(net):
    found = net(NOISED, TIME, CAPTION)
    assert found.shape == (2, SIZE)
    others = [net(NOISED, TIME, CAPTION | {"tokens": TOKENS.flip(0)}), net(NOISED, TIME, CAPTION | {"text": TEXT.flip(0)}),
              net(NOISED, TIME.flip(0), CAPTION), net(NOISED.flip(0), TIME, CAPTION)]
    assert all(far(found, other) for other in others)


def test_the_text_matters_and_hidden_there_is_no_second_way_to_it(net):
    """DALLE2-pytorch #235 and #144: dropping the text changed nothing, or the words were still seen."""
    hidden = net(NOISED, TIME, net.hide(CAPTION, BOTH))
    assert far(hidden, net(NOISED, TIME, CAPTION))
    other = {"tokens": TOKENS.flip(0), "text": TEXT.flip(0)}
    torch.testing.assert_close(net(NOISED, TIME, net.hide(other, BOTH)), hidden, rtol=0, atol=0)
    torch.testing.assert_close(net(NOISED, TIME, None), hidden, rtol=0, atol=0)


def test_nothing_is_told_alike_whatever_the_length_of_the_caption(net):
    """DALLE2-pytorch #38."""
    hidden = net.hide(CAPTION, BOTH)
    assert torch.equal(hidden["tokens"][0], hidden["tokens"][1]) and not bool(hidden["text"].any())
    half = net.hide(CAPTION, torch.tensor([True, False]))
    assert torch.equal(half["tokens"][1], TOKENS[1]) and torch.equal(half["text"][1], TEXT[1])
    assert torch.equal(half["tokens"][0], tokens_of("")[0]) and not bool(half["text"][0].any())


def test_what_stands_in_place_of_no_word_changes_nothing(net):
    before = net(NOISED, TIME, CAPTION)
    kept = net.words.weight[0].clone()
    net.words.weight[0] += 100
    torch.testing.assert_close(net(NOISED, TIME, CAPTION), before, rtol=0, atol=0)
    net.words.weight[0] = kept


def test_a_vector_comes_to_the_network_as_large_as_noise(net):
    """DALLE2-pytorch #60: the numbers of a unit vector are 1/√size, and noise would drown them."""
    _, text = net.told(CAPTION, NOISED)
    torch.testing.assert_close(text.square().mean(1), torch.ones(2))


@pytest.mark.parametrize(("cond", "says"), [
    (TOKENS, "a dictionary of tokens and text is needed, got Tensor"), ({"tokens": TOKENS}, "got tokens"),
    (CAPTION | {"text": 2 * TEXT}, "text must hold unit vectors.*got lengths 2…2"),
    (CAPTION | {"text": TEXT[:1]}, r"text must be float \(2, 16\)"), (CAPTION | {"tokens": TOKENS + 1}, "begin with 1")])
def test_what_is_no_caption_is_refused(net, cond, says):
    net.check_condition(None, 2)
    net.check_condition(CAPTION, 2)
    net.check_condition(net.hide(CAPTION, BOTH), 2)
    with pytest.raises(ValueError, match=says):
        net.check_condition(cond, 2)
