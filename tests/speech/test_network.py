"""The U-Net of waves: how far it sees, what it is told, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.networks import SpeechUNet, UNet
from diffusion_utils.recipes import get_recipe
from diffusion_utils.training.muon import hidden_weights

SMALL = {"length": 1024, "patch": 16, "channels": (8, 16, 16), "emb_dim": 16, "dropout": 0.0}


def moved(net: torch.nn.Module) -> torch.nn.Module:
    """With its zero-initialised layers moved, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.eval()


@pytest.fixture(autouse=True)
def no_gradients(request):
    with torch.set_grad_enabled("depends" in request.node.name):
        yield


@pytest.fixture(scope="module")
def net() -> SpeechUNet:
    return moved(SpeechUNet(**SMALL))


def test_the_first_sample_depends_on_the_last():
    """Pitfall 4: a receptive field shorter than the word cannot know how it ends (lmnt-com/diffwave #5)."""
    net = moved(get_recipe("speech-waveform").build())
    x = torch.randn(1, 1, 6144, requires_grad=True)
    net(x, torch.tensor([500.0]))[0, 0, 0].backward()
    size = x.grad.abs()[0, 0]
    assert float(size[-1]) > 0 and float(size.unfold(0, 64, 64).amax(1).min()) > 0
    assert sum(p.numel() for p in net.parameters()) * 2 <= 6 * 2**20  # bytes as it is shipped


def test_each_thing_that_is_told_matters_and_no_label_is_the_last_entry(net):
    x, time = torch.randn(2, 1, 1024), torch.full((2,), 500.0)
    mask = torch.zeros(2, 1, 1024)
    mask[..., :300] = 1
    known = mask * torch.randn(2, 1, 1024)
    cond = {"digit": torch.tensor([3, 4]), "speaker": torch.tensor([0, 5]), "known": known, "mask": mask}
    out = net(x, time, cond)
    for name in ("digit", "speaker"):
        without = net(x, time, {key: entry for key, entry in cond.items() if key != name})
        assert float((without - out).abs().max()) > 1e-3
        nothing = torch.full((2,), {"digit": 10, "speaker": 6}[name])
        torch.testing.assert_close(net(x, time, cond | {name: nothing}), without)
    assert float((net(x, time, cond | {"known": 0 * mask}) - out).abs().max()) > 1e-3
    assert torch.equal(net(x + 5 * mask, time, cond), out), "of what is known no noise is looked at"
    hidden = net.hide(cond, torch.tensor([True, False]))
    assert hidden["digit"].tolist() == [10, 4] and hidden["speaker"].tolist() == [6, 5] and hidden["mask"] is mask


def test_places_are_told_apart(net):
    """A convolution alone would move its output with its input."""
    x = torch.randn(1, 1, 1024)
    a, b = net(x, torch.tensor([500.0])), net(x.roll(64, -1), torch.tensor([500.0]))
    assert float((a.roll(64, -1) - b)[..., 256:-256].abs().max()) > 1e-3
    assert [p for p, hidden in hidden_weights(net) if p is net.unet.positions] and not dict(
        (id(p), hidden) for p, hidden in hidden_weights(net))[id(net.unet.positions)]


def test_lengths_that_do_not_fit_say_what_would():
    """Pitfall 9 (archinetai/audio-diffusion-pytorch #66, Harmonai-org/sample-generator #34)."""
    with pytest.raises(ValueError, match="length must be divisible by 64, got 6000"):
        SpeechUNet(length=6000)
    net = SpeechUNet(**SMALL)
    with pytest.raises(ValueError, match="length must be divisible by 64, got 1000"):
        net(torch.zeros(1, 1, 1000), torch.zeros(1))
    with pytest.raises(ValueError, match="length must be 1024, got 2048"):
        net(torch.zeros(1, 1, 2048), torch.zeros(1))
    with pytest.raises(ValueError, match="positions are those of a series"):
        UNet(positions=4)


@pytest.mark.parametrize(("cond", "says"), [
    (torch.zeros(2), "got Tensor"), ({"mask": torch.zeros(2, 1, 8)}, "known beside mask; got mask"), ({"word": 3}, "got word"),
    ({"digit": torch.tensor([3, 11])}, "0…9, or 10 for no label"), ({"speaker": torch.tensor([3])}, r"int64 \(2,\)"),
    ({"known": torch.zeros(2, 8), "mask": torch.zeros(2, 1, 8)}, r"known must be \(2, 1, L\)")])
def test_another_condition_is_refused(net, cond, says):
    with pytest.raises(ValueError, match=says):
        net.check_condition(cond, 2)
