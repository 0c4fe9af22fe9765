"""What a forgotten class is replaced by: the limit that the forward process of classes ends in.

Source: Austin et al. 2021, section 3.1 (uniform and absorbing); Vignac et al. 2023, section 4.1 (marginal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import on_cpu, whole_number
from ..registry import chosen

Parts = tuple[Tensor, ...]  # a state, int64 (B, …) each; or what belongs to each of its parts

@dataclass(frozen=True, eq=False)
class Limit:
    """m: the probability of each state in noise, float64 (S,); classes: the states that data have, the first ones of the S.

    Raises ValueError unless m is a distribution over at least as many states as there are classes.
    """

    m: Tensor
    classes: int
    name: str = "custom"

    def __post_init__(self):
        m = on_cpu(self.m).clone()
        if m.ndim != 1 or not bool((m >= 0).all()) or abs(float(m.sum()) - 1) > 1e-9:
            raise ValueError(f"m must be the probabilities of the states, which sum to 1, got {m.tolist()}")
        object.__setattr__(self, "m", m)
        whole_number("classes", self.classes, 1, len(m))

    @property
    def states(self) -> int:
        """S: the classes and, where there is one, the mask."""
        return len(self.m)

    @property
    def hides(self) -> bool:
        """Whether noise is a mask that no data have, so that every other state is known for sure."""
        return bool((self.m[: self.classes] == 0).all())


def absorbing(classes: int) -> Limit:
    """m = (0, …, 0, 1): what is forgotten is hidden, by a mask that has the number `classes`."""
    states = whole_number("classes", classes, 1) + 1
    m = torch.zeros(states, dtype=torch.float64)
    m[-1] = 1
    return Limit(m, classes, "absorbing")


def uniform(classes: int) -> Limit:
    """m = (1/K, …, 1/K): what is forgotten becomes any class."""
    K = whole_number("classes", classes, 1)
    m = torch.full((K,), 1 / K, dtype=torch.float64)
    return Limit(m, K, "uniform")


def marginal(shares: Sequence[float] | Tensor) -> Limit:
    """m = the shares of the classes in the data: what is forgotten becomes what is usual. Shares are ≥ 0, not all 0."""
    shares = on_cpu(shares)
    total = float(shares.sum())
    if shares.ndim != 1 or not bool((shares >= 0).all()) or not total > 0:
        raise ValueError(f"shares must be numbers ≥ 0, one a class and not all 0, got {shares.tolist()}")
    return Limit(shares / total, len(shares), "marginal")


LIMITS = {"absorbing": absorbing, "uniform": uniform, "marginal": marginal}


def make_limit(entry: dict) -> Limit:
    """The limit that a card names, such as {"name": "absorbing", "classes": 65}. Raises ValueError for an unknown name."""
    return chosen("limit", entry, LIMITS)()
