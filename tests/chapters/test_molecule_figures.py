"""The figures of the chapter on molecules: each graph in its place, with its words and its figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
import torch

from diffusion_utils.chapters.molecule_figures import (
    digits,
    grown_around,
    noise_to_molecules,
    plot_molecules,
    ring_words,
    rings_asked,
    rows_of,
)
from diffusion_utils.molecules import row_of
from diffusion_utils.molecules.smiles import numbers_of, read_smiles


def texts(*lines: str) -> list[str]:
    return digits(torch.tensor([numbers_of(read_smiles(line), 4) for line in lines]))


@pytest.fixture
def record() -> dict:
    """As benchmarks/molecule_figures.py makes it."""
    parts = {f"path {draw}": {"frames": [texts("C.C", "C.N", "C=F", "CC"), texts("C" * (draw + 1), "CN", "CF", "CC")]}
             for draw in range(2)}
    for count in (0, 1, 2):
        for w in ("0", "2"):
            parts[f"rings {count} w {w}"] = {"rows": texts("C1CC1", "CCC", "C.C", "C1C2CC12"), "n": 10, "valid": 0.9,
                                             "as_asked": 0.1 * count}
    for line, n in (("C1CC1", 3), ("CO", 2)):
        parts[f"piece {line}"] = {"rows": texts(*["CC1CC1", "COC"] * 4), "atoms": n, "n": 40, "valid": 0.5}
    settings = {"times": [500, 0], "draws": 2, "rings": [0, 1, 2], "weights": [0.0, 2.0],
                "pieces": {"three-ring": "C1CC1", "alcohol": "CO"}}
    return {"settings": settings, "parts": parts}


def test_noise_becomes_molecules_and_says_how_many(record):
    widget = noise_to_molecules(record)
    assert [axis["name"] for axis in widget.axes] == ["t", "draw"] and widget.name == "fig-atoms-and-bonds-form"
    widget.index, widget.index2 = 0, 1
    assert dict(widget.readouts)["molecules"][widget.frame] == "1 of 4"
    assert widget.labels[widget.frame] == ["2 pieces", "2 pieces", "1 overfull", "a molecule"]
    widget.index = 1
    assert widget.rows[widget.frame] == "".join(texts("CC", "CN", "CF", "CC"))


def test_rings_are_said_of_each_and_counted_of_all(record):
    widget = rings_asked(record)
    assert [axis["values"] for axis in widget.axes] == [["0", "1", "2"], ["0", "2"]]
    widget.index, widget.index2 = 2, 1
    assert widget.labels[widget.frame] == ["1 ring", "no ring", "no molecule", "2 rings"]
    assert dict(widget.readouts)["as asked"][widget.frame] == "20% of 10"


def test_a_piece_is_drawn_heavily_as_far_as_it_goes(record):
    widget = grown_around(record)
    assert widget.axes[0]["values"] == ["three-ring", "alcohol"] and len(widget.axes[1]["values"]) == 2
    assert widget.captions[2] == "Heavy bonds: the piece CO, kept as it is."
    assert widget.kept == [3, 3, 2, 2] and dict(widget.readouts)["molecules"] == ["50% of 40"] * 4


def test_rows_come_back_from_their_digits():
    rows = torch.stack([row_of("CC(=O)C1CCCO1", 9), row_of("C#N", 9)])
    assert torch.equal(rows_of(digits(rows)), rows)


def test_a_plot_has_a_letter_for_each_atom_and_a_ring_around_a_wrong_one():
    rows = rows_of(texts("C#N", "CF=C"))
    fig = plot_molecules(rows, ["first", "second"], columns=2)
    first, second = fig.axes
    assert [text.get_text() for text in first.texts] == ["C", "N"] and first.get_title() == "first"
    assert len([line for line in first.lines if line.get_linestyle() == "-"]) == 3

    def rings_in(ax) -> int:
        return sum(line.get_markeredgecolor() == "#D55E00" for line in ax.lines)

    assert (rings_in(first), rings_in(second)) == (0, 1)
    same = plot_molecules(rows, ["", ""], columns=2, like=rows[[1, 1]])
    a, b = ([text.get_position() for text in ax.texts] for ax in same.axes)
    assert a == b[:2]
    plt.close("all")


def test_rings_in_words():
    assert [ring_words(row) for row in rows_of(texts("CCC", "C1CC1", "C1C2CC12", "C.C"))] == [
        "no ring", "1 ring", "2 rings", "no molecule"]
