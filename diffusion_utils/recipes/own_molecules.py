"""A model of your own molecules: look at the list, train, and say how many of what it draws are molecules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from .. import checkpoints
from ..data.molecules import load_molecules
from ..generate import generate
from ..metrics.molecules import shares_of
from ..molecules.rows import places_of, rings, valid
from ..training.run_folder import check_free
from .molecules import MoleculeRecipe
from .qm9_graph import QM9_GRAPH

DRAWN = 200  # molecules that are drawn at the end to be counted


def molecules_recipe(file: str | Path, minutes: float = 60.0) -> MoleculeRecipe:
    """The recipe of a list of SMILES, trained for so many minutes, as qm9-graph is in all else. Raises what `load_molecules`
    does, and ValueError for minutes that are not positive."""
    path = str(Path(file).expanduser().resolve())
    parts = [load_molecules(split, path) for split in ("train", "validation", "test")]
    shares = shares_of(parts[0].x0(torch.arange(len(parts[0]))))
    most = max(int(rings(part.x0(torch.arange(len(part)))).max()) for part in parts)
    bonds = shares["bonds"].clamp(min=1e-4)  # what the list has none of may still be noise
    return replace(
        QM9_GRAPH,
        name="molecules-" + re.sub(r'[\s<>:"/\\|?*.]+', "-", Path(path).stem).strip("-"),
        data={"name": "molecules", "file": path},
        metric={"name": "molecules", "file": path},
        network=QM9_GRAPH.network | {"places": places_of(parts[0].shape[0]), "num_classes": most + 1},
        limits={"atoms": {"name": "marginal", "shares": [*shares["atoms"].clamp(min=1e-4).tolist(), 0.0]},
                "bonds": {"name": "marginal", "shares": bonds.tolist()}},
        snapshots=(),
        train=replace(QM9_GRAPH.train, steps=10_000_000, minutes=minutes, ema=0.99 if minutes < 5 else QM9_GRAPH.train.ema),
    )


def train_molecules(data: str | Path, *, minutes: float = 60.0, folder: str | Path = "runs", resume: bool = False,
                    device: str | None = None, log: Callable[[str], None] = tqdm.write) -> Path | None:
    """Train on a list of SMILES, or go on; writes the checkpoint into folder/name, and says how many molecules it draws.

    Returns the checkpoint's card, None in all processes but the first. Raises what `molecules_recipe` and `Recipe.run` do.
    """
    recipe = molecules_recipe(data, minutes)
    train = recipe.load("train")
    log(f"{len(train):,} molecules to learn from, of at most {recipe.network['places']} atoms; a tenth is held out")
    check_free(Path(folder) / recipe.name, resume)
    card = recipe.run(folder, resume=resume, device=device, data=train, log=log)
    if card is not None:
        x = generate(checkpoints.load(card, device), DRAWN)
        log(f"{int(valid(x).sum())} of {DRAWN} that it draws are molecules")
        log(f"Now: python -m diffusion_utils sample --checkpoint {card.parent} --n 20 --out molecules.svg")
    return card
