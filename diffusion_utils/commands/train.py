"""Train a recipe."""

from __future__ import annotations

import argparse

from ..recipes import get_recipe
from ..recipes.own_molecules import train_molecules
from ..recipes.own_series import train_series
from ..recipes.own_text import train_text
from ..recipes.pictures import train_pictures
from .options import option

OPTIONS = ("data", "size", "minutes")  # of training on what is one's own
# What is one's own → how it is trained, and what --data must name
OWN = {"pictures": (train_pictures, "pictures are learnt from a folder of yours: give --data FOLDER"),
       "series": (train_series, "series are learnt from a file of yours: give --data FILE.csv"),
       "text": (train_text, "text is learnt from a file of yours: give --data FILE.txt"),
       "molecules": (train_molecules, "molecules are learnt from a list of yours, a SMILES a line: give --data FILE.smi")}


def train(args: argparse.Namespace) -> None:
    """Train a recipe from scratch, or go on with an interrupted run."""
    own = {name: value for name in OPTIONS if (value := getattr(args, name)) is not None}
    if args.recipe in OWN:
        train_own, needed = OWN[args.recipe]
        if not args.data:
            raise ValueError(needed)
        if "size" in own and args.recipe != "pictures":
            raise ValueError(f"--size belongs to 'train pictures'; {args.recipe} has none: it is as long as its file")
        train_own(**own, folder=args.folder, resume=args.resume, device=args.device)
        return
    if own:
        of_own = ", ".join(f"'train {name}'" for name in OWN)
        raise ValueError(f"{', '.join(map(option, own))} belong{'s' * (len(own) == 1)} to {of_own}; "
                         f"{args.recipe} is a recipe with settings of its own")
    get_recipe(args.recipe).run(args.folder, resume=args.resume, device=args.device)
