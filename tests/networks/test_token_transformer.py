"""The transformer over letters: which letters it looks at, and that it knows their places."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.networks.token_transformer import TokenTransformer, rotate

TIME = torch.full((2,), 500.0)


def network(**changes) -> TokenTransformer:
    """A small one, with weights that say something: it begins as a network that answers nothing."""
    torch.manual_seed(0)
    net = TokenTransformer(**({"classes": 5, "states": 6, "length": 8, "dim": 16, "layers": 2, "heads": 2} | changes))
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return net.eval()


def reach(net: TokenTransformer) -> torch.Tensor:
    """Whether the answer at place i changes with the letter at place j: bool (8, 8)."""
    x = torch.randint(0, 5, (1, 8), generator=torch.Generator().manual_seed(1)).expand(9, 8).clone()
    x[torch.arange(1, 9), torch.arange(8)] = 5
    with torch.no_grad():
        y = net(x, torch.full((9,), 500.0))
    return ((y[1:] - y[0]).abs().amax(-1) > 1e-4).T


def test_every_place_sees_every_other():
    assert bool(reach(network()).all())


def test_a_causal_one_sees_what_stands_before_and_not_the_letter_itself():
    assert torch.equal(reach(network(causal=True)), torch.ones(8, 8).tril(-1).bool())


def test_the_same_letters_elsewhere_in_the_row_get_the_same_answer_only_by_their_distance():
    """Rotary positions: a row shifted as a whole, with nothing around it, is the same row."""
    x = torch.randn(1, 2, 8, 6, generator=torch.Generator().manual_seed(0))
    angle = torch.arange(20)[:, None] * torch.tensor([1.0, 0.1, 0.01])

    def products(first: int) -> torch.Tensor:
        turned = rotate(x, angle[first:first + 8])
        return turned @ turned.transpose(-1, -2)

    torch.testing.assert_close(products(0), products(9), rtol=0, atol=1e-4)  # float32, angles up to 17
    assert float((products(0) - x @ x.transpose(-1, -2)).abs().max()) > 0.1


def test_letters_in_another_order_are_another_text():
    net, x = network().requires_grad_(False), torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2]])
    turned = net(x.flip(1), TIME[:1]).flip(1)
    assert float((net(x, TIME[:1]) - turned).abs().max()) > 0.01


def test_only_one_that_is_timed_is_told_the_time():
    x = torch.zeros((2, 8), dtype=torch.int64)
    for timed in (False, True):
        net = network(timed=timed)
        assert torch.equal(net(x, TIME), net(x, 2 * TIME)) != timed


def test_what_it_cannot_read_is_refused():
    with pytest.raises(ValueError, match="L ≤ 8, got"):
        network()(torch.zeros((2, 9), dtype=torch.int64), TIME)
    with pytest.raises(ValueError, match="cond=None only"):
        network()(torch.zeros((2, 8), dtype=torch.int64), TIME, torch.zeros(2))


def test_only_one_that_is_placed_knows_where_the_row_begins():
    """In a row of masks alone every place sees the same, at other distances."""
    x = torch.full((2, 8), 5)
    with torch.no_grad():
        answers = [network(placed=placed)(x, TIME) for placed in (False, True)]
    spread = [float((y - y[:, :1]).abs().max()) for y in answers]
    assert spread[0] < 1e-5 < 0.01 < spread[1]  # rounding of numbers of about 1, and what 8 vectors of places add
