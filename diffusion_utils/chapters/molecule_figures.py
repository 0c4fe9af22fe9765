"""The figures of the chapter on molecules: a record of graphs as sliders, and molecules in a row as a plot."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from diffusion_utils.chapters.plotting import BLUE, GREEN, GREY, ON_A_PHONE, ORANGE, RED
from diffusion_utils.molecules import ABSENT, ELEMENTS, bond_matrix, rings, split, valid
from diffusion_utils.molecules.picture import layout
from diffusion_utils.molecules.rows import too_many
from diffusion_utils.widgets import Axis, MoleculeScrubber

TINTS = (GREY, BLUE, ORANGE, GREEN)  # of the elements
CELLS = 4                            # molecules of a frame


def digits(rows: Tensor) -> list[str]:
    """Rows (n, L) as text, a digit for each number: how a record keeps them."""
    return ["".join(map(str, row)) for row in rows.tolist()]


def rows_of(texts: Sequence[str]) -> Tensor:
    """The rows of such texts, int64 (n, L)."""
    return torch.tensor([[int(digit) for digit in text] for text in texts])


def ring_words(row: Tensor) -> str:
    """How many rings a row (L,) has, in words; or that it is no molecule."""
    if not bool(valid(row[None])):
        return "no molecule"
    count = int(rings(row[None]))
    return "no ring" if count == 0 else f"{count} ring{'s' * (count > 1)}"


def noise_to_molecules(record: dict, **options) -> MoleculeScrubber:
    """Graphs on their way from noise to molecules. record: molecule_figures, made by benchmarks/molecule_figures.py."""
    settings = record["settings"]
    times, draws = settings["times"], settings["draws"]
    paths = [record["parts"][f"path {draw}"]["frames"] for draw in range(draws)]
    rows = torch.stack([torch.stack([rows_of(path[k]) for path in paths]) for k in range(len(times))])  # (t, draw, cell, L)
    counts = [[f"{int(valid(cells).sum())} of {len(cells)}" for cells in frame] for frame in rows]
    about = {"title": "Atoms and bonds form", "name": "fig-atoms-and-bonds-form", "interval_ms": 250,
             "alt": "Four graphs of up to nine atoms on their way from noise to molecules"} | options
    axes = [Axis("t", times, len(times) // 2), Axis("draw", range(1, draws + 1), buttons=True)]
    return MoleculeScrubber.from_rows(rows, axes=axes, fixed=True, readouts={"molecules": counts}, **about)


def rings_asked(record: dict, **options) -> MoleculeScrubber:
    """Molecules of which so many rings were asked, with guidance from none to much."""
    settings = record["settings"]
    asked, weights = settings["rings"], settings["weights"]
    parts = [[record["parts"][f"rings {count} w {weight:g}"] for weight in weights] for count in asked]
    rows = torch.stack([torch.stack([rows_of(part["rows"][:CELLS]) for part in of_count]) for of_count in parts])
    labels = [[[ring_words(row) for row in cells] for cells in of_count] for of_count in rows]
    shares = [[f"{part['as_asked']:.0%} of {part['n']}" for part in of_count] for of_count in parts]
    about = {"title": "Rings, asked for more and more firmly", "name": "fig-rings-asked", "interval_ms": 1500,
             "alt": "Four molecules of which a number of rings was asked"} | options
    axes = [Axis("rings", asked, 2), Axis("w", [f"{weight:g}" for weight in weights], 1)]
    return MoleculeScrubber.from_rows(rows, axes=axes, labels=labels, readouts={"as asked": shares}, **about)


def grown_around(record: dict, **options) -> MoleculeScrubber:
    """What grows around a piece that is kept."""
    pieces = record["settings"]["pieces"]
    parts = [record["parts"][f"piece {line}"] for line in pieces.values()]
    shown = len(parts[0]["rows"]) // CELLS
    rows = torch.stack([rows_of(part["rows"]).view(shown, CELLS, -1) for part in parts])
    kept = [[part["atoms"]] * shown for part in parts]
    shares = [[f"{part['valid']:.0%} of {part['n']}"] * shown for part in parts]
    said = [[f"Heavy bonds: the piece {line}, kept as it is."] * shown for line in pieces.values()]
    about = {"title": "Molecules grown around a piece", "name": "fig-grown-around-a-piece", "interval_ms": 1500,
             "captions": said, "alt": "Four molecules that hold the same piece"} | options
    axes = [Axis("piece", list(pieces), buttons=True), Axis("draw", range(1, shown + 1), buttons=True)]
    return MoleculeScrubber.from_rows(rows, axes=axes, kept=kept, readouts={"molecules": shares}, **about)


def plot_molecules(rows: Tensor, names: Sequence[str], columns: int = 3,
                   size: float = 2.1, like: Tensor | None = None) -> Figure:
    """Rows (n, L) as drawings with a name below each; an atom with too many bonds stands in a ring.

    size: inches of one. like: rows whose atoms stand where these are to stand, by default the same.
    """
    count = -(-len(rows) // columns)
    fig, axes = plt.subplots(count, columns, figsize=(size * columns, (size + 0.3) * count), squeeze=False)
    font = max(11, ON_A_PHONE * size * columns)
    drawn = zip(axes.flat, rows, layout(rows if like is None else like), too_many(rows), names, strict=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, row, places, wrong, name in drawn:
        draw_molecule(ax, row, places, wrong, font)
        ax.set_title(name, y=-0.12, fontsize=font)
    return fig


def draw_molecule(ax: plt.Axes, row: Tensor, places: Tensor, wrong: Tensor, font: float) -> None:
    """Bonds as one to three lines, atoms as letters on a tint of their element."""
    atoms, bonds = split(row)
    here, matrix = (atoms != ABSENT).nonzero().flatten().tolist(), bond_matrix(bonds)
    for i in here:
        for j in (j for j in here if j > i):
            across = (places[j] - places[i]).flip(0) * torch.tensor([-1.0, 1.0])
            across = across / across.norm().clamp(min=1e-6)
            for k in range(int(matrix[i, j])):
                aside = 0.09 * (k - (int(matrix[i, j]) - 1) / 2) * across
                ax.plot(*torch.stack([places[i] + aside, places[j] + aside]).T, color="black", linewidth=1.4, zorder=1)
    for i in here:
        ax.plot(*places[i], "o", markersize=1.35 * font, color="white", zorder=2)
        ax.plot(*places[i], "o", markersize=1.35 * font, color=TINTS[int(atoms[i])], alpha=0.3, zorder=3)
        ax.text(*places[i], ELEMENTS[int(atoms[i])], ha="center", va="center", fontsize=font, zorder=4)
        if bool(wrong[i]):
            ax.plot(*places[i], "o", markersize=1.7 * font, color="none", markeredgecolor=RED, markeredgewidth=2, zorder=5)
    reach = max(1.6, float(places[here].abs().max()) + 0.5) if here else 1.0
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
