"""Tests that see the mistakes: each takes a bug's name, or None for the right code, and returns one number to compare.

All of them look at the *distribution* of something, or at a property that must hold to rounding; none looks at a loss.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...denoiser import Prediction, eps_from_x0, network_time
from ...exact import GaussianMixture
from ...schedules import cosine
from .catalogue import BUGS, of_family
from .wrong_training import add_noise, make_data, make_net, make_noise, make_schedule, train
from .wrong_walk import guided, noise_source, walk, walk_times

KNOWN = GaussianMixture([[-0.8], [0.1], [0.7]], [0.1, 0.1, 0.1])  # numbers with three likely values: everything is known
SCHEDULE = cosine(1000)
DRAWS = 20_000


def kurtosis(x: Tensor) -> float:
    """Fourth moment about the mean over the squared variance: 3 for a Gaussian, 1.8 if flat, 9 for a product of Gaussians."""
    x = x.cpu().double().flatten()
    centred = x - x.mean()
    return float(centred.pow(4).mean() / centred.square().mean() ** 2)


def wrong_noise_level(bug: str | None = None, steps: int = 5) -> float:
    """Largest difference between the noise that a state has and the noise of the time it stands for, x_0 included.

    The data is one single point, which the denoiser always answers. Then x_t − signal_t·point is all noise, and its standard
    deviation must be noise_t at every t, with every η.
    """
    point = 0.5

    def denoiser(x_t: Tensor, t: int, cond=None) -> Prediction:
        x0_hat = torch.full_like(x_t, point)
        eps_hat = eps_from_x0(x0_hat, x_t, *SCHEDULE.at(t, like=x_t))
        return Prediction(x0_hat, eps_hat)

    worst = 0.0
    for t, x_t, _ in walk(denoiser, SCHEDULE, (20, DRAWS // 20),
                          steps=steps, clip=None, bug=bug):
        noise = x_t - float(SCHEDULE.signal[t]) * point
        is_there = noise.square().mean().sqrt()
        worst = max(worst, abs(float(is_there - SCHEDULE.noise[t])))
    return worst


def first_time(bug: str | None = None, steps: int = 5) -> float:
    """The time that the network is told first, over T: 1 if it is that of the noise it is given."""
    return walk_times(SCHEDULE, steps, bug)[0] / SCHEDULE.T


def broken_pairs(bug: str | None = None) -> float:
    """How far signal_t·x̂₀ + noise_t·ε̂ misses x_t at most, where x̂₀ is clipped; ε̂ is read off steps without fresh noise."""
    wide = GaussianMixture([[0.0]], [2.0]).denoiser(SCHEDULE)
    states = list(walk(wide, SCHEDULE, (100, 1), eta=0.0, bug=bug))[:-1]
    missed = []
    for now, then in zip(states[:-1], states[1:], strict=True):
        signal_s, noise_s = (float(a) for a in SCHEDULE.at(then.t, like=now.x_t))
        eps_hat = (then.x_t - signal_s * now.x0_hat) / noise_s
        signal_t, noise_t = (float(a) for a in SCHEDULE.at(now.t, like=now.x_t))
        missed.append(float((signal_t * now.x0_hat + noise_t * eps_hat - now.x_t).abs().max()))
    return max(missed)


def noise_kurtosis(bug: str | None = None) -> float:
    """Kurtosis of the noise that is drawn, in the sampler or in training."""
    if bug in of_family("training"):
        return kurtosis(make_noise((DRAWS, 1), torch.Generator().manual_seed(0), bug))
    return kurtosis(noise_source((20, DRAWS // 20), 0, bug=bug)())


def difference_made_by_company(bug: str | None = None) -> float:
    """Largest difference between a sample drawn alone and the same sample drawn in a batch of eight."""
    def last(size: int) -> Tensor:
        return list(walk(KNOWN.denoiser(SCHEDULE), SCHEDULE, (size, 1), clip=None, bug=bug))[-1].x_t

    return float((last(8)[:1] - last(1)).abs().max())


def difference_at_weight_one(bug: str | None = None) -> float:
    """Largest difference between the guided denoiser at w = 1 and the conditional one, which it should be."""
    both = [KNOWN.denoiser(SCHEDULE), KNOWN.given([2]).denoiser(SCHEDULE)]

    def denoiser(x_t: Tensor, t: int, cond=None):
        return both[cond is not None](x_t, t)

    x_t = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    steered = guided(denoiser, SCHEDULE, 1.0, clip=None, bug=bug)
    return float((steered(x_t, 500, 1).x0_hat - denoiser(x_t, 500, 1).x0_hat).abs().max())


def signal_left(bug: str | None = None) -> float:
    """√ᾱ_T: the share of the data that is left in x_T."""
    return float(make_schedule(bug).signal[-1])


def share_of_the_rare(bug: str | None = None) -> float:
    """How often the rarer of two values is drawn that should come out once in ten: the start has forgotten which is rare.

    The denoiser is exact for the bug's schedule, so that it is as if a perfect network had been trained with it.
    """
    lopsided, schedule = GaussianMixture([[-0.8], [0.8]], [0.1, 0.1], [0.9, 0.1]), make_schedule(bug)
    *_, last = walk(lopsided.denoiser(schedule), schedule, (2000, 1), steps=50, clip=None)
    return float((last.x_t > 0).double().mean())


def variance_of_x_t(bug: str | None = None, t: int = 300) -> float:
    """Variance of x_t for data of variance 1: 1 at every t if the variance is preserved."""
    generator = torch.Generator().manual_seed(0)
    x0, eps = (torch.randn((DRAWS, 1), generator=generator) for _ in range(2))
    return float(add_noise(make_schedule(bug), x0, torch.full((DRAWS,), t), eps, bug).var())


def response_to_time(bug: str | None = None) -> float:
    """How much a fresh network's answer to one and the same x changes with t: its spread over t over that over x."""
    net, schedule = make_net(0, bug), make_schedule(bug)
    x = make_data(256)
    with torch.no_grad():
        answers = torch.stack([net(x, network_time(torch.tensor(t), schedule.T, x)) for t in range(50, schedule.T, 50)])
    return float(answers.std(0).mean() / answers.std(1).mean())


def movement_of_the_average(bug: str | None = None) -> float:
    """How far the averaged weights have come from where they began after ten steps, over how far the trained ones have."""
    trained, start = train(bug, steps=10, batch=32, n=64), make_net(0, bug)

    def distance(net) -> float:
        pairs = zip(net.parameters(), start.parameters(), strict=True)
        return sum(float((a - b).detach().square().sum()) for a, b in pairs) ** 0.5

    return distance(trained.net) / distance(trained.live)


def largest_value(bug: str | None = None) -> float:
    """The largest coordinate of the training data: 1 or nearly so if the data fills the range [−1, 1]."""
    return float(make_data(4096, bug=bug).abs().max())


SYMPTOMS: dict[str, Callable[[str | None], float]] = {
    "first time": first_time, "level": wrong_noise_level, "pair": broken_pairs, "kurtosis": noise_kurtosis,
    "company": difference_made_by_company, "weight one": difference_at_weight_one, "signal left": signal_left,
    "variance": variance_of_x_t, "time": response_to_time, "average": movement_of_the_average, "range": largest_value,
}


def compare(name: str) -> tuple[float, float]:
    """(right, wrong): the bug's symptom of the right code and of the wrong one. Raises KeyError for an unknown bug."""
    measure = SYMPTOMS[BUGS[name].symptom]
    return measure(None), measure(name)
