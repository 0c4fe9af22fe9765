"""A U-Net that reads: padding changes nothing, no prompt is the empty one, and the maps are those of the attention used."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.networks import TextUNet
from diffusion_utils.networks.attention import Context, CrossAttention, attention_maps
from diffusion_utils.networks.text_unet import BEGIN, PAD
from diffusion_utils.networks.transformer import Transformer

TOKENS = torch.tensor([[BEGIN, 5, 7, 2, PAD, PAD], [BEGIN, 3, PAD, PAD, PAD, PAD]])


@pytest.fixture
def net() -> TextUNet:
    """Its last layers, which begin at zero, are shaken, or every output would be 0."""
    return shaken(whole=False)


def shaken(whole: bool) -> TextUNet:
    torch.manual_seed(0)
    net = TextUNet(words=9, length=6, in_channels=2, channels=(8, 16), emb_dim=16, dim=16, layers=2, whole=whole).eval()
    for p in net.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.3)
    return net


def call(net: TextUNet, tokens: torch.Tensor | None) -> torch.Tensor:
    x = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return net(x, torch.tensor([100.0, 900.0]), tokens)


def test_what_stands_in_place_of_no_word_changes_nothing(net):
    """The vector of PAD, and the places where there is none, are looked at by nobody."""
    before = call(net, TOKENS)
    with torch.no_grad():
        net.text.words.weight[PAD] += 100
        net.text.places.weight[4:] += 100  # both prompts end before
    torch.testing.assert_close(call(net, TOKENS), before, rtol=0, atol=0)
    with torch.no_grad():
        net.text.words.weight[7] += 1  # and the words that are there are looked at: by the first alone
    after = call(net, TOKENS)
    assert not torch.allclose(after[0], before[0]) and torch.equal(after[1], before[1])


def test_attention_is_the_only_way_to_the_words_unless_the_prompt_is_told_as_a_whole():
    """Where attention adds nothing, a prompt tells nothing; told as a whole it tells, by its words alone and in their order."""
    for whole in (False, True):
        net = shaken(whole)
        for module in net.modules():
            if isinstance(module, CrossAttention):
                torch.nn.init.zeros_(module.out.weight)
        before, empty = call(net, TOKENS), call(net, None)
        assert torch.equal(before, empty) != whole
    with torch.no_grad():
        net.text.words.weight[PAD] += 100
        net.text.places.weight[4:] += 100  # both prompts end before
    torch.testing.assert_close(call(net, TOKENS), before, rtol=0, atol=0)
    assert not torch.allclose(call(net, TOKENS[:, [0, 2, 1, 3, 4, 5]])[0], before[0])


def test_the_order_of_the_words_matters(net):
    turned = TOKENS[:, [0, 2, 1, 3, 4, 5]]
    assert not torch.allclose(call(net, turned)[0], call(net, TOKENS)[0])


def test_no_prompt_is_the_empty_prompt_and_a_finite_number(net):
    empty = torch.tensor([[BEGIN] + 5 * [PAD]]).expand(2, -1)
    nothing = call(net, None)
    assert torch.equal(nothing, call(net, empty)) and bool(nothing.isfinite().all())
    assert not torch.allclose(nothing, call(net, TOKENS))


def test_prompts_are_hidden_one_by_one(net):
    hidden = net.hide(TOKENS, torch.tensor([True, False]))
    assert hidden.tolist() == [[BEGIN] + 5 * [PAD], TOKENS[1].tolist()]


@pytest.mark.parametrize(("tokens", "says"), [
    (TOKENS[:1], r"int64 \(2, 6\), 0…8, and begin with 1; got torch.int64 \(1, 6\)"), (TOKENS.float(), "got torch.float32"),
    (TOKENS[:, :5], r"got torch.int64 \(2, 5\)"), (TOKENS + 1, r"beginning with \[2\]"),
    (TOKENS.where(TOKENS != 7, 9), r"got 0…9"), ({"tokens": TOKENS}, "got dict")])
def test_what_is_no_prompt_is_refused(net, tokens, says):
    net.check_condition(None, 2)
    net.check_condition(TOKENS, 2)
    with pytest.raises(ValueError, match=says):
        net.check_condition(tokens, 2)


def test_the_maps_are_those_of_the_fused_attention(net):
    before = call(net, TOKENS)
    with attention_maps(net) as layers:
        with_maps = call(net, TOKENS)
    torch.testing.assert_close(with_maps, before, rtol=1e-4, atol=1e-5)  # the same sums, in another order, in float32
    assert len(layers) == 7 and [len(maps) for maps in layers] == 7 * [1]  # two blocks down, one in the middle, four up
    for (weights,) in layers:
        assert weights.shape[:2] == (2, 6)
        torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))
        assert float(weights[1, 2:].abs().max()) == 0  # there is no word
    call(net, TOKENS)
    assert [len(maps) for maps in layers] == 7 * [1], "outside of it nothing is kept"


def test_cross_attention_is_the_softmax_of_the_papers():
    """Vaswani et al. 2017, eq. 1, written down for one place and one head."""
    torch.manual_seed(0)
    layer = CrossAttention(8, 6, heads=1, groups=1).double()
    torch.nn.init.normal_(layer.out.weight)
    x, words = torch.randn(1, 8, 1, 1, dtype=torch.float64), torch.randn(1, 3, 6, dtype=torch.float64)
    found = layer(x, Context(words, torch.ones(1, 3, dtype=torch.bool)))
    q = layer.q.weight[:, :, 0, 0] @ layer.norm(x)[0, :, 0, 0] + layer.q.bias
    k, v = (words[0] @ layer.kv.weight.T + layer.kv.bias).split(8, dim=1)
    wanted = x[0, :, 0, 0] + layer.out.weight[:, :, 0, 0] @ ((k @ q / 8**0.5).softmax(0) @ v) + layer.out.bias
    torch.testing.assert_close(found[0, :, 0, 0], wanted)


def test_a_transformer_without_places_knows_no_order():
    torch.manual_seed(0)
    body, x = Transformer(16, layers=2).double(), torch.randn(2, 5, 16, dtype=torch.float64)
    order = [3, 0, 4, 1, 2]
    torch.testing.assert_close(body(x[:, order]), body(x)[:, order])
