"""A model of your own text: look at the file, train, and measure it beside what counts of letters can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from .. import checkpoints
from ..data.text import TextWindows, alphabet_of, read_text
from ..metrics.text import JUDGE, judge_of
from ..training.run_folder import check_free
from .discrete import DiscreteRecipe
from .shakespeare import SHAKESPEARE, network_for

FEW = 100_000  # characters below which a network learns its text by heart


def text_recipe(file: str | Path, minutes: float = 60.0) -> DiscreteRecipe:
    """The recipe of a text file, trained for so many minutes, as shakespeare is in all else. Raises what `read_text` does, and
    ValueError for minutes that are not positive."""
    path = str(Path(file).resolve())
    letters = alphabet_of(read_text(path))
    return replace(
        SHAKESPEARE,
        name="text-" + re.sub(r'[\s<>:"/\\|?*.]+', "-", Path(path).stem).strip("-"),
        data={"name": "text", "file": path},
        metric={"name": "text", "file": path},
        network=network_for(len(letters)),
        alphabet=letters.letters,
        limit={"name": "absorbing", "classes": len(letters)},
        train=replace(SHAKESPEARE.train, steps=10_000_000, minutes=minutes, ema=0.99 if minutes < 5 else SHAKESPEARE.train.ema),
    )


def train_text(data: str | Path, *, minutes: float = 60.0, folder: str | Path = "runs", resume: bool = False,
               device: str | None = None, log: Callable[[str], None] = tqdm.write) -> Path | None:
    """Train on a text file in UTF-8, or go on; writes the checkpoint into folder/name, and says how well it guesses.

    Returns the checkpoint's card, None in all processes but the first. Raises what `text_recipe` and `Recipe.run` do.
    """
    recipe = text_recipe(data, minutes)
    train, test = recipe.load("train"), recipe.load("test")
    for line in told(train, test):
        log(line)
    check_free(Path(folder) / recipe.name, resume)
    card = recipe.run(folder, resume=resume, device=device, data=train, log=log)
    if card is not None:
        for line in measured(checkpoints.read_card(card)["figures"], train, test):
            log(line)
        log(f"Now: python -m diffusion_utils sample --checkpoint {card.parent / recipe.name} --n 3")
    return card


def told(train: TextWindows, test: TextWindows) -> list[str]:
    """What was found in the file."""
    n = len(train.tokens) + len(test.tokens)
    lines = [f"{n:,} characters, {len(train.alphabet)} different ones; the last tenth, {len(test.tokens):,}, is held out"]
    if n < FEW:
        lines.append(f"  that is little, and a network may learn it by heart: {FEW:,} or more are better")
    return lines


def measured(figures: dict, train: TextWindows, test: TextWindows) -> list[str]:
    """How well it guesses held-out letters, in words."""
    judge = judge_of(train.source, train.length)
    rows = test.tokens[: len(test) * test.length].view(-1, test.length).numpy()
    return [f"Held-out text costs at most {figures['bits_per_letter']:.2f} bits a letter (less is better); counts of {JUDGE} "
            f"letters in a row need {judge.bits(rows).mean():.2f}"]

