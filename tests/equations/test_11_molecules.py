"""The labelled equations of chapter 11, each under its label's name: by counting, by matrices and by exact denoisers."""

from __future__ import annotations

import math

import pytest
import torch
from graphs import NOTHING, ExactGraphs, all_orders, independent

from diffusion_utils.data.molecules import load_qm9
from diffusion_utils.discrete import bound, corrupt, guided_log
from diffusion_utils.metrics.molecules import bits_of
from diffusion_utils.molecules import atom_counts, bond_matrix, joined, permuted, rings, row_of, split
from diffusion_utils.molecules.draw import limits_of, sized
from diffusion_utils.molecules.rows import pairs
from diffusion_utils.networks.graph import GraphTransformer
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine

CONFIG = get_recipe("qm9-graph").config()
LIMITS = limits_of(CONFIG)
SCHEDULE = cosine(20, beta_max=1.0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_eq_rings() -> None:
    """Counted by hand, and by what is left when bonds are taken away that no path needs."""
    lines = {"CCCC": 0, "C=CC#N": 0, "C1CC1": 1, "c1ccccc1": 1, "C1CC2CC12": 2, "C1C2CC3C1C23": 3, "CC1(CC1)C1CC1": 2}
    for line, count in lines.items():
        row = row_of(line)
        assert int(rings(row[None])) == count
        left, n = 0, int(atom_counts(row[None]))
        piece = list(range(n))
        for i, j in (bond_matrix(split(row)[1]).triu() > 0).nonzero().tolist():
            left += piece[i] == piece[j]  # both ends hang together already: this bond closes a ring
            piece = [piece[i] if one == piece[j] else one for one in piece]
        assert left == count


def test_eq_graph_forward() -> None:
    """Each atom and each pair is remembered with ᾱ_t or drawn from the limit of its kind, whatever the others do."""
    row, n, t = row_of("C=O", 2), 40_000, 9
    kept = float(SCHEDULE.alpha_bar[t])
    u = torch.rand((n, 3), generator=rng(), dtype=torch.float64)
    x = joined(*(corrupt(limit, SCHEDULE, part.expand(n, -1), t, v)
                 for limit, part, v in zip(LIMITS, split(row), split(u), strict=True)))
    q = [kept * torch.nn.functional.one_hot(torch.tensor(value), limit.states) + (1 - kept) * limit.m
         for value, limit in zip(row.tolist(), (LIMITS[0], LIMITS[0], LIMITS[1]), strict=True)]
    found = torch.zeros((5, 5, 4), dtype=torch.float64)
    found.index_put_(tuple(x.T), torch.full((n,), 1 / n, dtype=torch.float64), accumulate=True)
    # five standard deviations of a share, at most
    torch.testing.assert_close(found, torch.einsum("a,b,e->abe", *q), rtol=0, atol=2.5 / math.sqrt(n))


@torch.no_grad()
def test_eq_equivariance() -> None:
    """Of a network whose weights say something, for atoms and for pairs, in noise that is no molecule."""
    torch.manual_seed(0)
    net = GraphTransformer(9, 7, dim=32, pair_dim=16, layers=2, heads=4)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.25)
    x = torch.cat([torch.randint(0, 4, (6, 9), generator=rng(1)), torch.randint(0, 4, (6, 36), generator=rng(2))], 1)
    u = torch.rand((6, 9), generator=rng(3))
    told, time = {"atoms": torch.full((6,), 9), "rings": torch.arange(6)}, torch.full((6,), 400.0)
    (atoms, bonds), (moved_atoms, moved_bonds) = (net(*split(rows), time, told) for rows in (x, permuted(x, u)))
    order, (i, j), k = u.argsort(1), pairs(9), torch.arange(6)[:, None]
    matrix = bond_matrix(bonds.transpose(1, 2)).permute(0, 2, 3, 1)
    # float32, sums in another order
    torch.testing.assert_close(moved_atoms, atoms[k, order], rtol=0, atol=1e-4)
    torch.testing.assert_close(moved_bonds, matrix[k, order[:, i], order[:, j]], rtol=0, atol=1e-4)
    assert float(atoms[..., :4].std()) > 0.1


@pytest.mark.parametrize(("line", "symmetries"), [("CCO", 1), ("C1CC1", 6), ("CC", 2), ("CC(C)C", 6), ("C1COC1", 2)])
def test_eq_orders(line: str, symmetries: int) -> None:
    """A molecule has n!/S different rows."""
    n = int(atom_counts(row_of(line)[None]))
    assert len(all_orders(line, n)) == math.factorial(n) / symmetries


def test_eq_graph_bound() -> None:
    """Of a network to which all places are independent the bound is that of its atoms and of its pairs, each once, by their
    shares; the bits of a record count the size beside it."""
    data = load_qm9("test")
    row = data.x0(torch.tensor([7]))[0]
    atoms, bonds = split(row)
    n, (i, j) = int(atom_counts(row[None])), pairs(9)
    exact = float(-LIMITS[0].m[atoms[:n]].log().sum() - LIMITS[1].m[bonds[(i < n) & (j < n)]].log().sum())
    rows = row.expand(2000, -1)
    nats = bound(sized(independent(LIMITS, 9), atom_counts(rows), NOTHING), LIMITS, SCHEDULE, split(rows), draws=2)
    assert abs(float(nats.mean()) - exact) < 4 * float(nats.std()) / 2000**0.5  # a chance of 1 in 10,000
    net, sizes = GraphTransformer(9, NOTHING, dim=8, pair_dim=4, layers=0), load_qm9("validation").sizes
    one = bits_of(net, CONFIG, SCHEDULE, sizes, data, draws=1, most=40)
    share = (sizes.sum(0).double() + 1) / (sizes.sum() + sizes.shape[1])
    shown = atom_counts(data.x0(torch.randperm(len(data), generator=rng())[:40]))
    assert one["of_these_number_of_atoms"] == pytest.approx(float(-share.log2()[shown].mean()), rel=1e-9)
    assert one["bits_per_molecule"] > one["of_these_number_of_atoms"]


@pytest.mark.parametrize("w", [0.5, 2.0, 4.0])
def test_eq_discrete_guidance(w: float) -> None:
    """f_w is f_u·(f_c/f_u)^w, normalised, for atoms and for pairs."""
    model = ExactGraphs(["CCCO", "C1CCO1", "CC(F)N"], LIMITS, SCHEDULE)
    told = sized(model, torch.full((5,), 4), NOTHING)
    x = tuple(torch.randint(0, 4, shape, generator=rng(5)) for shape in ((5, 4), (5, 6)))
    free, full, mixed = told(x, 15), told(x, 15, torch.ones(5).long()), guided_log(told, w)(x, 15, torch.ones(5).long())
    for u, c, found in zip(free, full, mixed, strict=True):
        wanted = u.exp() * (c - u).exp() ** w
        torch.testing.assert_close(found.exp(), wanted / wanted.sum(-1, keepdim=True), rtol=0, atol=1e-9)
