"""Molecules as drawings: places that suit their bonds, and a sheet of them as SVG, in dark surroundings, too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import torch
from torch import Tensor

from .rows import ABSENT, ELEMENTS, VALENCE, atom_counts, bond_matrix, pairs, rings, split
from .smiles import write_smiles

CELL, BOND = 170, 26.0  # pixels of a drawing, and of a bond at most
STYLE = ("svg { color-scheme: light dark; color: light-dark(#222, #eee); background: light-dark(#fff, #1b1b1b); "
         "font: 15px system-ui, sans-serif; } text { fill: currentColor; } .name { font-size: 10px; opacity: .75; } "
         ".halo { fill: light-dark(#fff, #1b1b1b); } .bond { stroke: currentColor; stroke-width: 1.6; } "
         ".wrong { fill: none; stroke: light-dark(#c02, #f88); stroke-width: 2; }")


def steps_apart(rows: Tensor) -> Tensor:
    """How many bonds lead from place to place at least: float (B, N, N); N where none do."""
    matrix = bond_matrix(split(rows)[1]) > 0
    N = matrix.shape[-1]
    apart = torch.where(matrix, 1.0, float(N)).masked_fill(torch.eye(N, dtype=torch.bool), 0.0)
    for k in range(N):
        apart = torch.minimum(apart, apart[:, :, k:k + 1] + apart[:, k:k + 1, :])
    return apart


def layout(rows: Tensor, rounds: int = 100, starts: int = 6) -> Tensor:
    """Places in the plane, a bond apart: float64 (B, N, 2), around 0. Those without an atom lie anywhere.

    Each round moves all atoms to where the distances between them err less from those of a zigzag chain (stress majorisation:
    Gansner, Koren & North 2005), near ones counting most; of several starts the one that ends best is taken.
    """
    apart, (B, N) = steps_apart(rows).cpu().double(), split(rows)[0].shape
    apart = torch.where(apart == N, 3.0, apart)  # pieces stand beside each other
    wanted = ((0.75**0.5 * apart) ** 2 + 0.25 * (apart % 2)).sqrt()
    here = (split(rows)[0] != ABSENT).cpu().double()
    weight = here[:, :, None] * here[:, None, :] / apart.clamp(min=1) ** 2
    weight = weight.masked_fill(torch.eye(N, dtype=torch.bool), 0.0)
    inverse = torch.linalg.pinv(torch.diag_embed(weight.sum(-1)) - weight)
    x = torch.randn((starts, 1, N, 2), generator=torch.Generator().manual_seed(5), dtype=torch.float64).expand(-1, B, N, 2)
    for _ in range(rounds):
        pull = weight * wanted / distances(x).clamp(min=1e-6)
        x = inverse @ (torch.diag_embed(pull.sum(-1)) - pull) @ x
    best = (weight * (distances(x) - wanted) ** 2).sum((-1, -2)).argmin(0)
    x = x[best, torch.arange(B)]
    centre = (x * here[..., None]).sum(1, keepdim=True) / here.sum(1).clamp(min=1)[:, None, None]
    return upright(x - centre, here)


def distances(x: Tensor) -> Tensor:
    """Between all places: (…, N, 2) → (…, N, N)."""
    return (x[..., :, None, :] - x[..., None, :, :]).norm(dim=-1)


def upright(x: Tensor, here: Tensor) -> Tensor:
    """Turned so that a molecule is wider than it is high."""
    spread = torch.einsum("bni,bnj,bn->bij", x, x, here)
    turned = torch.linalg.eigh(spread).eigenvectors.flip(-1)
    return x @ turned


def drawing(row: Tensor, places: Tensor) -> str:
    """A molecule as SVG around 0, in pixels. An atom with too many bonds stands in a ring. C is left out where it has bonds."""
    atoms, bonds = split(row)
    size = float(places[atoms != ABSENT].abs().max()) if bool((atoms != ABSENT).any()) else 1.0
    scale = min(BOND, (CELL / 2 - 24) / max(size, 1e-6))
    at, used = (scale * places).tolist(), bond_matrix(bonds).sum(-1).tolist()
    parts, letters = [], []
    for i, j, order in zip(*(part.tolist() for part in pairs(len(atoms))), bonds.tolist(), strict=True):
        if order and ABSENT not in (int(atoms[i]), int(atoms[j])):
            (x, y), (u, v) = at[i], at[j]
            length = max(((u - x) ** 2 + (v - y) ** 2) ** 0.5, 1e-6)
            for k in range(order):
                aside = 3.2 * (k - (order - 1) / 2)
                dx, dy = -aside * (v - y) / length, aside * (u - x) / length
                parts.append(f'<line class="bond" x1="{x + dx:.1f}" y1="{y + dy:.1f}" x2="{u + dx:.1f}" y2="{v + dy:.1f}"/>')
    for (x, y), atom, degree in zip(at, atoms.tolist(), used, strict=True):
        if atom != ABSENT and (atom != 0 or not degree):
            letters.append(f'<circle class="halo" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
                           f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{ELEMENTS[atom]}</text>')
        if atom != ABSENT and degree > VALENCE[atom]:
            letters.append(f'<circle class="wrong" cx="{x:.1f}" cy="{y:.1f}" r="11"/>')
    return "".join(parts + letters)


def described(row: Tensor) -> str:
    """A molecule in words, for those who do not see it."""
    n, found = int(atom_counts(row[None])), int(rings(row[None]))
    return f"{write_smiles(row)}: {n} atom{'s' * (n != 1)}, {max(found, 0)} ring{'s' * (found != 1)}"


def sheet(rows: Tensor, names: Sequence[str] | None = None, columns: int = 5) -> str:
    """Drawings of molecules (n, L) with a name below each, by default the SMILES, as one SVG file."""
    columns = min(columns, len(rows))
    names = [write_smiles(row) for row in rows] if names is None else names
    cells = []
    for k, (row, places, name) in enumerate(zip(rows, layout(rows), names, strict=True)):
        x, y = CELL * (k % columns) + CELL / 2, (CELL + 16) * (k // columns) + CELL / 2
        cells.append(f'<g transform="translate({x:g} {y:g})" role="img" aria-label="{escape(described(row))}">'
                     f'{drawing(row, places)}'
                     f'<text class="name" y="{CELL / 2 + 6:g}" text-anchor="middle">{escape(name)}</text></g>')
    width, height = CELL * columns, (CELL + 16) * -(-len(rows) // columns)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
            f"<style>{STYLE}</style>{''.join(cells)}</svg>\n")
