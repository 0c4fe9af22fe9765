"""The words of a figure's interface, one table a language in words.json, for the page, the still figure and the messages.

What a figure is about (its title, its sliders' names, its captions) is not among them: the chapter says that.
"""

from __future__ import annotations

import json
import pathlib

WORDS: dict[str, dict[str, str]] = json.loads((pathlib.Path(__file__).parent / "words.json").read_text(encoding="utf-8"))


def words(language: str | None) -> dict[str, str]:
    """The table of a language such as "en" or "en-GB"; the English one where there is none. A {} is a place for a value."""
    return WORDS.get((language or "").split("-")[0], WORDS["en"])
