"""List the shipped checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from .. import checkpoints
from ..console import print_json
from ..recipes import RECIPES


def info(args: argparse.Namespace) -> None:
    """List the shipped checkpoints, or print one card."""
    if args.checkpoint:
        print_json(checkpoints.read_card(args.checkpoint))
        return
    for name in checkpoints.available():
        card = checkpoints.read_card(name)
        training = card["training"]
        print(f"{name}: {training['parameters']:,} parameters, {training['steps_done']:,} steps in {training['seconds']} s "
              f"on {training['hardware']}", *lines(card.get("figures", {})), sep="\n    ")
    print(f"Recipes: {', '.join(RECIPES)}; and pictures, series, text or molecules, for your own")


def lines(figures: dict) -> Iterator[str]:
    """The single figures in one line, and each group of figures in a line of its own."""
    yield str(single(figures))
    for name, group in figures.items():
        if isinstance(group, dict) and single(group):
            yield f"{name}: {single(group)}"


def single(figures: dict) -> dict:
    """What is one number or one word, rounded."""
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items() if isinstance(v, (int, float, str))}
