"""The labelled equations of chapter 6, each under its label's name: the package against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.latent import autoencoder_loss, kl_to_standard
from diffusion_utils.networks import Autoencoder
from diffusion_utils.networks.attention import Context, CrossAttention, attention_maps
from diffusion_utils.schedules import cosine, linear


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def coder() -> Autoencoder:
    """A small one in float64, with units of its own, whose last layers, which begin at zero, are shaken."""
    torch.manual_seed(0)
    net = Autoencoder(channels=(8, 16)).double().eval().requires_grad_(False)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    net.shift.copy_(random(4, 1, 1, seed=1))
    net.scale.copy_(random(4, 1, 1, seed=2).exp())
    return net


def test_eq_latent_draw(coder: Autoencoder) -> None:
    x, eps = random(2, 3, 16, 16), random(2, 4, 4, 4, seed=3)
    mean, log_variance = coder.moments(x)
    code = mean + log_variance.exp().sqrt() * eps
    torch.testing.assert_close(coder(x, eps)[0], coder.picture(code), rtol=1e-12, atol=1e-12)


def test_eq_latent_kl() -> None:
    """Against the integral of q·ln(q/p) on a fine grid, of three numbers."""
    m, s = torch.tensor([[0.3, -2.0, 0.0]]).double(), torch.tensor([[0.5, 1.3, 1.0]]).double()
    found = kl_to_standard(m, 2 * s.log())
    assert float(found) == pytest.approx(float(0.5 * (m**2 + s**2 - 1 - (s**2).log()).sum()), rel=1e-12)
    x = torch.linspace(-15, 15, 30_001, dtype=torch.float64)[:, None]
    q, p = torch.distributions.Normal(m, s).log_prob(x), torch.distributions.Normal(0.0, 1.0).log_prob(x)
    integral = float((q.exp() * (q - p)).sum()) * 30 / 30_000
    assert float(found) == pytest.approx(integral, rel=1e-9)  # the rectangles' own error is far smaller


def test_eq_latent_loss() -> None:
    x, rebuilt = random(3, 3, 8, 8), random(3, 3, 8, 8, seed=1)
    m, log_variance = random(3, 4, 2, 2, seed=2), random(3, 4, 2, 2, seed=3)
    s2, kappa, pixels = log_variance.exp(), 0.02, 3 * 8 * 8
    each = [(x[i] - rebuilt[i]).abs().sum() + (x[i] - rebuilt[i]).square().sum()
            + kappa * 0.5 * (m[i] ** 2 + s2[i] - 1 - s2[i].log()).sum() for i in range(3)]
    found = autoencoder_loss(x, rebuilt, m, log_variance, kappa)
    assert float(found) == pytest.approx(float(sum(each)) / 3 / pixels, rel=1e-12)


@pytest.mark.parametrize("schedule", [cosine(1000), linear(1000)], ids=lambda one: one.name)
def test_eq_latent_snr(schedule) -> None:
    """Codes of standard deviation a, noised as they are: the variance of the signal by that of the noise."""
    z, eps = random(200_000), random(200_000, seed=1)
    for a, t in ((0.4, 300), (3.0, 700)):
        signal = schedule.add_noise(a * z, t, torch.zeros_like(z))
        noise = schedule.add_noise(torch.zeros_like(z), t, eps)
        # a ratio of two variances, each of 200,000 draws: its relative error is 2/√200,000 = 0.0045, and five of these
        assert float(signal.var() / noise.var()) == pytest.approx(a**2 * float(schedule.snr[t]), rel=0.0225)


def test_eq_latent_scale(coder: Autoencoder) -> None:
    x = random(2, 3, 16, 16)
    mean = coder.moments(x)[0]
    z = coder.encode(x)
    torch.testing.assert_close(z, (mean - coder.shift) / coder.scale, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(coder.decode(z), coder.picture(mean), rtol=1e-9, atol=1e-9)  # there and back


def test_eq_latent_forward() -> None:
    schedule, z0, eps = cosine(1000), random(2, 4, 3, 3), random(2, 4, 3, 3, seed=1)
    for t in (1, 400, 1000):
        wanted = float(schedule.signal[t]) * z0 + float(schedule.noise[t]) * eps
        torch.testing.assert_close(schedule.add_noise(z0, t, eps), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("places", [False, True])
def test_eq_latent_attention(places: bool) -> None:
    """One head over a picture of 2 × 3 places: A from the softmax written out, the answer added to the features."""
    torch.manual_seed(0)
    layer = CrossAttention(8, 6, heads=1, groups=1, places=places).double().requires_grad_(False)
    torch.nn.init.normal_(layer.out.weight)
    x, words, mask = random(1, 8, 2, 3), random(1, 4, 6, seed=1), torch.tensor([[True, True, True, False]])
    with attention_maps(layer) as layers:
        found = layer(x, Context(words, mask))
        (maps,) = layers[0]
    features = layer.norm(x)[0].flatten(1).T  # (places, channels)
    if places:
        where = torch.tensor([[down, right] for down in (-1, 1) for right in (-1, 0, 1)], dtype=torch.float64)
        features = torch.cat([features, where], dim=1)
    q = features @ layer.q.weight[:, :, 0, 0].T + layer.q.bias
    k, v = (words[0] @ layer.kv.weight.T + layer.kv.bias).split(8, dim=1)
    weights = torch.zeros(6, 4, dtype=torch.float64)
    for place in range(6):
        scores = [math.exp(float(q[place] @ k[word]) / math.sqrt(8)) for word in range(3)]
        weights[place, :3] = torch.tensor(scores, dtype=torch.float64) / sum(scores)
    torch.testing.assert_close(maps[0].flatten(1).T, weights, rtol=1e-9, atol=1e-12)
    answer = weights @ v @ layer.out.weight[:, :, 0, 0].T + layer.out.bias
    torch.testing.assert_close(found[0].flatten(1).T, x[0].flatten(1).T + answer, rtol=1e-9, atol=1e-12)
