"""What the record of chapter 11's figures holds: graphs as the network sees them."""

from __future__ import annotations

import torch
from molecule_figures import CELLS, PIECES, SHOWN, present

from diffusion_utils.molecules import ABSENT, atom_counts, row_of, split
from diffusion_utils.molecules.rows import bond_matrix


def test_nothing_stands_in_the_places_beyond_the_atoms():
    noise = torch.cat([torch.randint(0, 4, (40, 9)), torch.randint(0, 4, (40, 36))], 1)
    counts = torch.arange(40) % 9 + 1
    shown = present(noise, counts)
    assert torch.equal(atom_counts(shown), counts)
    here = torch.arange(9) < counts[:, None]
    both = here[:, :, None] & here[:, None, :]
    matrix, before = bond_matrix(split(shown)[1]), bond_matrix(split(noise)[1])
    assert not matrix[~both].any() and torch.equal(matrix[both], before[both])
    assert bool((split(shown)[0][~here] == ABSENT).all()) and torch.equal(split(shown)[0][here], split(noise)[0][here])


def test_pieces_leave_room_and_frames_are_full():
    assert all(int(atom_counts(row_of(line)[None])) <= 8 for line in PIECES.values()) and SHOWN % CELLS == 0
