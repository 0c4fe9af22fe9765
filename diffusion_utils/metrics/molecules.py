"""How good are molecules? Of all that were drawn, nothing filtered and nothing repaired; and beside real ones, held out.

High novelty is no merit here: QM9 holds nearly all that its rules allow, so what is new mostly breaks one of them.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

import torch
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

from ..data.molecules import MoleculeData, filled_in, load_molecules, load_qm9
from ..discrete import DiscreteDenoiser, bound
from ..molecules.draw import limits_of, sized
from ..molecules.identity import identities
from ..molecules.rdkit import DESCRIPTORS, descriptors, rdkit_version
from ..molecules.rows import ABSENT, BONDS, VALENCE, atom_counts, bond_matrix, faults, permuted, places_of, rings, split, valid
from ..schedules import Schedule

MASS = (12.011, 14.007, 15.999, 18.998)  # of the elements
HYDROGEN = 1.008
PARTS = ("train", "validation", "test")
DESCRIBED = 3000  # molecules whose distributions are compared: a distance depends on how many there are


def evaluate(x: Tensor, cond: Tensor | None = None, calls: int | None = None, device: str | None = None,
             file: str | None = None) -> dict:
    """All figures of rows (n, L), int64, as a dictionary ready for JSON. cond: the rings that were asked for, int64 (n,), or
    None; file: the list of one's own that they were learnt from, or None for QM9.

    Shares are of all that were drawn, those of "unique" and "novel" of the molecules among them. Each figure stands beside
    that of as many held-out molecules.
    """
    parts = {name: part_of(name, file) for name in PARTS}
    length = parts["train"].shape[0]
    if x.dtype != torch.int64 or x.ndim != 2 or x.shape[1] != length:
        raise ValueError(f"molecules must be int64 (n, {length}), got {x.dtype} {tuple(x.shape)}")
    real = parts["test"].x0(torch.arange(len(parts["test"])))
    real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:len(x)]]
    fine = valid(x)
    look = {"n": len(x), "calls": calls, "valid": float(fine.float().mean()),
            "faults": {name: float(found.float().mean()) for name, found in faults(x).items()}}
    if cond is not None:
        right = fine & (rings(x) == cond.cpu())
        look["rings_as_asked"] = {"all": float(right.float().mean())} | {
            str(r): float(right[cond == r].float().mean()) for r in cond.unique().tolist()}
    known = known_molecules(file)
    look |= counted(x[fine], known)
    look["histograms"] = {name: float(value) for name, value in total_variations(x, real).items()}
    look["distances"] = distances(x[fine], real)
    return look | {"held_out": {"n": len(real)} | counted(real, known), "rdkit": rdkit_version()}


def counted(x: Tensor, known: dict[str, Tensor]) -> dict:
    """How many molecules differ, and how many are neither among those learnt from nor among others that are known."""
    if not len(x):
        return {"unique": None, "novel": {name: None for name in known}}
    unique = identities(x).unique()
    return {"unique": len(unique) / len(x),
            "novel": {name: float((~torch.isin(unique, seen)).float().mean()) for name, seen in known.items()}}


@lru_cache(maxsize=2)
def known_molecules(file: str | None) -> dict[str, Tensor]:
    """Identities, int64: of what was learnt from, of all molecules of the data, and of these and what the damaged lines of QM9
    are with hydrogen filled in."""
    parts = [identities(part_of(name, file).rows.long()) for name in PARTS]
    found = {"to_training": parts[0], "to_all_lines": torch.cat(parts)}
    return found if file else found | {"to_all_readings": torch.cat([*parts, identities(filled_in().long())])}


def part_of(name: str, file: str | None) -> MoleculeData:
    """A part of QM9, or of a list of one's own."""
    return load_molecules(name, file) if file else load_qm9(name)


def shares_of(x: Tensor) -> dict[str, Tensor]:
    """How often each element, each bond between two atoms, each number of atoms and each number of rings occurs."""
    atoms, bonds = split(x)
    n, N = atom_counts(x), places_of(x.shape[1])
    of_bonds = torch.bincount(bonds.flatten(), minlength=BONDS).cpu().double()
    of_bonds[0] -= (N * (N - 1) // 2 - n * (n - 1) // 2).sum()  # pairs that have no two atoms
    counts = {"atoms": torch.bincount(atoms.flatten(), minlength=ABSENT + 1)[:ABSENT].cpu().double(), "bonds": of_bonds,
              "sizes": torch.bincount(n, minlength=N + 1).cpu().double(),
              "rings": torch.bincount(rings(x).clamp(0, N), minlength=N + 1).cpu().double()}
    return {name: count / count.sum().clamp(min=1) for name, count in counts.items()}


def total_variations(x: Tensor, real: Tensor) -> dict[str, Tensor]:
    """½·Σ|p − q| of each of `shares_of`: of all that was drawn, what is no molecule, too."""
    ours, theirs = shares_of(x), shares_of(real)
    return {name: 0.5 * (ours[name] - theirs[name]).abs().sum() for name in ours}


def simple(x: Tensor) -> dict[str, Tensor]:
    """Of each molecule, without a library: its weight, its rings, and the share of its carbons that have single bonds only."""
    atoms, bonds = split(x)
    matrix = bond_matrix(bonds)
    mass, hands = torch.tensor([*MASS, 0.0]), torch.tensor([*VALENCE, 0])
    free = (hands[atoms] - matrix.sum(-1)).clamp(min=0)
    carbon = atoms == 0
    single = carbon & (matrix.amax(-1) < 2)
    return {"weight": mass[atoms].sum(-1) + HYDROGEN * free.sum(-1), "rings": rings(x).float(),
            "single_bonded_carbons": single.sum(-1) / carbon.sum(-1).clamp(min=1)}


def distances(x: Tensor, real: Tensor) -> dict:
    """Earth mover's distance of each property, in standard deviations of the real ones; those of `descriptors` need RDKit.

    At most so many of each are compared, the same number of both, since it falls as they become more.
    """
    m = min(len(x), len(real), DESCRIBED)
    if m < 2:
        return {"n": m}
    ours, theirs = ({**simple(rows[:m]), **(descriptors(rows[:m]) or {})} for rows in (x, real))
    found = {name: wasserstein_distance(ours[name], theirs[name]) / max(float(theirs[name].cpu().double().std()), 1e-9)
             for name in ours}
    return {"n": m} | {name: float(value) for name, value in found.items()} | {
        name: None for name in DESCRIPTORS if name not in found}


def bits_of(net: nn.Module, config: dict, schedule: Schedule, sizes: Tensor, test: MoleculeData, draws: int = 16,
            most: int = 1000, batch: int = 250) -> dict:
    """The bound of held-out molecules, their atoms in a random order, in bits: of their number, and of the rest given it.

    The number of rings is not told. sizes: of the molecules learnt from, see `MoleculeData`.
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(len(test), generator=generator)[:most]
    x = permuted(test.x0(rows), torch.rand((len(rows), places_of(test.shape[0])), generator=generator))
    limits, found = limits_of(config), []
    for k, part in enumerate(x.split(batch)):
        told = sized(DiscreteDenoiser(net, schedule), atom_counts(part), net.num_classes)
        found.append(bound(told, limits, schedule, split(part), draws, seed=k))
    bits, total = torch.cat(found) / log(2), sizes.sum(0).cpu().double() + 1  # one more of each, or a new number would cost ∞
    of_size = -(total / total.sum()).log2()[atom_counts(x)]
    return {"bits_per_molecule": float((bits + of_size).mean()), "of_these_number_of_atoms": float(of_size.mean()),
            "standard_error": float(bits.std()) / len(x) ** 0.5, "molecules": len(x)}
