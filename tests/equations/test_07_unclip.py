"""The labelled equations of chapter 7, each under its label's name: the package against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from unclip_model import SIZE, decoder, unclip_model

from diffusion_utils.data.scenes import tokens_of
from diffusion_utils.denoiser import Prediction
from diffusion_utils.drawing import draw
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.inversion import invert
from diffusion_utils.joint import contrastive_loss, slerp, text_difference, unit
from diffusion_utils.losses import diffusion_loss
from diffusion_utils.networks.attention import Context
from diffusion_utils.recipes.joint_data import VectorData
from diffusion_utils.schedules import cosine
from diffusion_utils.unclip import caption_vectors, draw_unclip, imagine, told

TOKENS = tokens_of(["a red 3", "a thin small red 3 left of a large blue seven"])


def vectors(n: int = 4, d: int = 8, seed: int = 0) -> Tensor:
    return unit(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))


def test_eq_unclip_chain() -> None:
    """Twelve pictures, three embeddings of them, two captions; and the two draws that the package makes one after the other."""
    p = torch.rand(12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p, embedding = p / p.sum(0), torch.arange(12) % 3  # p(x | y), and what the encoder makes of each picture
    of_embedding = torch.stack([p[embedding == e].sum(0) for e in range(3)])  # p(e | y)
    given = p / of_embedding[embedding]  # p(x | e, y): of pictures with that embedding
    torch.testing.assert_close(given * of_embedding[embedding], p)
    for e in range(3):
        torch.testing.assert_close(given[embedding == e].sum(0), torch.ones(2, dtype=torch.float64))
    model = unclip_model()
    found = draw_unclip(model, 2, model.sampler, cond=TOKENS, seed=3)
    cond = told(model, imagine(model, TOKENS, seed=3))
    drawn = draw(model.denoiser, model.schedule, 2, model.shape, model.sampler, cond=cond, seed=3, device=model.device)
    assert torch.equal(found, drawn)


@pytest.mark.parametrize("more", [False, True], ids=["one fits", "several fit"])
def test_eq_unclip_contrastive(more: bool) -> None:
    image, text, tau, fits = vectors(), vectors(seed=1), 0.07, torch.eye(4, dtype=torch.bool)
    if more:
        fits[0, 2] = fits[3, 1] = fits[3, 2] = True
    cosine_over_tau = (text.double() @ image.double().T) / tau

    def entropy(score: Tensor, f: Tensor) -> float:
        total = 0.0
        for i in range(4):
            p = score[i].exp() / score[i].exp().sum()
            total -= sum(float(p[j].log()) / int(f[i].sum()) for j in range(4) if f[i, j])
        return total / 4

    wanted = (entropy(cosine_over_tau, fits) + entropy(cosine_over_tau.T, fits.T)) / 2
    found = contrastive_loss(image, text, torch.tensor(math.log(1 / tau)), fits)
    assert float(found) == pytest.approx(wanted, rel=1e-5)  # in float32, where cosines over 0.07 are rounded to 1e-6


def test_eq_unclip_two_ways() -> None:
    """Added to the clock, and as four vectors beside those of the words, which a vector of zeros does not open."""
    net, image = decoder(), vectors(2, SIZE)
    x, time = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([300.0, 800.0])
    scaled, words = math.sqrt(SIZE) * image, net.text(TOKENS)
    four = (scaled @ net.beside_words.weight.T).reshape(2, 4, -1)
    context = Context(torch.cat([words.values, four], 1), torch.cat([words.mask, torch.ones(2, 4, dtype=torch.bool)], 1))
    wanted = net.unet(x, time, context=context, also=scaled @ net.beside_time.weight.T)
    # sums of float32 in another order
    torch.testing.assert_close(net(x, time, {"tokens": TOKENS, "image": image}), wanted, rtol=1e-5, atol=1e-5)
    plain = net.unet(x, time, context=words)
    torch.testing.assert_close(net(x, time, {"tokens": TOKENS, "image": 0 * image}), plain, rtol=1e-5, atol=1e-5)


def test_eq_unclip_scale() -> None:
    """The numbers of a vector times √n have mean square 1, as the noise's have, so that z_t has it at every t."""
    e = vectors(5, 64)
    z = VectorData(e, None, None).x0(torch.arange(5))
    torch.testing.assert_close(z, 8 * e)
    torch.testing.assert_close(z.square().mean(1), torch.ones(5))
    schedule, eps = cosine(1000), torch.randn(5, 64, generator=torch.Generator().manual_seed(1))
    eps = eps - (eps * e).sum(1, keepdim=True) * e  # at right angles to e, as noise nearly is,
    eps = 8 * unit(eps)  # and of the length that it has on average
    for t in (100, 500, 900):
        torch.testing.assert_close(schedule.add_noise(z, t, eps).square().mean(1), torch.ones(5))


def test_eq_unclip_prior() -> None:
    """The loss of the prior: the mean square of what is missing to √n·e_x, where the network sees z_t, t and what is told."""
    schedule, e = cosine(1000), vectors(6, 64)
    eps, t = torch.randn(6, 64, generator=torch.Generator().manual_seed(2)), torch.tensor([1, 50, 300, 600, 900, 1000])
    seen = []

    def net(z: Tensor, time: Tensor, cond: Tensor) -> Tensor:
        seen.append((z, cond))
        return 0.5 * z

    found = diffusion_loss(net, schedule, "x0", 8 * e, t, eps, vectors(6, 64, seed=1))
    z_t = schedule.signal[t, None].float() * 8 * e + schedule.noise[t, None].float() * eps
    wanted = float((0.5 * z_t - 8 * e).square().sum(1).mean()) / 64
    assert float(found) == pytest.approx(wanted, rel=1e-5)  # in float32
    torch.testing.assert_close(seen[0][0], z_t)
    torch.testing.assert_close(seen[0][1], vectors(6, 64, seed=1))


def test_eq_unclip_best() -> None:
    """Of K draws the one with the largest dot product: with more draws never a smaller one, and one of the draws itself."""
    model = unclip_model()
    text = caption_vectors(model, TOKENS)
    draws = torch.stack([imagine(model, TOKENS, best_of=k) for k in (1, 2, 6)])
    score = (draws * text).sum(-1)
    assert bool((score.diff(dim=0) >= 0).all()) and bool((score[2] > score[0]).any())
    torch.testing.assert_close(draws[1][score[1] == score[0]], draws[0][score[1] == score[0]])


def test_eq_unclip_slerp() -> None:
    a, b = vectors(), vectors(seed=1)
    theta = (a.double() * b.double()).sum(1, keepdim=True).acos()
    for s in (0.0, 0.2, 0.5, 0.9):
        wanted = (((1 - s) * theta).sin() * a + (s * theta).sin() * b) / theta.sin()
        # the package works in float32
        torch.testing.assert_close(slerp(a, b, s).double(), wanted, rtol=1e-5, atol=1e-6)
        length = wanted.norm(dim=1)  # of float32 vectors
        torch.testing.assert_close(length, torch.ones(4, dtype=torch.float64), rtol=1e-6, atol=1e-6)


def test_eq_unclip_difference() -> None:
    image, before, after = vectors(), vectors(seed=1), vectors(seed=2)
    d = (after - before) / (after - before).norm(dim=1, keepdim=True)
    for angle in (0.0, 0.3, 1.0):
        torch.testing.assert_close(text_difference(image, before, after, angle), slerp(image, d, angle))


def test_eq_unclip_upward() -> None:
    """A step, written out; and many, which end where the exact equation leads."""
    data, schedule = GaussianMixture(torch.tensor([[-1.5], [1.0]]), torch.tensor([0.3, 0.5])), cosine(1000)
    x0 = torch.tensor([[-1.7], [0.4], [1.3]], dtype=torch.float64)
    states = list(invert(data.denoiser(schedule), schedule, x0, [0, 100, 400]))
    found: Prediction = data.denoiser(schedule)(states[1].x_t, 100)
    wanted = float(schedule.signal[400]) * found.x0_hat + float(schedule.noise[400]) * found.eps_hat
    torch.testing.assert_close(states[2].x_t, wanted)
    *_, end = invert(data.denoiser(schedule), schedule, x0, range(0, 801))
    there = data.marginal(float(schedule.signal[800]), float(schedule.noise[800]))
    # steps of T/1000, and the first order's error is less than a thousandth for each of a few units of slope
    torch.testing.assert_close(there.cdf(end.x_t), data.cdf(x0), rtol=0, atol=0.005)
