"""A molecule as a row of whole numbers, and the rules that make a row a molecule.

A row holds N places for atoms, then the N·(N − 1)/2 pairs of places, each pair once, so that no bond can differ from itself
read backwards. An atom is the number of its element, or ABSENT; a bond is 0 (none), 1, 2 or 3. Hydrogen is not written: it
fills what an atom's bonds leave free, as chemists draw molecules.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

import torch
from torch import Tensor

ELEMENTS = ("C", "N", "O", "F")
VALENCE = (4, 3, 2, 1)   # bonds that an atom has, those to hydrogen included: one number an element
ABSENT = len(ELEMENTS)   # a place without an atom
BONDS = 4                # none, single, double, triple


@lru_cache(maxsize=8)
def pairs(N: int) -> tuple[Tensor, Tensor]:
    """(i, j), i < j, of each pair of N places, in the order of a row: int64 (N·(N − 1)/2,) each."""
    i, j = torch.triu_indices(N, N, 1)
    return i, j


def places_of(length: int) -> int:
    """N of a row so long. Raises ValueError where no molecule has such a row."""
    N = (isqrt(8 * length + 1) - 1) // 2
    if N < 1 or N * (N + 1) // 2 != length:
        raise ValueError(f"a row of a molecule has N + N·(N − 1)/2 numbers, such as 45 for 9 atoms, got {length}")
    return N


def split(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(atoms (B, N), bonds (B, N·(N − 1)/2)) of rows (B, L): the two parts of the state."""
    N = places_of(rows.shape[-1])
    return rows[..., :N], rows[..., N:]


def joined(atoms: Tensor, bonds: Tensor) -> Tensor:
    """Rows (B, L) of their two parts."""
    return torch.cat([atoms, bonds], -1)


def bond_matrix(bonds: Tensor) -> Tensor:
    """(B, N, N), symmetric, with an empty diagonal, of pairs (B, N·(N − 1)/2)."""
    N = (isqrt(8 * bonds.shape[-1] + 1) + 1) // 2
    i, j = pairs(N)
    matrix = bonds.new_zeros((*bonds.shape[:-1], N, N))
    matrix[..., i, j] = bonds
    matrix[..., j, i] = bonds
    return matrix


def atom_counts(rows: Tensor) -> Tensor:
    """How many atoms each has: int64 (B,)."""
    return (split(rows)[0] != ABSENT).sum(-1)


def rings(rows: Tensor) -> Tensor:
    """How many rings each has: bonds − atoms + 1, exact for whatever hangs together. int64 (B,)."""
    return (split(rows)[1] > 0).sum(-1) - atom_counts(rows) + 1


def too_many(rows: Tensor) -> Tensor:
    """Whether each place has an atom with more bonds than its element allows: bool (B, N)."""
    atoms, bonds = split(rows)
    allowed = torch.tensor([*VALENCE, 0], device=rows.device)[atoms]
    return (bond_matrix(bonds).sum(-1) > allowed) & (atoms != ABSENT)


def connected(rows: Tensor) -> Tensor:
    """Whether bonds lead from each atom to all others: bool (B,). Each round reaches twice as far."""
    atoms, bonds = split(rows)
    here, N = atoms != ABSENT, atoms.shape[-1]
    reach = (bond_matrix(bonds) > 0).float()
    reach = reach + torch.eye(N, device=rows.device)
    for _ in range(N.bit_length()):
        reach = ((reach @ reach) > 0).float()
    both = here[..., :, None] & here[..., None, :]
    return ((reach > 0) | ~both).flatten(-2).all(-1)


def faults(rows: Tensor) -> dict[str, Tensor]:
    """What is wrong with each row, bool (B,) by name; a molecule has none of it.

    valence: an atom has more bonds than its element allows; pieces: not all atoms hang together; empty: no atom at all;
    loose: a bond leads to a place without an atom.
    """
    atoms, bonds = split(rows)
    here, used = atoms != ABSENT, bond_matrix(bonds).sum(-1)
    return {"valence": too_many(rows).any(-1), "pieces": ~connected(rows),
            "empty": ~here.any(-1), "loose": ((used > 0) & ~here).any(-1)}


def valid(rows: Tensor) -> Tensor:
    """Whether each row is a molecule: bool (B,). Of a row in two pieces the larger one is no excuse."""
    wrong = torch.stack(list(faults(rows).values()))
    return ~wrong.any(0)


def permuted(rows: Tensor, u: Tensor) -> Tensor:
    """The same molecules, their atoms in another order: by u, uniform (B, N). Places without an atom stay at the end."""
    atoms, bonds = split(rows)
    order = (u + 2 * (atoms == ABSENT)).argsort(-1)
    i, j = (part.to(rows.device) for part in pairs(atoms.shape[-1]))
    k = torch.arange(len(rows), device=rows.device)[:, None]
    moved = bond_matrix(bonds)[k, order[:, i], order[:, j]]
    return joined(atoms.gather(1, order), moved)
