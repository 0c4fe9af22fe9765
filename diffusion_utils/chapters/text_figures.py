"""The figures of the chapter on text: a record of texts, and a word that dissolves, as sliders over real text."""

from __future__ import annotations

from collections import Counter
from string import ascii_lowercase

import torch

from diffusion_utils.data.text import Alphabet, shakespeare
from diffusion_utils.discrete import LIMITS, Limit, absorbing, marginal, renoise, uniform
from diffusion_utils.schedules import Schedule, straight
from diffusion_utils.widgets import Axis, TextScrubber
from diffusion_utils.widgets.figure import BLANK as MASK

LETTERS = Alphabet(ascii_lowercase)
PLACES = 20  # of the slider over t, beside t = 0
BREAK = "/"  # stands for the end of a line where each text has one line, as in quoted verse


def masks_to_words(record: dict, **options) -> TextScrubber:
    """Texts on their way from masks to words, in several orders. record: text_figures, made by benchmarks/text_figures.py."""
    settings = record["settings"]
    orders, times, draws = settings["orders"], settings["times"], settings["draws"]
    paths = [record["parts"][f"path {order}"]["texts"] for order in orders]
    texts = [[[path[draw][k] for draw in range(draws)] for path in paths] for k in range(len(times))]
    length = len(texts[0][0][0])
    known = [[[f"{length - text.count(MASK)} of {length}" for text in row] for row in frame] for frame in texts]
    about = {"title": "Masks turn into words", "alt": "A text of which some letters are hidden by masks",
             "name": "fig-masks-to-words", "interval_ms": 250} | options
    axes = [Axis("t", times, len(times) // 2), Axis("order", orders), Axis("text", range(1, draws + 1), buttons=True)]
    return TextScrubber.from_texts(texts, axes=axes, marks="changes", mark_name="new in this frame", mask=MASK, language="en",
                                   readouts={"known": known}, **about)


def keep_words(record: dict, **options) -> TextScrubber:
    """A line of which any words are kept, and the others written anew, several times."""
    settings = record["settings"]
    words, orders, draws = settings["words"], settings["orders"][:2], settings["draws"]
    patterns = range(2 ** len(words))
    texts = [[[text.replace("\n", BREAK) for text in row] for part in keep_parts(record, order) for row in part["texts"]]
             for order in orders]
    line, spans = " ".join(words), spans_of(words)
    kept = [[spans[i] for i in range(len(words)) if k >> i & 1] for k in patterns]
    as_written = [[f"{row.count(line)} of {draws}" for row in of_order] for of_order in texts]
    broken = any(BREAK in text for of_order in texts for row in of_order for text in row)
    captions = [[f"{BREAK} stands for the end of a line."] * len(patterns)] * len(orders) if broken else None
    about = {"title": "Keep words of a line", "alt": "Lines of Shakespeare with some of their words written by a network",
             "name": "fig-keep-words", "interval_ms": 1500, "captions": captions} | options
    axes = [Axis("order", orders), Axis.of_words("keep", words, settings["start"])]
    return TextScrubber.from_texts(texts, axes=axes, panels=[str(k + 1) for k in range(draws)], language="en",
                                   marks=[[[pairs] * draws for pairs in kept]] * len(orders), mark_name="kept",
                                   readouts={"as it was written": as_written}, **about)


def keep_parts(record: dict, order: str) -> list[dict]:
    """The parts of a record that hold what was written in this order, by their patterns."""
    parts = [part for name, part in record["parts"].items() if name.startswith(f"keep {order} ")]
    return sorted(parts, key=lambda part: part["first"])


def spans_of(words: list[str]) -> list[tuple[int, int]]:
    """Where each word of a line begins and ends."""
    ends = [len(" ".join(words[:k + 1])) for k in range(len(words))]
    return [(end - len(word), end) for word, end in zip(words, ends, strict=True)]


def dissolving(word: str, T: int = 1000, seed: int = 0, **options) -> TextScrubber:
    """A word of small letters that is forgotten letter by letter, under three limits.

    A letter is forgotten at the same t in all three: they differ in what takes its place.
    """
    schedule, x0 = straight(T), LETTERS.encode(word)[None]
    counts = Counter(shakespeare("train").lower())
    limits = [absorbing(len(LETTERS)), uniform(len(LETTERS)), marginal([counts[letter] for letter in LETTERS.letters])]
    times = [round(k * T / PLACES) for k in range(PLACES + 1)]
    ways = [dissolved(limit, schedule, x0, times, seed) for limit in limits]
    about = {"title": "One word dissolves under three limits", "alt": f"The word {word}, letter by letter forgotten",
             "name": "fig-dissolving", "interval_ms": 300} | options
    return TextScrubber.from_texts(
        [list(texts) for texts in zip(*ways, strict=True)], axes=[Axis("t", times, PLACES // 4)], panels=list(LIMITS),
        marks="changes", mark_name="new in this frame", mask=MASK, language="en",
        readouts={"ᾱ_t": [f"{float(schedule.alpha_bar[t]):.2f}" for t in times]}, **about)


def dissolved(limit: Limit, schedule: Schedule, x: torch.Tensor,
              times: list[int], seed: int) -> list[str]:
    """The word at each of the times, each from the one before."""
    rng, seen = torch.Generator().manual_seed(seed), [x]
    for s, t in zip(times, times[1:], strict=False):
        u = torch.rand(x.shape, generator=rng, dtype=torch.float64)
        seen.append(renoise(limit, schedule, seen[-1], s, t, u))
    letters = LETTERS.letters + MASK
    return ["".join(letters[k] for k in row[0].tolist()) for row in seen]
