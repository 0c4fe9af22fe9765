"""The tables that chapters show: header cells and escaped text in HTML, aligned columns as text."""

import xml.etree.ElementTree as ElementTree

import pytest

from diffusion_utils.chapters.show import table
from diffusion_utils.chapters.table import Table

HEADER = ("solver", "calls", "error")
ROWS = [("DDIM <η = 0>", 20, "0.51"), ("Heun & co", 38, "0.5")]


def test_html_has_header_cells_and_a_caption_and_escapes_its_texts():
    html = Table(ROWS, HEADER, "How far & how much")._repr_html_()
    tree = ElementTree.fromstring(html)
    assert tree.find("caption").text == "How far & how much"
    assert [(cell.get("scope"), cell.text) for cell in tree.findall("thead/tr/th")] == [("col", text) for text in HEADER]
    rows = tree.findall("tbody/tr")
    assert [[cell.text for cell in row] for row in rows] == [[str(cell) for cell in row] for row in ROWS]
    assert [[(cell.tag, cell.get("scope")) for cell in row] for row in rows] == [[("th", "row"), *2 * [("td", None)]]] * 2
    assert "<caption>" not in Table(ROWS, HEADER)._repr_html_()


def test_a_terminal_shows_aligned_text(capsys):
    table(ROWS, HEADER, "Caption")
    assert capsys.readouterr().out.splitlines() == [
        "Caption",
        "solver        calls  error",
        "------------  -----  -----",
        "DDIM <η = 0>     20   0.51",
        "Heun & co        38    0.5",
    ]


@pytest.mark.parametrize(("cells", "right"), [
    (["12", "1.5e-05", "≈ 3", "−2", "40 %", "1,797", "2.1 ms", "8 ×"], True),
    (["12", "", "∞", "26.9 ± 1.6"], True),
    (["12", "twice"], False),
    (["1.5 of 3"], False),
])
def test_only_columns_of_numbers_stand_to_the_right(cells, right):
    assert Table([("a", cell) for cell in cells], ("", "x")).right == [False, right]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"as many cells as the header, 3; \['a', '1'\] has 2"):
        Table([("a", 1)], HEADER)
