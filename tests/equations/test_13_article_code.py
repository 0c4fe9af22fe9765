"""The labelled equations of chapter 13, each under its label's name."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from diffusion_utils.chapters.article import versions
from diffusion_utils.chapters.article.listed_network import FlatMLP
from diffusion_utils.chapters.article.listed_training import noised
from diffusion_utils.chapters.article.listed_walk import walk
from diffusion_utils.chapters.article.measure import starved
from diffusion_utils.denoiser import Prediction, eps_from_x0, split
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import timesteps
from diffusion_utils.schedules import Schedule, cosine, linear

LINEAR = linear(1000)
HALF = Schedule(LINEAR.signal[:501], 1.5 * LINEAR.noise[:501], "half of it, with more noise")  # no factor of it is nearly 1


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


@pytest.mark.parametrize("x0_hat", [0.0, 0.5])
@pytest.mark.parametrize("schedule", [LINEAR, cosine(1000), HALF], ids=lambda schedule: schedule.name)
def test_eq_article_starved(schedule, x0_hat: float) -> None:
    def denoiser(x_t, t, cond=None) -> Prediction:
        estimate = torch.full_like(x_t, x0_hat)
        return Prediction(estimate, eps_from_x0(estimate, x_t, *schedule.at(t, like=x_t)))

    first = None
    for t, x_t, _ in walk("mean", denoiser, schedule, (4, 50), steps=50):
        left = x_t.double() - float(schedule.signal[t]) * x0_hat
        first = left if first is None else first
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        r = noise * noise * float(schedule.signal[-1]) / (signal * float(schedule.noise[-1]))
        assert float(starved(schedule, t)) == pytest.approx(r, rel=1e-12, abs=0)
        # No chance enters after the start, which holds noise_T of noise. In each of 50 steps float32 rounds a factor and a
        # product, by 6e-8 of themselves; and where there is an estimate, sums of size 1, or 4 at most.
        wanted = r / float(schedule.noise[-1]) * first
        torch.testing.assert_close(left, wanted, rtol=50 * 2 * 6e-8, atol=50 * 6e-8 * 4 if x0_hat else 0)


def test_eq_article_blind() -> None:
    """What x alone says of ε is the mean of ε over all that may have led to x: times, pictures and noises, by quadrature."""
    data, x = GaussianMixture([[-0.8], [0.6]], [0.1, 0.2]), torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    schedule = Schedule(LINEAR.signal[[0, 50, 300, 600]], LINEAR.noise[[0, 50, 300, 600]], "of three steps")
    levels = [(float(schedule.signal[t]), float(schedule.noise[t])) for t in (1, 2, 3)]
    densities = [data.marginal(signal, noise).log_density(x) for signal, noise in levels]
    likely = torch.stack(densities, dim=1).softmax(1)  # p(t | x), t uniform
    told = torch.cat([data.denoiser(schedule)(x, t).eps_hat for t in (1, 2, 3)], dim=1)
    blind = (likely * told).sum(1)

    # ε and x come together as often as ε is drawn and the data has (x − noise·ε)/signal; the sums of a smooth function
    # that vanishes at both ends are exact to rounding: its narrowest peak, 0.04 wide, has eight points.
    eps = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    together = torch.zeros(len(x), len(eps), dtype=torch.float64)
    for signal, noise in levels:
        x0 = (x - noise * eps) / signal
        together += torch.exp(-eps**2 / 2 + data.log_density(x0.reshape(-1, 1)).reshape(x0.shape)) / signal
    torch.testing.assert_close(blind, together @ eps / together.sum(1), rtol=0, atol=1e-10)


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


@pytest.mark.parametrize(("T", "steps"), [(1000, 5), (1000, 20), (400, 20), (1000, 50)])
def test_eq_article_late(T: int, steps: int) -> None:
    wanted = [T * (1 - (i / steps) ** 2) for i in range(steps + 1)]
    strides = [t - s for t, s in pairwise(wanted)]
    # In a line, from T/N² to nearly 2T/N: differences of squares.
    assert strides == pytest.approx([T * (2 * i + 1) / steps**2 for i in range(steps)])
    # Whole numbers: off by a half at most, and by less than 1 where strides below 1 had to be pushed apart.
    most = 0.5 if T >= steps**2 else 0.999
    assert timesteps(cosine(T), steps, "late") == pytest.approx(wanted, rel=0, abs=most + 1e-9)
