"""The transformer over graphs: it answers alike in whatever order the atoms stand, and knows what their number says."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data.molecules import load_qm9
from diffusion_utils.molecules import ABSENT, atom_counts, bond_matrix, joined, permuted, rings, split
from diffusion_utils.molecules.rows import pairs
from diffusion_utils.networks.graph import NO, WALKS, GraphTransformer, walks


def network() -> GraphTransformer:
    """A small one, with weights that say something: it begins as a network that answers nothing."""
    torch.manual_seed(0)
    net = GraphTransformer(9, 7, dim=32, pair_dim=16, layers=2, heads=4)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.25)
    return net.eval()


def molecules() -> torch.Tensor:
    """The smaller half of them have fewer atoms than places; bonds beyond the atoms are noise, as in a walk."""
    data = load_qm9("test")
    counts = atom_counts(data.rows.long())
    rows = torch.cat([(counts == n).nonzero()[:4, 0] for n in (5, 7, 8, 9)])
    x = data.x0(rows)
    both = (split(x)[0] != ABSENT)[:, pairs(9)[0]] & (split(x)[0] != ABSENT)[:, pairs(9)[1]]
    noise = torch.randint(0, 4, (len(x), 36), generator=torch.Generator().manual_seed(0))
    return joined(split(x)[0], torch.where(both, split(x)[1], noise))


@torch.no_grad()
def answer(net: GraphTransformer, x: torch.Tensor, **changes) -> tuple[torch.Tensor, torch.Tensor]:
    told = {"atoms": atom_counts(x), "rings": torch.arange(len(x)) % 7} | changes
    return net(*split(x), torch.linspace(10, 990, len(x)), told)


def test_another_order_of_the_atoms_is_the_same_answer_in_that_order():
    net, x = network(), molecules()
    u = torch.rand((len(x), 9), generator=torch.Generator().manual_seed(1))
    order = (u + 2 * (split(x)[0] == ABSENT)).argsort(1)
    of_atoms, of_pairs = answer(net, x)
    turned = answer(net, permuted(x, u))
    i, j = pairs(9)
    matrix, k = bond_matrix(of_pairs.transpose(1, 2)).permute(0, 2, 3, 1), torch.arange(len(x))[:, None]
    here = (split(x)[0] != ABSENT)[..., None].expand_as(of_atoms)
    # float32, sums of other orders: a few units of 1e-7 of logits of about 3
    torch.testing.assert_close(turned[0], of_atoms.gather(1, order[..., None].expand_as(of_atoms)), rtol=0, atol=1e-5)
    torch.testing.assert_close(turned[1], matrix[k, order[:, i], order[:, j]], rtol=0, atol=1e-5)
    assert float(of_atoms[here][of_atoms[here] > NO].std()) > 0.1  # it does say something


def test_what_follows_from_the_number_of_atoms_is_certain():
    x = molecules()
    of_atoms, of_pairs = answer(network(), x)
    absent = split(x)[0] == ABSENT
    believed = of_atoms.double().softmax(-1)
    assert bool((believed[..., ABSENT] == absent).all())  # exactly 0 and 1
    gone = absent[:, pairs(9)[0]] | absent[:, pairs(9)[1]]
    assert bool((of_pairs.double().softmax(-1)[gone][:, 0] == 1).all())
    assert bool((of_pairs[~gone] > NO).all())


def test_bonds_beyond_the_atoms_say_nothing():
    net, x = network(), molecules()
    atoms, bonds = split(x)
    gone = (atoms == ABSENT)[:, pairs(9)[0]] | (atoms == ABSENT)[:, pairs(9)[1]]
    other = joined(atoms, torch.where(gone, 3 - bonds, bonds))
    for one, two in zip(answer(net, x), answer(net, other), strict=True):
        assert torch.equal(one, two)


def test_it_listens_to_what_it_is_told():
    net, x = network(), molecules()
    first = answer(net, x)
    with torch.no_grad():
        told = {"atoms": atom_counts(x), "rings": torch.arange(len(x)) % 7}
        later = net(*split(x), torch.linspace(10, 990, len(x)) + 5, told)
    for other in (answer(net, x, rings=(torch.arange(len(x)) + 1) % 7), later):
        assert float((other[1] - first[1]).abs().amax((1, 2)).min()) > 1e-4


def test_hiding_leaves_the_number_of_atoms():
    net, told = network(), {"atoms": torch.tensor([3, 4]), "rings": torch.tensor([0, 1])}
    hidden = net.hide(told, torch.tensor([False, True]))
    assert hidden["rings"].tolist() == [0, 7] and hidden["atoms"].tolist() == [3, 4]


@pytest.mark.parametrize("told", [None, torch.zeros(2), {"rings": torch.zeros(2, dtype=torch.int64)},
                                  {"atoms": torch.tensor([3, 10]), "rings": torch.tensor([0, 0])},
                                  {"atoms": torch.tensor([3, 4]), "rings": torch.tensor([0, 8])}])
def test_it_must_be_told_how_many_atoms_there_are(told):
    with pytest.raises(ValueError, match="atoms|0…"):
        network().check_condition(told, 2)


def test_random_walks_come_back_where_rings_are():
    """In a ring of three a walk of three steps is back with a chance of 1/4; in a chain never after an odd number."""
    ring, chain = load_ring_and_chain()
    back = walks(torch.stack([ring, chain])).diagonal(dim1=1, dim2=2)  # (B, WALKS, N)
    assert back.shape == (2, WALKS, 9)
    torch.testing.assert_close(back[0, 2, :3], torch.full((3,), 0.25))
    assert not back[1, ::2].any() and float(back[1, 1, 0]) == pytest.approx(0.5)


def load_ring_and_chain() -> tuple[torch.Tensor, torch.Tensor]:
    from diffusion_utils.molecules import row_of

    return split(row_of("C1CC1"))[1], split(row_of("CCC"))[1]


def test_rings_of_data_are_within_what_is_asked():
    assert int(rings(load_qm9("train").rows.long()).max()) == 6
