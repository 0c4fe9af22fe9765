"""When two rows are one molecule: a number that depends on neither the order of the atoms nor on how a ring's bonds alternate.

Source: Weisfeiler & Leman 1968, of pairs of atoms: each pair is told, round by round, how all third atoms stand to it. Two
graphs of up to nine atoms that it cannot tell apart are the same (the smallest exceptions known have sixteen).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .rows import bond_matrix, split

ROUNDS = 4
SOFT = 4  # a bond of a ring of six, single and double in turn: which of the two it is, is a matter of writing


def softened(matrix: Tensor) -> Tensor:
    """The bonds (B, N, N), those of rings of six that are single and double in turn replaced by SOFT.

    A walk S·D·S·D·S along single and double bonds leads from one end of such a double bond to the other. An atom with two
    double bonds is in no such ring.
    """
    single, double = (matrix == 1).float(), (matrix == 2).float()
    double = double * (double.sum(-1, keepdim=True) < 2) * (double.sum(-2, keepdim=True) < 2)
    walk = single @ double @ single
    ring = (double * (walk @ double @ single) > 0) | (single * (double @ walk @ double) > 0)
    return torch.where(ring, SOFT, matrix)


def _mixed(x: Tensor) -> Tensor:
    """A number of 64 bits for another one, such that neighbours become unrelated. Products wrap around."""
    x = (x ^ (x >> 29)) * 0x5851F42D4C957F2D
    x = (x ^ (x >> 32)) * 0x14057B7EF767814F
    return x ^ (x >> 30)


def identities(rows: Tensor, batch: int = 2048) -> Tensor:
    """A number for each molecule, int64 (B,): equal for equal ones, and for two different ones with a chance of 2⁻⁶⁴."""
    return torch.cat([_identities(part) for part in rows.split(batch)])


def _identities(rows: Tensor) -> Tensor:
    atoms, bonds = split(rows)
    colour = softened(bond_matrix(bonds)) + 16 * torch.diag_embed(atoms + 1)
    colour = _mixed(colour)
    for _ in range(ROUNDS):
        third = _mixed(3 * colour[:, :, None, :] + 5 * colour.transpose(1, 2)[:, None, :, :])  # (B, i, j, k)
        colour = _mixed(7 * colour + third.sum(-1))
    return _mixed(colour.flatten(1)).sum(1)
