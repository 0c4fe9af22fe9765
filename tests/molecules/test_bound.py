"""The bound of a graph where everything is known: each pair counts once, an absent atom nothing, and f is not π."""

from __future__ import annotations

from math import log

import pytest
import torch
from graphs import NOTHING, ExactGraphs, independent

from diffusion_utils.discrete import belief, bound, bound_term, corrupt, reverse
from diffusion_utils.molecules import atom_counts, row_of, split
from diffusion_utils.molecules.draw import limits_of, sized
from diffusion_utils.molecules.rows import pairs
from diffusion_utils.networks.graph import NO
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine

LIMITS = limits_of(get_recipe("qm9-graph").config())
SHORT = cosine(8, beta_max=1.0)


def one_bond(schedule, term) -> float:
    """Σ_t E[term] of a bond that is as the data's are, and about which the network says just that; every x_t counted."""
    limit = LIMITS[1]
    x0, x_t, t = (part.flatten() for part in torch.meshgrid(torch.arange(4), torch.arange(4), torch.arange(1, schedule.T + 1),
                                                            indexing="ij"))
    f = limit.m.log().expand(len(t), 1, -1)
    kept = schedule.alpha_bar[t]
    chance = limit.m[x0] * (kept * (x0 == x_t) + (1 - kept) * limit.m[x_t])
    return float((chance * term(limit, schedule, x0[:, None], x_t[:, None], t, f)).sum())


def with_pi(limit, schedule, x0, x_t, t, log_f):
    """What was published: π, which has looked at x_t, in the place of f, so that x_t is counted twice."""
    p = reverse(limit, schedule, x_t, t, t - 1, belief(limit, schedule, x_t, t, log_f))
    q = reverse(limit, schedule, x_t, t, t - 1, torch.nn.functional.one_hot(x0, 4).double().log())
    return torch.where(q > -torch.inf, q.exp() * (q - p), 0.0).sum(-1).flatten(1).sum(1)


def test_a_perfect_network_is_scored_the_entropy_of_a_bond():
    """0.715 nats, for every number of steps; with π in place of f the same network seems to need half as much again."""
    entropy = float(-(LIMITS[1].m * LIMITS[1].m.log()).sum())
    assert entropy == pytest.approx(0.715, abs=2e-3)
    for T in (1, 7, 500):
        assert one_bond(cosine(T, beta_max=1.0), bound_term) == pytest.approx(entropy, rel=1e-9)
    assert one_bond(cosine(500, beta_max=1.0), with_pi) == pytest.approx(1.08, abs=5e-3)


@pytest.mark.parametrize("line", ["CCO", "C1CC1C#N", "CC(=O)CCC1CO1", "N"])
def test_each_pair_counts_once_and_an_absent_atom_nothing(line):
    """Of a network to which all places are independent the bound is Σ −ln m over the atoms and pairs that there are."""
    row = row_of(line)
    atoms, bonds = split(row)
    n = int(atom_counts(row[None]))
    i, j = pairs(9)
    exact = float(-LIMITS[0].m[atoms[:n]].log().sum() - LIMITS[1].m[bonds[(i < n) & (j < n)]].log().sum())
    x0 = row.expand(4000, -1)
    told = sized(independent(LIMITS, 9), atom_counts(x0), NOTHING)
    nats = bound(told, LIMITS, SHORT, split(x0), draws=2)
    assert abs(float(nats.mean()) - exact) < 4 * float(nats.std()) / 4000**0.5  # a chance of 1 in 10,000
    assert float(nats.std()) > 0


def test_terms_are_finite_and_exactly_nothing_where_no_atom_is():
    """At every t, also at T, where nothing is left of x_0, and whatever the noise says there."""
    row = row_of("CCO")
    gone = torch.arange(9) >= 3
    absent = torch.full((1, 6), 4)
    certain = torch.full((1, 6, 5), NO, dtype=torch.float64)
    certain[..., 4] = 0
    for t in (1, 2, 5, 8):
        u = torch.rand((50, 9), generator=torch.Generator().manual_seed(t), dtype=torch.float64)
        x_t = corrupt(LIMITS[0], SHORT, row[:9].expand(50, -1), torch.full((50,), t), u)
        args = absent.expand(50, -1), x_t[:, gone], torch.full((50,), t), certain.expand(50, -1, -1).log_softmax(-1)
        lost = bound_term(LIMITS[0], SHORT, *args)
        assert bool((lost == 0).all())


def test_of_exact_conditionals_the_bound_comes_down_to_the_entropy():
    """Four molecules of three or four atoms in any order: −ln p of a row given its number of atoms."""
    lines, excess = ["CCO", "C1CO1", "CC=O", "CC(F)N"], []
    for T in (10, 40, 160):
        model = ExactGraphs(lines, LIMITS, cosine(T, beta_max=1.0))
        rows = model.rows[torch.multinomial(model.p, 3000, replacement=True, generator=torch.Generator().manual_seed(0))]
        of_size = {n: model.p[model.counts == n].sum() for n in (3, 4)}
        p = torch.stack([model.p[(model.rows == row).all(1)][0] for row in rows])
        exact = -(p / torch.stack([of_size[int(n)] for n in atom_counts(rows)])).log()
        nats = bound(sized(model, atom_counts(rows), NOTHING), LIMITS, model.schedule, split(rows), draws=1)
        excess.append(float((nats - exact).mean()))
        error = float((nats - exact).std()) / 3000**0.5
    assert excess[0] > excess[1] > excess[2] > -3 * error and excess[2] < 0.2 * excess[0], (excess, error, log(2))
