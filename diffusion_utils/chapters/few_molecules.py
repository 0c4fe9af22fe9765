"""A few molecules whose every conditional is known: a denoiser without a network, to check diffusion over graphs against."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional as F

from diffusion_utils.discrete import Limit
from diffusion_utils.discrete.laws import came_from
from diffusion_utils.molecules import atom_counts, identities, permuted, rings, row_of, split
from diffusion_utils.schedules import Schedule

NOTHING = 7  # rings that are not told


def all_orders(line: str, N: int) -> Tensor:
    """Every different row that a molecule has, its atoms in any order: (M, L)."""
    row = row_of(line, N)
    keys = torch.tensor(list(permutations(range(N)))).double() / N / 2
    return permuted(row.expand(len(keys), -1), keys).unique(dim=0)


class FewMolecules:
    """The molecules of `lines`, equally likely, in any order, and the exact denoiser of them: told how many atoms there are,
    and the rings or NOTHING, f of each place is what the other places say."""

    def __init__(self, lines: list[str], limits: tuple[Limit, Limit],
                 schedule: Schedule, N: int = 4):
        orders = [all_orders(line, N) for line in lines]
        self.rows = torch.cat(orders)
        self.p = torch.cat([torch.full((len(one),), 1 / len(one) / len(lines), dtype=torch.float64) for one in orders])
        self.limits, self.schedule = limits, schedule
        self.molecules = identities(torch.stack([row_of(line, N) for line in lines]))
        self.counts, self.rings = atom_counts(self.rows), rings(self.rows)

    def __call__(self, x_t: tuple[Tensor, Tensor], t: int | Tensor, told: dict) -> tuple[Tensor, Tensor]:
        kept = self.schedule.alpha_bar[torch.as_tensor(t)]
        parts = zip(self.limits, x_t, split(self.rows), strict=True)
        like = torch.zeros((), dtype=torch.float64)
        log_seen = torch.cat([came_from(limit, x, kept, like).gather(-1, part.T.expand(len(x), -1, -1))
                              for limit, x, part in parts], 1)  # (B, L, M)
        fits = self.counts == told["atoms"][:, None]
        fits &= (self.rings == told["rings"][:, None]) | (told["rings"] == NOTHING)[:, None]
        prior = torch.where(fits, self.p, 0.0).log()
        found = []
        for i in range(log_seen.shape[1]):
            others = torch.cat([log_seen[:, :i], log_seen[:, i + 1:]], 1).sum(1) + prior
            others = others.nan_to_num(neginf=-1e3)  # where nothing fits any more, anything goes
            found.append(others.softmax(-1) @ F.one_hot(self.rows[:, i], 5).double())
        f = torch.stack(found, 1).log().clamp(min=-1e3)  # finite, since guidance takes differences
        N = x_t[0].shape[1]
        return f[:, :N].log_softmax(-1), f[:, N:, :4].log_softmax(-1)
