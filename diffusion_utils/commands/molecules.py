"""Draw molecules from a checkpoint, and print them, or write them to a file; and read a file of them to be measured."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data.molecules import PLACES
from ..files import write_atomic
from ..generate import check_condition
from ..molecules.picture import sheet
from ..molecules.rows import ELEMENTS, faults, places_of, valid
from ..molecules.smiles import SmilesError, intact, numbers_of, read_smiles, row_of, write_smiles
from ..npy import check_target, write_npy
from .options import batch_of, integer, option, settings_of

OF_MOLECULES = {".smi": " for SMILES", ".svg": " for drawings", ".npy": " for numbers"}


def is_graph(name: str) -> bool:
    """Whether a checkpoint draws molecules."""
    return checkpoints.read_card(name).get("config", {}).get("kind") == "graph"


def sample_molecules(args: argparse.Namespace) -> None:
    """Print molecules as SMILES, or write them to the file asked for; all that were drawn, also what is no molecule."""
    n = 100 if args.n is None else args.n
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    idle = [name for name in ("prompt", "like", "like_data", "keep") if getattr(args, name)]
    if idle:
        raise ValueError(f"{option(idle[0])} says nothing to {args.checkpoint}, which draws molecules: it has --rings and "
                         "--scaffold")
    out = None if args.out is None else check_target(args.out, OF_MOLECULES)
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    cond = rings_asked(checkpoint, args, n)
    scaffold = None if args.scaffold is None else scaffold_of(checkpoint, args.scaffold)
    how = settings_of(checkpoint, args, cond)
    changes = {name: value for name, value in how.items() if name not in ("weight", "seed", "batch")}
    x = checkpoint.kind.draw(checkpoint, n, checkpoint.sampler.changed(**changes), cond=cond, weight=how["weight"],
                             seed=how["seed"], batch=batch_of(args), progress=True, scaffold=scaffold)
    write(x, out)
    print(f"{int(valid(x).sum())} of {n} drawn by {checkpoint.name} are molecules" + (f"; written to {out}" if out else ""))


def rings_asked(checkpoint: Checkpoint, args: argparse.Namespace, n: int) -> Tensor | None:
    """--rings, or --label, which says the same: int64 (n,), or None. Raises ValueError for more than the network knows."""
    if args.rings is not None and args.label is not None:
        raise ValueError("--rings and --label each say what to draw: give one of them")
    given = args.rings if args.label is None else args.label
    if given is None:
        return None
    if given == "all":
        return torch.arange(n) % checkpoint.num_classes
    rings, most = integer("--rings", given), checkpoint.num_classes - 1
    if not 0 <= rings <= most:
        raise ValueError(f"--rings must lie in 0…{most}, got {rings}")
    return check_condition(checkpoint, rings, n)


def scaffold_of(checkpoint: Checkpoint, text: str) -> Tensor:
    """The row of a piece that is to be kept. Raises ValueError for what is no SMILES, or leaves no room to grow."""
    places = places_of(checkpoint.shape[0])
    row = row_of(text, places)
    if int((row[:places] < len(ELEMENTS)).sum()) == places:
        raise ValueError(f"--scaffold {text} has {places} atoms, as many as {checkpoint.name} draws: nothing can grow")
    return row


def write(x: Tensor, out: Path | None) -> None:
    """Rows as SMILES, as drawings or as numbers; None: print the SMILES."""
    if out is not None and out.suffix == ".npy":
        write_npy(out, x)
    elif out is not None and out.suffix == ".svg":
        write_atomic(out, sheet(x).encode())
    elif out is None:
        print("\n".join(lines_of(x)))
    else:
        write_atomic(out, ("\n".join(lines_of(x)) + "\n").encode())


def lines_of(x: Tensor) -> list[str]:
    """SMILES; behind one that is no molecule, what is wrong with it."""
    found = faults(x)
    wrong = [", ".join(name for name in found if bool(found[name][k])) for k in range(len(x))]
    return [f"{write_smiles(row)}\t{fault}" if fault else write_smiles(row) for row, fault in zip(x, wrong, strict=True)]


def read_molecules(path: str) -> Tensor:
    """The rows of a file of SMILES, one at the beginning of each line, int64 (n, 45): also of what is no molecule, since the
    wrong ones count. Raises ValueError, with the line, for what no row can hold."""
    rows = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        text = line.split()[0]
        try:
            graph = read_smiles(text)
            if len(graph.elements) > PLACES or not set(graph.elements) <= set(ELEMENTS):
                row_of(text, PLACES)  # says what is too much
            if any(graph.charges) or any(h is not None for h in graph.hydrogens) and not intact(graph):
                row_of(text, PLACES)
        except SmilesError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        rows.append(numbers_of(graph, PLACES))
    if not rows:
        raise ValueError(f"{path} holds no molecules")
    return torch.tensor(rows)
