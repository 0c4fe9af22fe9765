"""Which emoji no network ever sees: some in one style, some with one skin tone. There the true picture exists."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from .table import STYLES, TONES, emoji_table

KINDS = ("seen", "styles", "tones")  # what networks are shown; and the combinations that they never are
LOST_STYLE = 0.3  # of emoji lose one of their three styles, a tenth of all (emoji, style) pairs


@lru_cache(maxsize=1)
def held_out() -> tuple[dict[int, int], dict[int, int]]:
    """Number of an emoji → the style in which it is never shown; and of a person → the skin tone with which it never is.

    Both are of emoji without a tone; an emoji that is not in the first is shown in all styles. A style is missing with all
    tones, a tone in all styles, so that each combination is really new. The order of the hashes of their codes decides, not
    that of the list: nothing depends on what else is in it, and neighbours are not alike.
    """
    table = emoji_table()
    plain = _shuffled([i for i, emoji in enumerate(table) if emoji.tone == 0])
    styles = {i: k % len(STYLES) for k, i in enumerate(plain[:round(LOST_STYLE * len(plain))])}
    people = _shuffled({emoji.base for emoji in table if emoji.tone})
    return styles, {i: 1 + k % (len(TONES) - 1) for k, i in enumerate(people)}


def _shuffled(numbers) -> list[int]:
    table = emoji_table()
    return sorted(numbers, key=lambda i: hashlib.sha256(table[i].code.encode()).hexdigest())


def kind_of(emoji: int, style: int) -> str:
    """The kind of one picture: with a style that is held out, else with a tone that is, or seen."""
    styles, tones = held_out()
    one = emoji_table()[emoji]
    if styles.get(one.base) == style:
        return "styles"
    return "tones" if one.tone and tones[one.base] == one.tone else "seen"
