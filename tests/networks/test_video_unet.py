"""The U-Net over frames: what it may know of them, and what it must not."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.networks import VideoUNet
from diffusion_utils.networks.frame_attention import distances
from diffusion_utils.recipes import get_recipe
from diffusion_utils.training.muon import hidden_weights

TIME = torch.tensor([100.0, 700.0])
B, K = 2, 5


@pytest.fixture(scope="module")
def net() -> VideoUNet:
    """Its layers that begin at zero moved, as training would."""
    torch.manual_seed(1)
    net = VideoUNet(channels=(8, 16), emb_dim=16)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.eval().requires_grad_(False)


def a_case(seen=(True, False, True, False, False)) -> tuple[torch.Tensor, dict]:
    generator = torch.Generator().manual_seed(0)
    x, known = (torch.randn(B, K, 1, 16, 16, generator=generator) for _ in range(2))
    mask = torch.tensor(seen).float()[None, :, None, None, None].expand_as(x)
    return x, {"known": known * mask, "mask": mask, "index": torch.tensor([[0, 3, 4, 9, 20], [2, 5, 30, 31, 33]])}


def same(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)  # sums in another order, of numbers near 1


def test_frames_in_another_order_come_out_in_that_order_and_without_their_numbers_do_not(net) -> None:
    """Pitfall 6: a network without positions in time cannot tell the order of frames (diffusers #4568)."""
    x, cond = a_case()
    order = torch.tensor([3, 0, 4, 2, 1])
    plain = net(x, TIME, cond)
    same(net(x[:, order], TIME, {name: entry[:, order] for name, entry in cond.items()}), plain[:, order])
    moved = net(x[:, order], TIME, {name: entry if name == "index" else entry[:, order] for name, entry in cond.items()})
    assert float((moved - plain[:, order]).abs().max()) > 0.01


def test_a_video_that_begins_later_is_the_same_and_one_that_runs_backwards_is_not(net) -> None:
    x, cond = a_case()
    plain = net(x, TIME, cond)
    same(net(x, TIME, cond | {"index": cond["index"] + 1000}), plain)
    assert float((net(x, TIME, cond | {"index": -cond["index"]}) - plain).abs().max()) > 0.01
    assert float((net(x, TIME, cond | {"index": 2 * cond["index"]}) - plain).abs().max()) > 0.01


def test_what_was_not_seen_cannot_reach_the_output(net) -> None:
    """Pitfall 1; also where it is NaN. And pitfall 2: of a seen frame the noised one does not count."""
    x, cond = a_case()
    plain = net(x, TIME, cond)
    wild = torch.where(cond["mask"] > 0, cond["known"], torch.nan)
    assert torch.equal(net(x, TIME, cond | {"known": wild}), plain)
    assert torch.equal(net(torch.where(cond["mask"] > 0, 77.0, x), TIME, cond), plain)


def test_the_mask_is_the_right_way_round(net) -> None:
    """Pitfall 7: each input counts exactly where it should."""
    x, cond = a_case()
    plain = net(x, TIME, cond)
    for name, changed in (("known", net(x, TIME, cond | {"known": cond["known"] + cond["mask"]})),
                          ("x_t", net(x + 1 - cond["mask"], TIME, cond))):
        assert float((changed - plain).abs().max()) > 0.01, name


def test_a_black_frame_that_was_seen_is_something_else_than_none(net) -> None:
    """Pitfall 5: absent is not black, nor grey."""
    x, cond = a_case((False,) * K)
    nothing = net(x, TIME, cond)
    told = net(x, TIME, cond | {"known": -torch.ones_like(x) * first(), "mask": first().expand_as(x)})
    assert float((told - nothing)[:, 1:].abs().max()) > 0.01  # what the others learn of it
    as_noise = net(torch.where(first() > 0, -1.0, x), TIME, cond)
    assert float((told - as_noise)[:, 1:].abs().max()) > 0.01
    without = {name: entry[:, 1:] for name, entry in cond.items()}
    assert float((told[:, 1:] - net(x[:, 1:], TIME, without)).abs().max()) > 0.01


def first() -> torch.Tensor:
    return (torch.arange(K) == 0).float()[None, :, None, None, None]


def test_no_condition_is_frames_in_a_row_of_which_none_is_seen(net) -> None:
    x, cond = a_case((False,) * K)
    same(net(x, TIME), net(x, TIME, cond | {"index": torch.arange(7, 7 + K).expand(B, K)}))
    assert net(x[:, :1], TIME).shape == (B, 1, 1, 16, 16)
    hidden = net.hide(a_case()[1], torch.tensor([True, False]))
    assert float(hidden["mask"][0].max()) == 0 == float(hidden["known"][0].abs().max())
    assert torch.equal(hidden["mask"][1], a_case()[1]["mask"][1]) and "index" in hidden


def test_distances_in_time_are_those_of_the_paper() -> None:
    found = distances(torch.tensor([[4, 4 + 7]]))[0]
    ln8 = float(torch.tensor(8.0).log())
    torch.testing.assert_close(found, torch.tensor([[[0, 0, 1], [ln8, 0, 0]], [[0, ln8, 0], [0, 0, 1.0]]]))


@pytest.mark.parametrize(("change", "says"), [
    (lambda cond: cond["known"], "must be a dictionary of known, mask, index, got Tensor"),
    (lambda cond: {"known": cond["known"]}, "got known"),
    (lambda cond: cond | {"index": cond["index"][:, :3]}, r"index \(2, K\); got .* \(2, 3\)"),
    (lambda cond: cond | {"mask": cond["mask"][:, :, :, 0]}, "must be")])
def test_another_condition_is_refused(net, change, says) -> None:
    cond = a_case()[1]
    net.check_condition(cond, B)
    with pytest.raises(ValueError, match=says):
        net.check_condition(change(cond), B)


def test_the_network_of_the_recipe_fits_its_file_and_muon_knows_its_matrices() -> None:
    net = get_recipe("next-door-fdm").build()
    assert 2 * sum(p.numel() for p in net.parameters()) < 5.8 * 2**20  # float16; the rest of 6 MiB is for snapshots
    names = {id(p): name for name, p in net.named_parameters()}
    of_muon = {names[id(p)] for p, is_hidden in hidden_weights(net) if is_hidden}
    assert of_muon and not any(word in name for name in of_muon for word in ("conv_in", "conv_out", "embed", "when"))
    assert any("time.qkv" in name for name in of_muon) and any("relative" in name for name in of_muon)
