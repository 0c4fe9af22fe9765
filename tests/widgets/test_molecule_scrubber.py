"""MoleculeScrubber on the Python side: what it takes, what it sends, and the drawing that stands where nothing moves."""

import re

import pytest
import torch
from shown_molecules import molecules, rows

from diffusion_utils.widgets import Axis
from diffusion_utils.widgets.molecule_still import ATOM, CELL


def still(widget, *position) -> str:
    for name, place in zip(("index", "index2"), position, strict=False):
        setattr(widget, name, place)
    return widget.still_form()[0]["text/html"]


def letters(html: str) -> list[str]:
    return re.findall(r'class="fs-element"[^>]*>(\w)<', html)


def test_each_frame_shows_its_graphs_and_says_what_is_wrong():
    widget = molecules()
    html = still(widget, 1, 0)
    assert letters(html) == ["C", "C", "O", "C", "F", "C"] and html.count("fs-bond") == 2 + 3
    assert widget.labels[widget.frame] == ["2 pieces", "1 overfull"] and html.count("fs-wrong") == 1
    assert 'aria-label="Two graphs. 2 pieces, 1 overfull"' in html
    assert still(widget, 0, 0).count("fs-wrong") == 2  # the middle carbon of C#C#O, and its oxygen
    assert widget.labels[widget.frame] == ["2 overfull", "3 pieces"]
    html = still(widget, 2, 0)
    assert widget.labels[widget.frame] == ["a molecule"] * 2 and "fs-wrong" not in html and html.count("fs-bond") == 3 + 3
    assert widget.still_form()[0]["text/plain"] == "Two graphs\na molecule\na molecule"


def circles(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<circle class="fs-atom[^>]*cx="(\d+)" cy="(\d+)"', html)


def test_atoms_stay_where_they_end_or_each_graph_has_its_own_places():
    widget = molecules()
    places = circles(still(widget, 2, 0))
    assert circles(still(widget, 0, 0)) == circles(still(widget, 1, 0)) == places
    assert circles(still(widget, 2, 1)) != places[:4]
    assert len(widget.layouts) == 4  # one for each molecule that a graph ends as
    own = molecules(fixed=False)
    assert circles(still(own, 1, 0)) != circles(still(own, 2, 0))


def test_a_drawing_stays_in_its_cell_and_bonds_end_at_their_atoms():
    widget = molecules()
    for layout in widget.layouts:
        assert all(20 <= value <= CELL - 20 for value in layout)
    html = still(widget, 2, 1)  # C#N: two atoms, three lines side by side
    (x, y), (u, v) = [tuple(map(int, place)) for place in circles(html)[:2]]
    ends = [tuple(map(float, d)) for d in re.findall(r'class="fs-bond" d="M([\d.]+) ([\d.]+) L([\d.]+) ([\d.]+)"', html)][:3]
    middle = ends[1]
    assert ((middle[0] - x) ** 2 + (middle[1] - y) ** 2) ** 0.5 == pytest.approx(ATOM, abs=0.2)
    assert ((middle[2] - u) ** 2 + (middle[3] - v) ** 2) ** 0.5 == pytest.approx(ATOM, abs=0.2)
    assert len({round(a + c) for a, _, c, _ in ends} | {round(b + d) for _, b, _, d in ends}) > 2  # side by side


def test_what_is_kept_has_heavy_bonds():
    html = still(molecules(kept=[[0, 0], [0, 0], [3, 0]]), 2, 0)
    assert html.count("fs-bond-kept") == 6  # C–C and C=O of the first, the ring of the second
    assert "fs-bond-kept" not in still(molecules(), 2, 0)


def test_words_of_ones_own_stand_below():
    labels = [[[f"{t}{draw}{cell}" for cell in "ab"] for draw in range(2)] for t in range(3)]
    assert ">21b</text>" in still(molecules(labels=labels), 2, 1)


def test_it_is_light():
    """Fifty times and three draws of four molecules of nine atoms: under a tenth of a megabyte, its code left out."""
    many = torch.cat([torch.randint(0, 4, (50, 3, 4, 9)), torch.randint(0, 4, (50, 3, 4, 36))], -1)
    widget = molecules(rows=many, axes=[Axis("t", range(50)), Axis("draw", range(3))], readouts=None)
    assert widget.state_bytes() - len(widget._esm) - len(widget._css) < 100_000


@pytest.mark.parametrize(("options", "message"), [
    ({"rows": rows()[:2]}, r"rows: must be \(3, 2, cells, L\); given \(2, 2, 2, 10\)"),
    ({"rows": rows() + 3}, "rows: atoms are 0…4 and bonds 0…3"),
    ({"rows": rows()[..., :9]}, "a row of a molecule has"),
    ({"labels": [["a"] * 2] * 3}, "labels: must be a text for each graph, nested as 3 x 2 x 2"),
    ({"title": ""}, "title: must not be empty")])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        molecules(**options)


def test_without_graphs_there_is_nothing_to_show():
    with pytest.raises(ValueError, match=r"make one with MoleculeScrubber\.from_rows"):
        type(molecules())().still_form()
