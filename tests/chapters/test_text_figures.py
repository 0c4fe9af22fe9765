"""The figures of the chapter on text: each text in its place, what is kept the same in every row, and what dissolves."""

from __future__ import annotations

import pytest

from diffusion_utils.chapters.text_figures import dissolving, keep_words, masks_to_words, spans_of

WORDS = ["all", "is", "well"]
SETTINGS = {"orders": ["random", "confidence", "remasking"], "times": [1000, 500, 0], "draws": 2, "words": WORDS,
            "start": 0b101}


def line(kept: int, order: str, draw: int) -> str:
    """The words that are kept, and of the others the letter of the order and the draw."""
    letter = order[draw]
    return " ".join(word if kept >> i & 1 else letter * len(word) for i, word in enumerate(WORDS))


@pytest.fixture
def record() -> dict:
    """As benchmarks/text_figures.py makes it, its parts in no particular order."""
    parts = {f"path {order}": {"texts": [["____", f"{order[draw]}___", f"{order[draw]}abc"] for draw in range(2)]}
             for order in SETTINGS["orders"]}
    for first in (4, 0):
        for order in SETTINGS["orders"][:2]:
            parts[f"keep {order} {first}"] = {
                "first": first, "texts": [[line(kept, order, draw) for draw in range(2)] for kept in range(first, first + 4)]}
    return {"settings": SETTINGS, "parts": parts}


def test_masks_become_words_in_the_order_and_the_text_that_are_chosen(record):
    widget = masks_to_words(record)
    assert [axis["name"] for axis in widget.axes] == ["t", "order", "text"] and widget.frame == 6
    assert widget.axes[2] == {"name": "text", "values": ["1", "2"], "buttons": True}
    widget.index, widget.index2, widget.index3 = 1, 2, 1
    assert widget.texts[widget.frame] == "e___" and widget.marks[widget.frame] == [[0, 1]]
    assert dict(widget.readouts)["known"][widget.frame] == "1 of 4"
    widget.index = 2
    assert widget.texts[widget.frame] == "eabc" and widget.marks[widget.frame] == [[1, 4]]
    assert widget.settings["mask"] == "_" and widget.name == "fig-masks-to-words"


def test_words_that_are_kept_are_marked_where_they_stand_in_every_row(record):
    widget = keep_words(record)
    assert widget.index2 == 0b101 and widget.axes[1]["words"] == WORDS
    for order in range(2):
        for kept in range(8):
            widget.index, widget.index2 = order, kept
            rows = slice(2 * widget.frame, 2 * widget.frame + 2)
            assert widget.texts[rows] == [line(kept, SETTINGS["orders"][order], draw) for draw in range(2)]
            marked = [[text[start:stop] for start, stop in spans] for text, spans in
                      zip(widget.texts[rows], widget.marks[rows], strict=True)]
            assert marked == [[word for i, word in enumerate(WORDS) if kept >> i & 1]] * 2
    counts = dict(widget.readouts)["as it was written"]
    assert counts[7] == counts[15] == "2 of 2" and counts[0] == "0 of 2"


def test_a_line_that_ends_too_soon_stays_one_line_and_what_stands_for_the_end_is_said(record):
    assert keep_words(record).captions == []
    record["parts"]["keep confidence 4"]["texts"][1][0] = "all\nit swell"
    widget = keep_words(record)
    assert widget.texts[2 * (8 + 5)] == "all/it swell" and set(widget.captions) == {"/ stands for the end of a line."}


def test_what_a_chapter_says_of_a_figure_is_what_is_said(record):
    assert masks_to_words(record, title="Verse", alt="A verse").title == "Verse"
    assert keep_words(record, name="fig-verse").name == dissolving("so", name="fig-verse").name == "fig-verse"


def test_spans_are_where_the_words_stand():
    assert ["all is well"[start:stop] for start, stop in spans_of(WORDS)] == WORDS


def test_a_letter_is_forgotten_at_the_same_time_in_all_three_limits_and_never_comes_back_from_a_mask():
    word = "honorificabilitudinitatibus"
    widget = dissolving(word, T=100, seed=1)
    rows = list(zip(*[iter(widget.texts)] * 3, strict=True))
    assert widget.settings["panels"] == ["absorbing", "uniform", "marginal"] and len(rows) == 21
    assert rows[0] == (word, word, word) and set(rows[-1][0]) == {"_"}
    for masked, uniform, marginal in rows:
        for k, letter in enumerate(masked):
            assert letter in ("_", word[k])
            if letter != "_":
                assert uniform[k] == marginal[k] == word[k]
    assert all("_" not in text for row in rows for text in row[1:])
    hidden = [row[0].count("_") for row in rows]
    assert hidden == sorted(hidden) and len(set(hidden)) > 5
    assert sum(letter in "eta" for letter in rows[-1][2]) > sum(letter in "eta" for letter in rows[-1][1])
    assert dissolving(word, T=100, seed=2).texts != widget.texts
