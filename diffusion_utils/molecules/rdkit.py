"""What needs RDKit, a library of chemistry, where it is installed (the extra `molecules`): canonical names, and descriptors.

Nothing else of the package needs it: without it these functions return None.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .smiles import write_smiles

DESCRIPTORS = ("logP", "QED", "TPSA")  # how it spreads between oil and water, how drug-like it is, its polar surface in Å²


def _rdkit():
    try:
        from rdkit import Chem, RDLogger
    except ImportError:
        return None
    RDLogger.DisableLog("rdApp.*")
    return Chem


def rdkit_version() -> str | None:
    """What figures were made with: settings of a tool can change them."""
    if _rdkit() is None:
        return None
    import rdkit

    return rdkit.__version__


def canonical(lines: list[str]) -> list[str | None] | None:
    """The one name that RDKit has for each molecule; None for a line that it refuses."""
    Chem = _rdkit()
    if Chem is None:
        return None
    found = [Chem.MolFromSmiles(line) for line in lines]
    return [None if molecule is None else Chem.MolToSmiles(molecule) for molecule in found]


def descriptors(rows: Tensor) -> dict[str, Tensor] | None:
    """Each of DESCRIPTORS of molecules (n, L), float64 (n,)."""
    Chem = _rdkit()
    if Chem is None:
        return None
    from rdkit.Chem import QED, Crippen, rdMolDescriptors

    molecules = [Chem.MolFromSmiles(write_smiles(row)) for row in rows]
    found = [(Crippen.MolLogP(one), QED.qed(one), rdMolDescriptors.CalcTPSA(one)) for one in molecules]
    return dict(zip(DESCRIPTORS, torch.tensor(found, dtype=torch.float64).T, strict=True))
