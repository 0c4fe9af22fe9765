"""The autoencoder of scenes: its loss against PyTorch's own divergence, its units, and what the shipped one is worth."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from diffusion_utils import checkpoints
from diffusion_utils.data import TensorData
from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.data.scenes.facts import COUNT
from diffusion_utils.latent import NetworkCodec, autoencoder_loss, kl_to_standard
from diffusion_utils.metrics.latent import code_statistics, psnr
from diffusion_utils.metrics.scenes import read_scenes
from diffusion_utils.networks import Autoencoder
from diffusion_utils.networks.autoencoder import HIGHEST, LOWEST
from diffusion_utils.recipes.latent_data import encoded


def small() -> Autoencoder:
    """Its last layers of each block, which begin at zero, are shaken."""
    torch.manual_seed(0)
    net = Autoencoder(channels=(8, 16)).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return net


def pictures(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 3, 16, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_divergence_is_pytorchs():
    mean, log_variance = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64).unbind()
    wanted = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros_like(mean), 1.0)).sum((1, 2, 3))
    torch.testing.assert_close(kl_to_standard(mean, log_variance), wanted)


def test_error_and_divergence_are_summed_and_divided_by_the_same_number():
    """Averaged each on its own, the divergence of few codes would weigh as much as the error of many pixels."""
    x, rebuilt = pictures().double(), pictures().double() * 0.5
    mean, log_variance = torch.randn(2, 4, 1, 2, 2, dtype=torch.float64).unbind()
    off, pixels = x - rebuilt, x[0].numel()
    wanted = (off.abs().sum() + off.square().sum() + 0.3 * kl_to_standard(mean, log_variance).sum()) / (4 * pixels)
    assert float(autoencoder_loss(x, rebuilt, mean, log_variance, 0.3)) == pytest.approx(float(wanted), rel=1e-12)


def test_a_log_variance_beyond_reason_costs_a_finite_number():
    net = small()
    for bias in (-1e6, 1e6):
        torch.nn.init.constant_(net.to_code.bias, bias)
        log_variance = net.moments(pictures())[1].detach()
        assert float(log_variance.min()) == float(log_variance.max()) == (LOWEST if bias < 0 else HIGHEST)
        assert bool(kl_to_standard(torch.zeros_like(log_variance), log_variance).isfinite().all())


def test_shapes_and_a_draw_of_no_noise():
    net, x = small(), pictures()
    mean, _ = net.moments(x)
    assert mean.shape == (4, 4, 4, 6) and net.decode(mean).shape == x.shape
    rebuilt, again, log_variance = net(x, torch.zeros_like(mean))
    torch.testing.assert_close(rebuilt, net.picture(mean))
    one = net(x, torch.ones_like(mean))[0]
    torch.testing.assert_close(one, net.picture(again + (log_variance / 2).exp()))


def test_a_picture_that_would_come_back_larger_is_refused():
    with pytest.raises(ValueError, match="divisible by 4, got 18×24"):
        small().encode(pictures()[..., :2, :].repeat(1, 1, 9, 1))


def test_decode_undoes_the_units_of_encode():
    net, x = small(), pictures()
    plain = net.picture(net.moments(x)[0])
    net.shift.fill_(0.7)
    net.scale.copy_(torch.tensor([0.5, 2.0, 3.0, 0.1])[:, None, None])
    torch.testing.assert_close(net.decode(net.encode(x)), plain, rtol=1e-4, atol=1e-4)  # float32, there and back
    codec = NetworkCodec(net, [3, 16, 24], [-1, 1])
    assert codec.shape == (3, 16, 24) and float(codec.decode(100 * net.encode(x)).detach().abs().max()) <= 1


def test_the_statistics_are_those_of_all_codes_and_in_their_units_codes_have_mean_0_and_deviation_1():
    net, data = small(), TensorData(pictures(30))
    rows = torch.arange(30)
    shift, scale, ratio = code_statistics(net, data, rows, batch=7)
    mean, log_variance = (m.detach() for m in net.moments(pictures(30)))
    flat = mean.double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(shift.flatten(), flat.mean(1).float())
    torch.testing.assert_close(scale.flatten(), flat.std(1, correction=0).float())
    within = log_variance.double().exp().mean((0, 2, 3)).sqrt()
    assert ratio == pytest.approx(float((within / flat.std(1, correction=0)).mean()), rel=1e-5)
    net.shift.copy_(shift)
    net.scale.copy_(scale)
    codes = encoded(data, net, batch=7).x0(rows).double()
    # kept in float16, of 8 bits or more at these sizes
    assert float(codes.mean((0, 2, 3)).abs().max()) < 1e-2 and float((codes.std((0, 2, 3)) - 1).abs().max()) < 1e-2


def test_psnr_of_a_known_error():
    class Off(torch.nn.Module):
        """Gives back pictures that are 0.02 too bright."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def encode(self, x):
            return x

        def decode(self, z):
            return z + 0.02

    data = TensorData(torch.zeros(5, 3, 4, 4))
    assert psnr(Off(), data, torch.arange(5), batch=2) == pytest.approx(20 * math.log10(2 / 0.02), rel=1e-5)


def test_the_shipped_one_gives_scenes_back_and_makes_none_of_noise():
    """35 dB is the bar; its card says 39.7, of 2,000. Codes from N(0, 1) are as small as those of a plain ground, and decode to
    one: where digits are, codes are many times as large. So a diffusion has to learn what codes look like."""
    net, rows = checkpoints.load("scenes-vae", "cpu").net, torch.arange(64)
    data = load_scenes("test", 64)
    assert psnr(net, data, rows) > 35
    codes = encoded(data, net).x0(rows)
    assert float(codes.mean((0, 2, 3)).abs().max()) < 0.15 and float((codes.std((0, 2, 3)) - 1).abs().max()) < 0.15
    noise = net.decode(torch.randn(16, 4, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert (read_scenes(noise.clamp(-1, 1), "cpu").facts[:, COUNT] == 0).all()
    assert (read_scenes(data.x0(rows), "cpu").facts[:, COUNT] > 0).all()
