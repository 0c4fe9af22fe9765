"""The labelled equations of chapter 13, each under its label's name."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from diffusion_utils.article import versions
from diffusion_utils.article.measure import starved
from diffusion_utils.article.network import FlatMLP
from diffusion_utils.article.sampling import walk
from diffusion_utils.article.training import noised
from diffusion_utils.denoiser import Prediction, eps_from_x0, split
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import timesteps
from diffusion_utils.schedules import cosine, linear

LINEAR = linear(1000)


def test_eq_article_noised() -> None:
    x0, eps = torch.randn((2, 5, 7), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.tensor([1, 10, 100, 500, 1000])
    x_t = noised(versions()["column"], LINEAR, x0, t, eps)
    for b in range(5):
        alpha_bar = float(LINEAR.alpha_bar[t[b]])
        wanted = math.sqrt(alpha_bar) * x0[b] + math.sqrt(1 - alpha_bar) * eps[b]
        torch.testing.assert_close(x_t[b], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("schedule", [LINEAR, cosine(1000)], ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("t", [1, 300, 1000])
def test_eq_article_amplified(schedule, t: int) -> None:
    x0, eps, slip = torch.randn((3, 50), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    signal, noise = schedule.at(t, like=x0)
    eps_hat = eps + 0.1 * slip
    x0_hat, _ = split("eps", eps_hat, schedule.add_noise(x0, t, eps), signal, noise)
    # Rounding of x_t, 1e-16 or so, is divided by the signal, too.
    torch.testing.assert_close(x0_hat - x0, noise / signal * (eps - eps_hat), rtol=1e-9, atol=1e-14 / float(signal))


@pytest.mark.parametrize("schedule", [LINEAR, cosine(1000)], ids=lambda schedule: schedule.name)
def test_eq_article_starved(schedule) -> None:
    def denoiser(x_t, t, cond=None) -> Prediction:
        x0_hat = torch.full_like(x_t, 0.5)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t)))

    first = None
    for t, x_t, _ in walk("mean", denoiser, schedule, (4, 50), steps=50):
        left = x_t.double() - float(schedule.signal[t]) * 0.5
        first = left if first is None else first
        share = float(starved(schedule, t) / schedule.noise[-1])
        # No chance enters after the start: float32 rounding of a state of size 1, or 4 at most, in each of 50 steps.
        torch.testing.assert_close(left, share * first, rtol=0, atol=50 * 1.2e-7 * 4)


def test_eq_article_blind() -> None:
    data, n, times = GaussianMixture([[-0.8], [0.6]], [0.1, 0.2]), 20_000, [50, 300, 600]
    generator = torch.Generator().manual_seed(0)
    t = torch.tensor(times)[torch.randint(0, 3, (n,), generator=generator)]
    x0, eps = data.draw(n, generator), torch.randn((n, 1), generator=generator, dtype=torch.float64)
    x_t = LINEAR.add_noise(x0, t, eps)
    marginals = [data.marginal(float(LINEAR.signal[k]), float(LINEAR.noise[k])) for k in times]
    likely = torch.stack([marginal.log_density(x_t) for marginal in marginals], dim=1).softmax(1)  # p(t | x), t uniform
    told = torch.stack([data.denoiser(LINEAR)(x_t, k).eps_hat[:, 0] for k in times], dim=1)
    blind = (likely * told).sum(1)
    # The best function of x alone leaves an error that no function of x alone is correlated with: five standard errors.
    error = eps[:, 0] - blind
    for probe in (torch.ones(n), x_t[:, 0], x_t[:, 0].square(), (3 * x_t[:, 0]).sin(), likely[:, 0]):
        product = error * probe
        assert abs(float(product.mean())) < 5 * float(product.std()) / math.sqrt(n)
    # And whoever is told t does better.
    knowing = told.gather(1, torch.tensor([times.index(int(k)) for k in t])[:, None])[:, 0]
    assert float((eps[:, 0] - knowing).square().mean()) < 0.9 * float(error.square().mean())


def test_eq_article_dead() -> None:
    D, alive, n = 12, 5, 20_000
    generator = torch.Generator().manual_seed(0)
    W, eps = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((D, alive), (n, D)))
    # Nobody can do better than the point of the flat b + W h that is nearest to ε itself, h being any numbers at all.
    for b in (torch.zeros(D, dtype=torch.float64), torch.linspace(-1, 1, D, dtype=torch.float64)):
        h = torch.linalg.lstsq(W, (eps - b).T).solution
        errors = (eps - b - (W @ h).T).square().mean(1)
        bound = 1 - alive / D
        assert float(errors.mean()) > bound - 5 * float(errors.std()) / math.sqrt(n)
        if not b.any():  # and it is reached, within five standard errors
            assert float(errors.mean()) == pytest.approx(bound, abs=5 * float(errors.std()) / math.sqrt(n))
        else:
            assert float(errors.mean()) > bound + 0.01


def test_eq_article_shuffled() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net, shuffled = FlatMLP().double(), FlatMLP().double()
    x = torch.randn((3, 784), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    order = torch.randperm(784, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        weights = net.state_dict()
        weights["read.weight"] = weights["read.weight"][:, order]
        weights["write.weight"], weights["write.bias"] = weights["write.weight"][order], weights["write.bias"][order]
        shuffled.load_state_dict(weights)
        time = torch.zeros(3)
        # Sums of 784 terms in another order, in float64.
        torch.testing.assert_close(shuffled(x[:, order], time), net(x, time)[:, order], rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [5, 20, 50])
def test_eq_article_late(steps: int) -> None:
    wanted = [1000 * (1 - (i / steps) ** 2) for i in range(steps + 1)]
    strides = [t - s for t, s in pairwise(wanted)]
    # In a line, from T/N² to nearly 2T/N: differences of squares.
    assert strides == pytest.approx([1000 * (2 * i + 1) / steps**2 for i in range(steps)])
    # Whole numbers: off by a half at most, and by less than 1 where two of them had to be pushed apart.
    assert timesteps(LINEAR, steps, "late") == pytest.approx(wanted, abs=0.999)
