"""The emoji by number: their names, the words that go with them, and who is whose variant. From emoji.csv, beside this file."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
STYLES = ("noto", "twemoji", "openmoji")
TONES = ("", "light", "medium-light", "medium", "medium-dark", "dark")  # of skin; 0 is none, the yellow of all others
ARTICLES = ("a", "an", "the")


class Emoji(NamedTuple):
    """code: its characters in hexadecimal, as Unicode has them; name: its words; tags: words that go with it; tone: number of
    its skin tone in `TONES`; base: number of the emoji that it is a variant of, its own where it is none."""

    code: str
    name: tuple[str, ...]
    tags: tuple[str, ...]
    tone: int
    base: int


@lru_cache(maxsize=1)
def emoji_table() -> tuple[Emoji, ...]:
    """All emoji in their order, which is that of their pictures."""
    with (HERE / "emoji.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    number = {row["hexcode"]: i for i, row in enumerate(rows)}
    return tuple(Emoji(row["hexcode"], tuple(words_in(row["name"])), tuple(words_in(row["tags"])), int(row["tone"]),
                       number[row["base"] or row["hexcode"]]) for row in rows)


def words_in(text: str) -> list[str]:
    """The words of a name or a prompt: small letters without accents, no punctuation, no articles.

    "Côte d’Ivoire" is cote divoire; a hyphen within a word stays.
    """
    plain = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’")
    return [word for word in re.findall(r"[a-z0-9#*]+(?:-[a-z0-9]+)*", plain) if word not in ARTICLES]
