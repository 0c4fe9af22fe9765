"""Scenes in plain words: "a thin small red 3 left of a large blue seven"; and words as the numbers that networks take."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..prompts import BEGIN, PAD, numbers_of
from .facts import COLOUR, COLOURS, COUNT, DIGIT, FACTS, FIRST, RELATION, RELATIONS, SECOND, SIZE, SIZES, STROKE, STROKES

NUMERALS = tuple("0123456789")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TURNED = ("right of", "below")  # the relations of the second digit to the first
WORDS = (PAD, BEGIN, "a", "an", *NUMERALS, *NAMES, *COLOURS, *SIZES, *STROKES, "left", "right", "of", "above", "below")
NUMBER = {word: number for number, word in enumerate(WORDS)}
LENGTH = 14  # numbers of a prompt: the beginning, and at most 13 words
CHANCES = 11  # random numbers that a caption takes
TURNED_ROUND = 0.25  # the chance that the second digit is named first
SAID = 0.7  # the chance that a colour, size or stroke is said


def caption(facts: np.ndarray, chance: np.ndarray, said: float = SAID) -> str:
    """One of the ways to say what the scene holds. facts: int64 (10,); chance: uniform numbers (11,) that decide which.

    The digits are always said, as a numeral or in letters; size, stroke and colour each with probability `said`; of two
    digits the left or upper one comes first more often. Were both orders as likely, neither the order of the digits nor the
    word between them would tell anything alone, and both would have to be learnt at once.
    """
    places, relations = [FIRST, SECOND][:facts[COUNT]], RELATIONS
    if facts[COUNT] == 2 and chance[0] < TURNED_ROUND:
        places, relations = places[::-1], TURNED
    told = [thing(facts[place], chance[1 + 5 * k:6 + 5 * k], said) for k, place in enumerate(places)]
    return f" {relations[facts[RELATION]]} ".join(told)


def thing(facts: np.ndarray, chance: np.ndarray, said: float) -> str:
    """One digit with an article. facts: int64 (4,); chance: uniform numbers (5,)."""
    words = [kinds[facts[k]] for k, kinds in ((STROKE, STROKES), (SIZE, SIZES), (COLOUR, COLOURS)) if chance[k] < said]
    words.append((NUMERALS if chance[4] < 0.5 else NAMES)[facts[DIGIT]])
    return " ".join(["an" if words[0] in ("8", "eight") else "a", *words])


def facts_of(text: str) -> np.ndarray | None:
    """What a caption asks for, int64 (10,), −1 where it says nothing; None where it is no caption of a scene.

    It may be told either way round, with or without articles, and its words may stand in any order before the digit.
    """
    words = [word for word in said_in(text) if word not in ("a", "an", "of")]
    cuts = [k for k, word in enumerate(words) if word in ("left", "right", "above", "below")]
    things = [words] if not cuts else [words[:cuts[0]], words[cuts[0] + 1:]]
    read = [_facts_of_thing(part) for part in things]
    if len(cuts) > 1 or any(one is None for one in read):
        return None
    facts = np.full(len(FACTS), -1)
    facts[COUNT] = len(read)
    if cuts:
        word = words[cuts[0]]
        facts[RELATION] = 0 if word in ("left", "right") else 1
        read = read[::-1] if word in ("right", "below") else read
    for place, one in zip((FIRST, SECOND), read, strict=False):
        facts[place] = one
    return facts


def _facts_of_thing(words: list[str]) -> np.ndarray | None:
    facts = np.full(4, -1)
    for word in words:
        for k, kinds in ((DIGIT, NUMERALS), (DIGIT, NAMES), (COLOUR, COLOURS), (SIZE, SIZES), (STROKE, STROKES)):
            if word in kinds:
                if facts[k] != -1:
                    return None  # two colours, say
                facts[k] = kinds.index(word)
    return facts if facts[DIGIT] != -1 and set(words) <= set(WORDS) else None


def tokens_of(texts: str | list[str]) -> Tensor:
    """The numbers of prompts, int64 (N, 14): where one begins, its words, and 0 for what is left over.

    Capitals, commas and full stops do not matter. A prompt may be empty. Raises ValueError for a word that is not known, with
    the nearest that is, and for more than 13 words.
    """
    return numbers_of([said_in(text) for text in ([texts] if isinstance(texts, str) else texts)], NUMBER, LENGTH)


def said_in(text: str) -> list[str]:
    """The words of a text, in small letters and without commas and full stops."""
    return text.lower().replace(",", " ").replace(".", " ").split()


def words_of(tokens: Tensor) -> list[str]:
    """The words of one prompt, int64 (14,), without its beginning."""
    return [WORDS[number] for number in tokens.tolist() if number > NUMBER[BEGIN]]


def draw_captions(facts: Tensor, generator: torch.Generator, said: float = SAID) -> list[str]:
    """A caption for each of N scenes, at random from the generator. facts: int64 (N, 10)."""
    chances = torch.rand((len(facts), CHANCES), generator=generator).numpy()
    return [caption(row, chance, said) for row, chance in zip(facts.cpu().numpy(), chances, strict=True)]
