"""The exercises of chapter 11: the solution passes, the stub and a typical mistake do not."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.exercises import ch11
from diffusion_utils.molecules.rows import ABSENT


def said(check, answer, capsys) -> str:
    check(answer)
    return capsys.readouterr().out.strip()


def rings(atoms, bonds):
    return int((bonds > 0).sum()) - int((atoms != ABSENT).sum()) + 1


def is_molecule(allowed, matrix):
    reach = torch.matrix_power((matrix > 0).double() + torch.eye(len(allowed)), len(allowed))
    return bool((matrix.sum(1) <= allowed).all() and (reach > 0).all())


def noised(matrix, kept, m, u, v):
    new = torch.searchsorted(m.cumsum(0), v, right=True)
    x = torch.where(u < kept, matrix, new).triu(1)
    return x + x.T


def larger(matrix, kept, m, u, v):
    """Each of the two directions drawn for itself, and the larger taken."""
    new = torch.searchsorted(m.cumsum(0), v, right=True)
    x = torch.where(u < kept, matrix, new)
    return torch.maximum(x, x.T) * (1 - torch.eye(len(x), dtype=torch.int64))


def bits(atoms, bonds, m_atoms, m_bonds, base=2.0, often=1, only_present=True):
    here = atoms != ABSENT
    i, j = torch.triu_indices(9, 9, 1)
    pairs = bonds[here[i] & here[j]] if only_present else bonds
    total = -m_atoms.log()[atoms[here]].sum() - often * m_bonds.log()[pairs].sum()
    return float(total) / math.log(base)


@pytest.mark.parametrize(("check", "solution", "number"), [
    (ch11.check_rings, rings, 1), (ch11.check_molecule, is_molecule, 2), (ch11.check_noise, noised, 3),
    (ch11.check_bits, bits, 4)])
def test_the_solution_passes(check, solution, number, capsys) -> None:
    assert said(check, solution, capsys) == f"Exercise {number} passes."


@pytest.mark.parametrize(("check", "answer", "off"), [
    (ch11.check_rings, lambda atoms, bonds: 0, "C1CC1 has 1 ring"),  # the stub
    (ch11.check_rings, lambda atoms, bonds: int(bonds.sum()) - int((atoms != ABSENT).sum()) + 1, "do not add up their orders"),
    (ch11.check_rings, lambda atoms, bonds: int((bonds > 0).sum()) - 9 + 1, "are no atoms"),
    (ch11.check_rings, lambda atoms, bonds: rings(atoms, bonds) - 1, "a chain has no ring"),
    (ch11.check_molecule, lambda allowed, matrix: True, "C.C is none"),  # the stub
    (ch11.check_molecule, lambda allowed, matrix: bool((matrix.sum(1) <= allowed).all()), "lead from each atom"),
    (ch11.check_molecule, lambda allowed, matrix: bool((matrix.sum(1) == allowed).all()), "CCO is a molecule"),
    (ch11.check_noise, lambda matrix, kept, m, u, v: matrix, "of triple bonds 1.00"),  # the stub
    (ch11.check_noise, larger, "a pair was drawn twice"),
    (ch11.check_noise, lambda matrix, kept, m, u, v: torch.where(u < kept, matrix, 1).triu(1), "is not the bond from j to i"),
    (ch11.check_noise, lambda *given: noised(*given) + torch.eye(120, dtype=torch.int64), "bound to itself"),
    (ch11.check_noise, lambda matrix, *_: matrix / 2, "whole numbers"),
    (ch11.check_bits, lambda atoms, bonds, a, b: 0.0, "not 0.00"),  # the stub
    (ch11.check_bits, lambda *given: bits(*given, often=2), "counted twice"),
    (ch11.check_bits, lambda *given: bits(*given, base=math.e), "in nats"),
    (ch11.check_bits, lambda *given: bits(*given, only_present=False), "nothing to be scored on")])
def test_anything_else_does_not(check, answer, off, capsys) -> None:
    found = said(check, answer, capsys)
    assert "not yet" in found and off in found
