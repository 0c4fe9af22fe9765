"""Molecules as graphs: atoms and bonds in a row of whole numbers, without any library of chemistry.

rows.py: what a row is, and which rows are molecules; smiles.py: from text and back; identity.py: when two rows are one
molecule; picture.py: a drawing; draw.py: samples from a checkpoint, of any size, with rings asked for or a scaffold kept.
"""

from .identity import identities
from .rows import ABSENT, ELEMENTS, VALENCE, atom_counts, bond_matrix, faults, joined, permuted, rings, split, valid
from .smiles import SmilesError, read_smiles, row_of, write_smiles

__all__ = ["ABSENT", "ELEMENTS", "VALENCE", "SmilesError", "atom_counts", "bond_matrix", "faults", "identities", "joined",
           "permuted", "read_smiles", "rings", "row_of", "split", "valid", "write_smiles"]
