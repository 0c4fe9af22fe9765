"""The record of chapter 11's figures: graphs on their way from noise to molecules, rings asked for, and pieces grown around.

    python benchmarks/molecule_figures.py [--checkpoint qm9-graph] [--quick] [--only PART …]

Resumable, part by part; about a quarter of an hour on two cores.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from timing import Results, arguments

from diffusion_utils import checkpoints
from diffusion_utils.chapters.molecule_figures import CELLS, digits
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.molecules import rings, row_of, valid
from diffusion_utils.molecules.draw import draw_counts, draw_graphs, graph_walk, limits_of, sized
from diffusion_utils.molecules.rows import ABSENT, atom_counts, joined, pairs, places_of, split

DRAWS, FRAMES = 3, 50  # noises of the figure; frames of a walk, about
RINGS, WEIGHTS = (0, 1, 2, 3, 4), (0.0, 1.0, 2.0, 4.0)
PIECES = {"three-ring": "C1CC1", "oxetane": "C1COC1", "pyrrole": "c1cc[nH]c1", "benzene": "c1ccccc1", "amide": "CC(=O)N"}
N, SHOWN = 100, 16  # molecules counted of each kind, and of a piece kept for the figure


def present(rows: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Graphs as the network sees them: nothing stands in the places beyond their number of atoms. (n, L); counts: (n,)."""
    atoms, bonds = split(rows)
    places = torch.arange(atoms.shape[1])
    here = places < counts[:, None]
    i, j = pairs(atoms.shape[1])
    return joined(torch.where(here, atoms, ABSENT), bonds * (here[:, i] & here[:, j]))


def path(checkpoint: Checkpoint, draw: int, times: list[int]) -> dict:
    """A few walks of one noise, at these times."""
    indices = range(draw * CELLS, (draw + 1) * CELLS)
    counts = draw_counts(torch.tensor(checkpoint.card["sizes"]), None, 0, indices)
    told = sized(checkpoint.denoiser, counts, checkpoint.num_classes)
    walk = graph_walk(told, checkpoint.schedule, limits_of(checkpoint.card["config"]), places_of(checkpoint.shape[0]),
                      checkpoint.sampler, indices=indices)
    return {"frames": [digits(present(state.x_t, counts)) for state in walk if state.t in times]}


def asked(checkpoint: Checkpoint, count: int, weight: float, n: int) -> dict:
    """Molecules of which so many rings were asked: the first few, and how many of all are so."""
    cond = torch.full((n,), count)
    x = draw_graphs(checkpoint, n, checkpoint.sampler, cond=cond, weight=weight, seed=5)
    fine = valid(x)
    return {"rows": digits(x[:CELLS]), "n": n, "valid": float(fine.float().mean()),
            "as_asked": float((fine & (rings(x) == count)).float().mean())}


def grown_around(checkpoint: Checkpoint, line: str, n: int) -> dict:
    """What grows around a piece: the first few, and how many of all are molecules."""
    piece = row_of(line, places_of(checkpoint.shape[0]))
    x = draw_graphs(checkpoint, n, checkpoint.sampler, seed=6, scaffold=piece)
    return {"rows": digits(x[:SHOWN]), "atoms": int(atom_counts(piece[None])), "n": n, "valid": float(valid(x).float().mean())}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="qm9-graph", help="a shipped one, or a path (default: qm9-graph)")
    parser.add_argument("--only", nargs="+", help="these parts alone")
    args = parser.parse_args()
    checkpoint, n = checkpoints.load(args.checkpoint, args.device), SHOWN if args.quick else N
    walked = checkpoint.sampler.times(checkpoint.schedule)
    times = walked[::max(1, len(walked) // FRAMES)]
    times += [0] * (times[-1] != 0)
    settings = {"checkpoint": checkpoint.card["sha256"], "sampling": checkpoint.card["config"]["sampling"], "times": times,
                "draws": DRAWS, "rings": RINGS, "weights": WEIGHTS, "pieces": PIECES}
    settings |= {name: list(settings[name]) for name in ("rings", "weights")}  # as JSON gives them back
    results = Results("molecule_figures", checkpoint.device, "graphs on their way from noise to molecules; rings asked for; "
                      "pieces that are kept", n, settings, args.quick, anywhere=True)
    parts: dict[str, Callable[[], dict]] = {
        f"path {draw}": lambda draw=draw: path(checkpoint, draw, times) for draw in range(DRAWS)}
    parts |= {f"rings {count} w {weight:g}": lambda count=count, weight=weight: asked(checkpoint, count, weight, n)
              for count in RINGS for weight in WEIGHTS}
    parts |= {f"piece {line}": lambda line=line: grown_around(checkpoint, line, n) for line in PIECES.values()}
    results.measure(parts, args.only)
    print(f"{results.path}: {results.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
