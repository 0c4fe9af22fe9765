"""A U-Net along a series: what it computes, and what it shares with the one over pictures."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils import checkpoints
from diffusion_utils.networks import SeriesUNet, UNet


def moved(net: torch.nn.Module) -> torch.nn.Module:
    """The network with its zero-initialised layers moved, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.eval()


def test_a_series_is_a_picture_one_pixel_high() -> None:
    """Of a 3×3 kernel only the middle row meets it; all else, attention included, is the same."""
    flat = moved(UNet(3, (16,), emb_dim=16))
    along = UNet(3, (16,), emb_dim=16, dims=1).eval()
    along.load_state_dict({name: value[:, :, value.shape[2] // 2] if value.ndim == 4 else value
                           for name, value in flat.state_dict().items()})
    x, time = torch.randn(2, 3, 20), torch.tensor([10.0, 900.0])
    # the two kinds of convolution add up in another order: a few units in the last place of float32, of numbers near 1
    torch.testing.assert_close(along(x, time), flat(x[:, :, None], time)[:, :, 0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("patch", [1, 4])
def test_outputs_may_be_fewer_than_inputs(patch) -> None:
    net = UNet(5, (8, 16), emb_dim=16, patch=patch, dims=1, out_channels=2)
    assert net(torch.randn(2, 5, 32), torch.zeros(2)).shape == (2, 2, 32)
    net = UNet(5, (8, 16), emb_dim=16, patch=patch, out_channels=2)
    assert net(torch.randn(2, 5, 8, 16), torch.zeros(2)).shape == (2, 2, 8, 16)


def test_folding_keeps_the_order_of_time() -> None:
    net = UNet(2, (8,), patch=4, dims=1)
    x = torch.arange(32.0).view(1, 2, 16)
    assert torch.equal(net.unfold(net.fold(x)), x)
    assert net.fold(x)[0, :, 0].tolist() == [0, 1, 2, 3, 16, 17, 18, 19]  # the first four hours of each channel


def test_the_names_of_a_network_of_pictures_are_what_they_were() -> None:
    """A shipped file has them, and loads strictly; a new number of axes adds none."""
    card = checkpoints.read_card("mnist-unet")["config"]["network"]
    net = UNet(**{name: value for name, value in card.items() if name != "kind"})
    shipped = {name.removeprefix("net.") for name in checkpoints.read_tensors("mnist-unet") if name.startswith("net.")}
    assert set(net.state_dict()) == shipped
    assert set(UNet(dims=1).state_dict()) == set(UNet().state_dict())


@pytest.mark.parametrize(("options", "shape", "says"), [
    ({"dims": 1}, (1, 1, 30), "length must be divisible by 4, got 30"),
    ({"dims": 1}, (1, 1, 32, 32), "got 32×32"),
    ({"dims": 2}, (1, 1, 30, 32), "height and width must be divisible by 4, got 30×32")])
def test_sides_that_do_not_fit_are_refused(options, shape, says) -> None:
    with pytest.raises(ValueError, match=says):
        UNet(channels=(8, 8, 8), emb_dim=16, **options)(torch.zeros(shape), torch.zeros(1))


@pytest.mark.parametrize("options", [{"dims": 3}, {"dims": 1, "places": True}, {"dims": 1, "context_dim": 4}])
def test_what_a_series_has_not_is_refused(options) -> None:
    with pytest.raises(ValueError, match="dims must be 2, or 1 without context and places"):
        UNet(**options)


def told(batch: int = 2) -> dict[str, torch.Tensor]:
    mask = (torch.rand(batch, 3, 16, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    return {"known": mask * torch.randn(batch, 3, 16), "mask": mask, "side": torch.randn(batch, 2, 16)}


def test_a_series_network_looks_at_all_that_it_is_told_and_at_no_noise_in_place_of_what_is_observed() -> None:
    net, x, time, cond = moved(SeriesUNet(3, 2, (8, 16), emb_dim=16)), torch.randn(2, 3, 16), torch.full((2,), 500.0), told()
    out = net(x, time, cond)
    for name in cond:
        assert (net(x, time, cond | {name: torch.zeros_like(cond[name])}) - out).abs().max() > 1e-3, name
    assert torch.equal(net(x + 5 * cond["mask"], time, cond), out)
    assert (net(x + 5 * (1 - cond["mask"]), time, cond) - out).abs().max() > 1e-3
    hidden = net.hide(cond, torch.tensor([True, False]))
    torch.testing.assert_close(net(x, time, hidden)[0], net(x, time)[0], rtol=1e-4, atol=1e-5)
    assert torch.equal(hidden["side"][1], cond["side"][1])


@pytest.mark.parametrize(("wrong", "says"), [
    (torch.zeros(2), "dictionary of known, mask, side, got Tensor"), ({"known": torch.zeros(2, 3, 16)}, "got known"),
    (told() | {"side": torch.zeros(2, 3, 16)}, r"side must be \(2, 2, L\), got \(2, 3, 16\)"),
    (told(3), r"known must be \(2, 3, L\), got \(3, 3, 16\)")])
def test_another_condition_is_refused(wrong, says) -> None:
    with pytest.raises(ValueError, match=says):
        SeriesUNet(3, 2).check_condition(wrong, 2)
