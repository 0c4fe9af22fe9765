"""Distributions of a few classes whose every conditional is known: what diffusion over classes is checked against."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion_utils.discrete import Limit, absorbing, marginal, uniform
from diffusion_utils.schedules import Schedule

K = 3
SKEWED = [0.6, 0.3, 0.1]
LIMITS = [absorbing(K), uniform(K), marginal(SKEWED), marginal([0.7, 0.3, 0.0])]  # the last never makes one of the classes
every_limit = {"argnames": "limit", "argvalues": LIMITS, "ids": ["absorbing", "uniform", "marginal", "marginal with a zero"]}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniforms(*shape: int, seed: int = 0) -> Tensor:
    """Float64, in [0, 1)."""
    return torch.rand(shape, generator=rng(seed), dtype=torch.float64)


def log_f(*shape: int, seed: int = 0) -> Tensor:
    """ln of a distribution over K classes at each place."""
    return (3 * torch.randn((*shape, K), generator=rng(seed), dtype=torch.float64)).log_softmax(-1)


def transition(limit: Limit, kept: float) -> Tensor:
    """The matrix that the package never makes: q(y given x) in row x, column y, float64 (S, S)."""
    S = limit.states
    return kept * torch.eye(S, dtype=torch.float64) + (1 - kept) * limit.m.expand(S, S)


class Joint:
    """A distribution of a row of classes, p (K, …, K), and the exact denoiser of it: f of what the other places say."""

    def __init__(self, p: Tensor, limit: Limit, schedule: Schedule):
        self.p, self.limit, self.schedule = p.double() / p.double().sum(), limit, schedule
        self.rows = torch.tensor(list(product(range(p.shape[0]), repeat=p.ndim)))  # (K^L, L), in the order of p.flatten()

    @property
    def entropy(self) -> float:
        """In nats."""
        return float(-(self.p * self.p.log()).sum())

    def states(self) -> Tensor:
        """All x_t, int64 (S^L, L)."""
        return torch.tensor(list(product(range(self.limit.states), repeat=self.p.ndim)))

    def forward(self, t: int) -> Tensor:
        """q(x_t given x_0) of all x_0 and all x_t: (K^L, S^L)."""
        table = transition(self.limit, float(self.schedule.alpha_bar[t]))
        return torch.stack([table[self.rows[:, i]][:, self.states()[:, i]] for i in range(self.p.ndim)]).prod(0)

    def __call__(self, x_t: tuple[Tensor, ...], t: int | Tensor, cond: None = None) -> tuple[Tensor]:
        (x,), kept = x_t, self.schedule.alpha_bar[torch.as_tensor(t)].reshape(-1, 1, 1)
        same = (x[:, :, None] == self.rows.T).double()  # (B, L, K^L)
        chance = self.limit.m[x][..., None]
        seen = torch.where(chance == 0, same, kept * same + (1 - kept) * chance)  # what noise never makes is known, also at T
        found = []
        for i in range(x.shape[1]):
            others = seen[:, [k for k in range(x.shape[1]) if k != i]].prod(1) * self.p.flatten()
            found.append(others @ F.one_hot(self.rows[:, i], self.p.shape[0]).double())
        f = torch.stack(found, 1)
        return ((f / f.sum(-1, keepdim=True)).log(),)


def no_or_on(x_t: tuple, t: object, cond: None = None) -> tuple[torch.Tensor]:
    """ln f of two words of two letters, 01 and 10: what is hidden is known where the other letter is seen."""
    (x,) = x_t
    f = torch.full((*x.shape, 2), 0.5, dtype=torch.float64)
    for letter in (0, 1):
        f[(x == 2) & (x.flip(1) == letter)] = torch.eye(2, dtype=torch.float64)[1 - letter]
    return (f.log(),)
