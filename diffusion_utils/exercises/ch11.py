"""The checks of chapter 11's exercises: rings, what is a molecule, noise that keeps pairs alike, and the bound of shares."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import torch
from torch import Tensor

from ..molecules.rows import ABSENT, bond_matrix, rings, split, valid
from ..molecules.smiles import numbers_of, read_smiles
from .verdict import verdict

MOLECULES = ("CCO", "C1CC1", "C1CC1C#N", "C=CC=O", "c1ccccc1", "C1CC2CC12")
NONE = ("C.C", "CC(C)(C)(C)C", "C=O=C", "C1CC1.C1CC1", "FC(F)=F", "CC.CC=O")
SHARES = (torch.tensor([0.7, 0.1, 0.15, 0.05]), torch.tensor([0.7, 0.2, 0.07, 0.03]))


def rows_of(lines: tuple[str, ...]) -> Tensor:
    """Rows (n, 45), of what is no molecule, too."""
    return torch.tensor([numbers_of(read_smiles(line), 9) for line in lines])


def check_rings(function: Callable[[Tensor, Tensor], int]) -> None:
    """Exercise 1. function(atoms (9,), bonds (36,)) is the number of rings; places without an atom hold ABSENT."""
    rows = rows_of(MOLECULES)
    for line, row, wanted in zip(MOLECULES, rows, rings(rows).tolist(), strict=True):
        atoms, bonds = split(row)
        found = int(function(atoms, bonds))
        if found != wanted:
            n, count = int((atoms != ABSENT).sum()), int((bonds > 0).sum())
            known = {int(bonds.sum()) - n + 1: "a double bond is one bond: count bonds, do not add up their orders",
                     count - 9 + 1: "places without an atom are no atoms", -1: "one is missing: a chain has no ring"}
            return verdict(1, known.get(found, f"{line} has {wanted} ring{'s' * (wanted != 1)}, not {found}"))
    return verdict(1)


def check_molecule(function: Callable[[Tensor, Tensor], bool]) -> None:
    """Exercise 2. function(allowed (n,), matrix (n, n)) is whether no atom has too many bonds, and all hang together."""
    rows = rows_of(MOLECULES + NONE)
    for line, row, wanted in zip(MOLECULES + NONE, rows, valid(rows).tolist(), strict=True):
        atoms, bonds = split(row)
        n = int((atoms != ABSENT).sum())
        allowed = torch.tensor([4, 3, 2, 1])[atoms[:n]]
        found = bool(function(allowed, bond_matrix(bonds)[:n, :n]))
        if found != wanted:
            return verdict(2, f"{line} is {'a molecule' if wanted else 'none'}, and your answer is {found}"
                           + (": bonds must lead from each atom to all others" if "." in line else ""))
    return verdict(2)


def check_noise(function: Callable[[Tensor, float, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 3. function(matrix (N, N), kept, m (4,), u (N, N), v (N, N)) is a graph in which each pair is remembered with
    the chance kept, or drawn from m."""
    N, kept, m = 120, 0.4, SHARES[1].double()
    generator = torch.Generator().manual_seed(1)
    u, v = torch.rand((2, N, N), generator=generator, dtype=torch.float64)
    x0 = bond_matrix(torch.full((N * (N - 1) // 2,), 3))
    x = torch.as_tensor(function(x0, kept, m, u, v))
    if x.shape != (N, N) or x.is_floating_point():
        return verdict(3, f"whole numbers of the shape {(N, N)} are wanted, got {x.dtype} {tuple(x.shape)}")
    if bool(x.diagonal().any()):
        return verdict(3, "an atom is bound to itself: the diagonal must stay empty")
    if not torch.equal(x, x.T):
        return verdict(3, "a bond from i to j is not the bond from j to i")
    i, j = torch.triu_indices(N, N, 1)
    share = torch.bincount(x[i, j].clamp(0, 3), minlength=4) / len(i)
    wanted = (1 - kept) * m
    wanted[3] += kept
    if float((share - wanted).abs().max()) > 0.03:  # five standard deviations of a share of 7,140
        return verdict(3, f"of triple bonds {float(share[3]):.2f} are still there, in place of {float(wanted[3]):.2f}: "
                       "perhaps a pair was drawn twice, or changed after it was drawn")
    return verdict(3)


def check_bits(function: Callable[[Tensor, Tensor, Tensor, Tensor], float]) -> None:
    """Exercise 4. function(atoms (9,), bonds (36,), m_atoms (4,), m_bonds (4,)) is −log2 p of a graph whose atoms and bonds are
    drawn from m, each for itself, given how many atoms there are."""
    for line in MOLECULES:
        atoms, bonds = split(rows_of((line,))[0])
        n = int((atoms != ABSENT).sum())
        matrix = bond_matrix(bonds)[:n, :n]
        i, j = torch.triu_indices(n, n, 1)
        first = -SHARES[0].double().log2()[atoms[:n]].sum()
        once = -SHARES[1].double().log2()[matrix[i, j]].sum()
        everywhere = -SHARES[1].double().log2()[bonds].sum()
        found, wanted = float(function(atoms, bonds, *SHARES)), float(first + once)
        if abs(found - wanted) > 1e-3:
            known = {float(first + 2 * once): "each pair is counted twice", wanted * log(2): "that is in nats",
                     float(first + everywhere): "a pair without two atoms has nothing to be scored on"}
            for value, words in known.items():
                if abs(found - value) < 1e-3:
                    return verdict(4, words)
            return verdict(4, f"{line} takes {wanted:.2f} bits, not {found:.2f}")
    return verdict(4)
