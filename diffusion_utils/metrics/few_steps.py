"""What few steps cost a masked model: how far the bound at T lies above the one over any order, on any schedule.

Both bounds are sums over the number n of hidden places, of the same costs with other weights: what is drawn serves for both,
and for every schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import torch
from torch import Tensor

from ..data import Dataset
from ..discrete import Limit, hide, masked_weight
from ..schedules import Schedule


def weights_of(schedule: Schedule, N: int) -> Tensor:
    """w_n, n = 0…N, of the bound at T written as Σ_n w_n·E[Σ −ln f(x_0) over n hidden places]: float64 (N + 1,).

    eq-masked-bound, each term by how likely n of N places are hidden at t. Over any order w_n is 1/n; Σ n·w_n is N for both,
    where nothing is left at T.
    """
    hidden, weight = 1 - schedule.alpha_bar[1:, None], masked_weight(schedule, torch.arange(1, schedule.T + 1))
    n = torch.arange(N + 1, dtype=torch.float64)
    ways = torch.lgamma(n.new_tensor(N + 1)) - torch.lgamma(n + 1) - torch.lgamma(N - n + 1)
    chance = (ways + torch.xlogy(n, hidden) + torch.xlogy(N - n, 1 - hidden)).exp()
    return weight @ chance


@torch.no_grad()
def cost_of_steps(denoiser: Callable, limit: Limit, test: Dataset, schedules: dict[str, Schedule], each: int = 24,
                  seed: int = 0) -> dict:
    """How far the bound at T lies above the one over any order, bits a place, for each schedule by its name.

    Every n of 1…N is drawn equally often, for rows of the data at random. From each cost is taken what the same row costs where
    nothing is known: that changes no mean, for Σ n·w_n = N, and leaves less to chance. denoiser: is told n of T = N steps.
    """
    (N,), rng = test.shape, torch.Generator().manual_seed(seed)
    n, mask = torch.arange(each * N) % N + 1, limit.states - 1
    x = test.x0(torch.randint(len(test), n.shape, generator=rng))
    u = torch.rand(x.shape, generator=rng, dtype=torch.float64)
    (blind,) = denoiser((torch.full((1, N), mask),), N)
    mean = []
    for x0, k, u_k in zip(x.split(64), n.split(64), u.split(64), strict=True):
        x_t, hidden = hide(x0, k, mask, u_k)
        (log_f,) = denoiser((x_t,), k)
        lost, alone = (-f.gather(-1, x0[..., None])[..., 0] for f in (log_f, blind.expand_as(log_f)))
        mean.append((lost * hidden).sum(1) / k - alone.mean(1))
    of_n = torch.cat(mean).view(each, N) / log(2)
    cost, error = of_n.mean(0), of_n.var(0) / each
    found = {}
    for name, schedule in schedules.items():
        more = torch.arange(1, N + 1) * weights_of(schedule, N)[1:] - 1
        found[name] = {"difference": float(more @ cost) / N, "standard_error": float(more**2 @ error) ** 0.5 / N}
    return found
