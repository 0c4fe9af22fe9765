"""List the shipped checkpoints."""

from __future__ import annotations

import argparse

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
        figures = {k: round(v, 4) if isinstance(v, float) else v for k, v in card.get("figures", {}).items()
                   if isinstance(v, (int, float, str))}
        print(f"{name}: {training['parameters']:,} parameters, {training['steps_done']:,} steps in {training['seconds']} s "
              f"on {training['hardware']}\n    {figures}")
    print(f"Recipes: {', '.join(RECIPES)}; and pictures, series, text or molecules, for your own")
