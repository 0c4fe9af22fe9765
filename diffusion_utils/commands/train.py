"""Train a recipe."""

from __future__ import annotations

import argparse

from ..recipes import get_recipe
from ..recipes.own_series import train_series
from ..recipes.pictures import train_pictures
from .options import option

OWN = ("data", "size", "minutes")  # options of training on what is one's own


def train(args: argparse.Namespace) -> None:
    """Train a recipe from scratch, or go on with an interrupted run."""
    own = {name: value for name in OWN if (value := getattr(args, name)) is not None}
    if args.recipe == "pictures":
        if not args.data:
            raise ValueError("pictures are learnt from a folder of yours: give --data FOLDER")
        train_pictures(**own, folder=args.folder, resume=args.resume, device=args.device)
        return
    if args.recipe == "series":
        if not args.data:
            raise ValueError("series are learnt from a file of yours: give --data FILE.csv")
        if "size" in own:
            raise ValueError("--size belongs to 'train pictures'; a series is as long as its file")
        train_series(**own, folder=args.folder, resume=args.resume, device=args.device)
        return
    if own:
        raise ValueError(f"{', '.join(map(option, own))} belong{'s' * (len(own) == 1)} to 'train pictures' and 'train series'; "
                         f"{args.recipe} is a recipe with settings of its own")
    get_recipe(args.recipe).run(args.folder, resume=args.resume, device=args.device)
