"""What is said of an emoji: a style and its name, or a part of that; and prompts as the numbers that networks take."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import torch
from torch import Tensor

from ..prompts import BEGIN, PAD, numbers_of
from .table import STYLES, TONES, Emoji, emoji_table, words_in

LENGTH = 12  # numbers of a prompt: the beginning, the style, and the ten words of the longest name
RARE = 2  # emoji that a tag must go with to be a word
STYLED = 0.95  # the chance that the style is said
NAMED, SHORTENED = 0.75, 0.87  # below the first the name is said, up to the second a part of it, from there its tags
KEPT, TAGS = 0.7, 3  # the chance of each word of a part of a name; and how many tags are said at most
CHANCES = 3 + LENGTH  # random numbers that a prompt takes


@lru_cache(maxsize=1)
def words() -> dict[str, int]:
    """All words and their numbers: styles, the words of names, and tags that go with two emoji or more."""
    table = [emoji for emoji in emoji_table() if emoji.tone == 0]
    tags = Counter(tag for emoji in table for tag in set(emoji.tags))
    known = {word for emoji in emoji_table() for word in emoji.name} | {tag for tag, n in tags.items() if n >= RARE}
    return {word: number for number, word in enumerate((PAD, BEGIN, *STYLES, *sorted(known - set(STYLES))))}


def full_prompt(emoji: Emoji, style: int) -> list[str]:
    """The words that ask for this emoji in this style: noto red apple."""
    return [STYLES[style], *emoji.name]


def random_prompt(emoji: Emoji, style: int, chance: list[float]) -> list[str]:
    """Words that go with this emoji, as uniform numbers (15,) decide: its name, a part of it, or some of its tags.

    A network that was told the whole name alone would know the emoji by any one word of it, and nothing else.
    """
    said = [STYLES[style]] if chance[0] < STYLED else []
    tags = [tag for tag in emoji_table()[emoji.base].tags if tag in words()]
    if chance[1] < NAMED or (chance[1] >= SHORTENED and not tags):
        return said + list(emoji.name)
    if chance[1] < SHORTENED:
        return said + [word for word, c in zip(emoji.name, chance[3:], strict=False) if c < KEPT]
    order = sorted(range(len(tags)), key=lambda k: chance[3 + k % LENGTH])[:1 + int(chance[2] * TAGS)]
    return said + [tags[k] for k in order] + ([TONES[emoji.tone], "skin", "tone"] if emoji.tone else [])


def draw_prompts(emoji: Tensor, style: Tensor, generator: torch.Generator) -> list[list[str]]:
    """Words for each of N emoji, at random from the generator. Numbers of emoji and of styles: int64 (N,)."""
    chances, table = torch.rand((len(emoji), CHANCES), generator=generator).tolist(), emoji_table()
    return [random_prompt(table[e], s, chance) for e, s, chance in zip(emoji.tolist(), style.tolist(), chances, strict=True)]


def tokens_of(prompts: str | list[str]) -> Tensor:
    """The numbers of prompts, int64 (N, 12): where one begins, the style, other words, and 0 for what is left over.

    The style may stand anywhere, and may be left out; capitals, accents, punctuation and articles do not matter. A prompt may
    be empty. Raises ValueError for an unknown word, with the nearest known one, for two styles, and for more than 11 words.
    """
    return numbers_of_words([_style_first(words_in(text)) for text in ([prompts] if isinstance(prompts, str) else prompts)])


def numbers_of_words(prompts: list[list[str]]) -> Tensor:
    """The numbers of prompts whose words are in their order already, int64 (N, 12)."""
    return numbers_of(prompts, words(), LENGTH)


def _style_first(said: list[str]) -> list[str]:
    styles = sorted({word for word in said if word in STYLES}, key=said.index)
    if len(styles) > 1:
        raise ValueError(f"a prompt names one style, got {' and '.join(styles)}")
    return styles + [word for word in said if word not in STYLES]
