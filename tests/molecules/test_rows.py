"""Rows of atoms and bonds: which are molecules, how many rings they have, and that the order of the atoms means nothing."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.molecules import (
    ABSENT,
    SmilesError,
    atom_counts,
    bond_matrix,
    faults,
    identities,
    permuted,
    read_smiles,
    rings,
    row_of,
    split,
    valid,
    write_smiles,
)
from diffusion_utils.molecules.picture import layout, sheet
from diffusion_utils.molecules.rows import pairs, places_of
from diffusion_utils.molecules.smiles import numbers_of


def rows_of(*lines: str) -> torch.Tensor:
    """Also of what is no molecule: nothing but the graph is looked at."""
    return torch.tensor([numbers_of(read_smiles(line), 9) for line in lines])


def shuffled(rows: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return permuted(rows, torch.rand((len(rows), 9), generator=torch.Generator().manual_seed(seed)))


def test_a_row_holds_each_pair_once_and_reads_alike_from_both_ends():
    (row,) = rows_of("OC=C")
    atoms, bonds = split(row)
    assert atoms.tolist() == [2, 0, 0, *[ABSENT] * 6] and len(bonds) == 36 == len(pairs(9)[0])
    matrix = bond_matrix(bonds)
    assert torch.equal(matrix, matrix.T) and not matrix.diagonal().any()
    assert matrix[0, 1] == 1 and matrix[1, 2] == 2 and int(matrix.sum()) == 6
    assert places_of(45) == 9 and places_of(1) == 1
    with pytest.raises(ValueError, match="such as 45 for 9 atoms, got 44"):
        places_of(44)


def test_faults_are_told_apart():
    """Each by a row that has this one alone. One number an element: nitrogen with five bonds is none of ours."""
    lines = {"valence": ["C(C)(C)(C)(C)C", "C=O=C", "CF=C", "CN(=O)=O", "C#N=C"], "pieces": ["C.C", "CC.O", "C1CC1.C#N"]}
    for name, wrong in lines.items():
        for found, values in faults(rows_of(*wrong)).items():
            assert values.tolist() == [found == name] * len(wrong), (name, found)
    empty = torch.tensor([[ABSENT] * 9 + [0] * 36])
    loose = rows_of("CC")
    loose[0, 1] = ABSENT
    assert [name for name, found in faults(empty).items() if found] == ["empty"]
    assert [name for name, found in faults(loose).items() if found] == ["loose"]
    assert valid(rows_of("C", "CC(=O)O", "c1ccccc1", "C1CC1C#N", "FC(F)(F)F")).all()
    assert not valid(torch.cat([empty, loose])).any()


def test_a_chain_of_nine_atoms_hangs_together():
    assert valid(rows_of("CCCCCCCCC")).all() and faults(rows_of("CCCCC.CCCC"))["pieces"].all()


@pytest.mark.parametrize(("line", "count"), [("C", 0), ("CCO", 0), ("C1CC1", 1), ("C1CC2CC12", 2), ("c1ccc2[nH]ccc2c1", 2),
                                             ("C1C2CC3C1C23", 3)])
def test_rings_are_bonds_less_atoms_and_one(line, count):
    assert rings(rows_of(line)).tolist() == [count]


def test_the_same_molecule_in_another_order_is_the_same_molecule():
    rows = rows_of("CC(=O)OC1CC1", "N#CC1=CNC=C1F", "C1CC2CC12", "CO")
    other = shuffled(rows)
    assert not torch.equal(other, rows) and torch.equal(identities(other), identities(rows))
    for found in (atom_counts, rings, valid):
        assert torch.equal(found(other), found(rows))
    assert bool((split(other)[0][:, 7:][atom_counts(rows) < 8] == ABSENT).all())  # without an atom: at the end


def test_molecules_that_differ_by_little_differ():
    lines = ["CCO", "COC", "CC=O", "C=CO", "C1CO1", "CCN", "C1CCC1C", "C1CC1CC", "CC1CC1C", "C1CC2CC12", "C1C2CC2C1", "CC(C)C",
             "C1CCC2CCC12", "C1CC1C1CCC1", "C1CC1C1CC1"]
    distinct = ["COC", "CC=O", "C=CO"]
    found = identities(rows_of(*lines))
    same = {(i, j) for i in range(len(lines)) for j in range(i) if found[i] == found[j]}
    assert same == {(10, 9)}  # two spellings of one molecule
    assert len(identities(rows_of(*distinct)).unique()) == 3


def test_how_a_ring_of_six_alternates_is_a_matter_of_writing():
    """Ortho-xylene's ring may be written in two ways; a ring of four or eight is another molecule the other way round."""
    one, other = rows_of("CC1=C(C)C=CC=C1", "CC1=CC=CC=C1C")
    assert not torch.equal(one, other) and identities(one[None]) == identities(other[None])
    assert len(identities(rows_of("CC1=C(C)C=C1", "CC1=CC=C1C")).unique()) == 2
    assert len(identities(rows_of("CC1=CC=CC=C1C", "CC1C=CC=CC1=C", "CC1=CCC=CC1=C")).unique()) == 3


def test_smiles_come_back():
    lines = ["C", "N#CC#N", "CC(C)(C)C", "C1CC2CC12", "C1C2CC3C1C23", "c1ccc2[nH]ccc2c1", "O=c1cc[nH]cc1", "c1ccoc1",
             "Cn1ccnc1", "C12C3C4C1C5C2C3C45", "OC1=CC(F)=NO1", "FC(F)(F)C", "[CH3][CH]=O"]
    for line in lines:
        row = row_of(line)
        assert valid(row[None]).all(), line
        again = row_of(write_smiles(shuffled(row[None], 3)[0]))
        assert identities(again[None]) == identities(row[None]), line
    assert write_smiles(rows_of("C.CO")[0]) == "C.CO"


@pytest.mark.parametrize(("line", "says"), [
    ("C1CC", "a ring is open"), ("C(C", "a branch is open"), ("CC=", "an atom is missing"), ("", "an atom is missing"),
    ("C(", "an atom is missing|a branch"), ("=C", "cannot stand there"), (")C", "cannot stand there"), ("C?", r"'\?' cannot"),
    ("C11", "binds two atoms twice"), ("C[Xx1]", r"has an atom \[Xx1\]"), ("c1cccc1", "no single and double bonds in turn"),
    ("CCl", "has Cl; the elements known here are C, N, O, F"), ("C[Si]", "has Si"), ("CCCCCCCCCC", "has 10 atoms"),
    ("C[CH]O", "another molecule"), ("C[NH3+]", "another molecule"), ("C.C", "another molecule"),
    ("FCF(C)", "another molecule")])
def test_what_is_no_molecule_of_ours_is_refused_with_the_reason(line, says):
    with pytest.raises(SmilesError, match=says):
        row_of(line)


def test_rdkit_agrees():
    """On whether something is a molecule, and on when two are one: rows of noise, and QM9's own, in another order."""
    from diffusion_utils.data.molecules import load_qm9
    from diffusion_utils.molecules.rdkit import canonical, rdkit_version

    if rdkit_version() is None:
        pytest.skip("RDKit is not installed: pip install rdkit, the extra molecules")
    rows = load_qm9("test").x0(torch.arange(0, 6000, 6))
    names = canonical([write_smiles(row) for row in shuffled(rows)])
    assert names == canonical(list(load_qm9("test").smiles[0:6000:6])) and len(set(names)) == len(rows)
    noise = rows.clone()
    change = torch.rand(noise.shape, generator=torch.Generator().manual_seed(0)) < 0.15
    noise[:, 9:] = torch.where(change[:, 9:] & (atom_counts(rows) == 9)[:, None], noise[:, 9:].roll(1, 0), noise[:, 9:])
    ours, theirs = valid(noise), canonical([write_smiles(row) for row in noise])
    fine = torch.tensor([name is not None and "." not in name for name in theirs])
    assert 0.1 < float(ours.float().mean()) < 0.9
    # RDKit rewrites nitrogen with five bonds as a charged one, where it can: ours has one number an element
    assert int((ours & ~fine).sum()) == 0 and float((fine & ~ours).float().mean()) < 0.02


def test_a_sheet_draws_every_bond_and_rings_what_has_too_many():
    import xml.etree.ElementTree as tree

    rows = rows_of("CC=O", "CF=C")
    places = layout(rows)
    atoms, bonds = split(rows)
    i, j = pairs(9)
    far = (places[:, i] - places[:, j]).norm(dim=-1)
    assert bool((far[bonds > 0] - 1).abs().max() < 0.25)  # bonds have the length of a bond
    assert bool(far[(bonds == 0) & (atoms[:, i] != ABSENT) & (atoms[:, j] != ABSENT)].min() > 1.4)
    page = tree.fromstring(sheet(rows))
    kinds = [one.get("class") for one in page.iter() if one.get("class")]
    assert kinds.count("bond") == 1 + 2 + 1 + 2 and kinds.count("wrong") == 1
    assert [one.get("aria-label") for one in page.iter() if one.get("role") == "img"] == [
        "CC=O: 3 atoms, 0 rings", "CF=C: 3 atoms, 0 rings"]
