"""The words of a figure's interface: one table a language, and no word anywhere else."""

import re
from pathlib import Path

import pytest

from diffusion_utils.widgets.words import WORDS, words

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "diffusion_utils" / "widgets"
FRONT_END = [*sorted(WIDGETS.glob("*.js")), ROOT / "book" / "_static" / "widget-host.js"]
PYTHON = [WIDGETS / "still.py", *sorted((ROOT / "book" / "_ext" / "widgets").glob("*.py"))]

COMMENT = re.compile(r"(?<!:)//.*")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`')
# What a reader may see: words with a capital at the beginning, or two words in a row. (A CSS selector has marks between.)
PROSE = re.compile(r"^[A-Z][a-z]+(?![\w:])|(?<![\w.#:\-])[a-z]{2,} [a-z]{2,}(?![\w\-])")
NAMES = {"Canvas", "Escape", "Arrow"}  # of a system colour and of keys


def spoken(text: str) -> list[str]:
    """The texts of a script that may be words for a reader."""
    literals = ["".join(pair) for pair in LITERAL.findall(COMMENT.sub("", text))]
    return [literal for literal in literals if PROSE.search(re.sub(r"\$\{[^}]*\}", "", literal)) and literal not in NAMES]


@pytest.mark.parametrize("file", FRONT_END, ids=lambda file: file.name)
def test_no_word_stands_in_the_front_end(file):
    assert spoken(file.read_text(encoding="utf-8")) == []


def test_the_words_of_a_script_are_found():
    text = 'makeTool("Download", go); el.textContent = `Speed ${x}×`; new Error("its data is gone"); // "A comment"'
    assert spoken(text) == ["Download", "Speed ${x}×", "its data is gone"]
    assert spoken('html("p", { class: "fs-line fs-now" }); key === "PageDown"; query("pre, code [translate=no]")') == []


@pytest.mark.parametrize("file", [*FRONT_END, *PYTHON], ids=lambda file: file.name)
def test_no_entry_of_the_table_is_written_a_second_time(file):
    text = file.read_text(encoding="utf-8")
    parts = [part.strip() for entry in WORDS["en"].values() for part in entry.split("{}") if len(part.strip()) > 4]
    assert [part for part in parts if re.search(rf'["`>\']{re.escape(part)}(?![\w`])', text)] == []


def test_each_language_has_the_same_entries_with_the_same_places_for_values():
    for language, table in WORDS.items():
        assert table.keys() == WORDS["en"].keys(), language
        for name, entry in table.items():
            assert entry.count("{}") == WORDS["en"][name].count("{}"), (language, name)


def test_a_language_is_found_with_its_region_and_an_unknown_one_is_english():
    assert words("en-GB") is words("xx") is words(None) is words("") is WORDS["en"]


def test_every_entry_is_used():
    texts = "".join(file.read_text(encoding="utf-8") for file in [*FRONT_END, *PYTHON])
    assert [name for name in WORDS["en"] if not re.search(rf"\b{name}\b", texts)] == []
