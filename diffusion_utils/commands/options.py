"""Options of the command line: how their values are read, and which settings of drawing samples they give."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import fields

from ..checkpoints import Checkpoint
from ..conditions import Condition

# Options that change a checkpoint's own sampler
SAMPLING = ("sampler", "steps", "spacing", "eta", "eta_border", "order", "kappa")
DRAWING = (*SAMPLING, "batch", "guidance", "n", "seed")  # options of drawing samples


def settings_of(checkpoint: Checkpoint, args: argparse.Namespace, cond: int | Condition) -> dict:
    """What the options say of drawing samples, as arguments of `generate`. Raises ValueError for one that would do nothing."""
    given = {"sampler": args.sampler, "steps": args.steps, "spacing": args.spacing, "eta": eta_of(args.eta),
             "eta_border": args.eta_border, "order": args.order, "kappa": args.kappa}
    changes, known = {name: value for name, value in given.items() if value is not None}, checkpoint.sampler
    for name in changes.keys() - {field.name for field in fields(known)}:
        allowed = ", ".join(option(field.name) for field in fields(known) if field.name in SAMPLING)
        raise ValueError(f"{option(name)} is no setting of {checkpoint.name}; it has {allowed or 'none'}")
    if args.eta_border is not None and not isinstance(eta := known.changed(**changes).eta, Sequence):
        raise ValueError(f"--eta-border stands between two --eta, for much noise and for little, got {eta}")
    if args.guidance is not None and cond is None:
        needs = f"labels, and {checkpoint.name} is unconditional"
        if checkpoint.condition is not None:
            needs = "labels: give --label, too" if checkpoint.num_classes else "a condition: give --prompt or --like-data, too"
        raise ValueError(f"--guidance needs {needs}")
    usual = 1.0 if cond is None else checkpoint.card["config"].get("guidance", 1.0)
    return changes | {"weight": usual if args.guidance is None else args.guidance, "seed": args.seed or 0,
                      "batch": batch_of(args)}


def batch_of(args: argparse.Namespace) -> int:
    """How many samples are drawn at a time."""
    return 250 if args.batch is None else args.batch


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def eta_of(given: list[float] | None) -> float | list[float] | None:
    return given[0] if given is not None and len(given) == 1 else given


def spacing(given: str) -> str | float:
    try:
        return float(given)
    except ValueError:
        return given


def integer(option: str, given: str) -> int:
    try:
        return int(given)
    except ValueError:
        raise ValueError(f"{option} must be an integer or 'all', got {given!r}") from None


def finite(given: str) -> float:
    """A type of option: a finite number."""
    if not math.isfinite(float(given)):
        raise argparse.ArgumentTypeError(f"must be a finite number, got {given}")
    return float(given)


def path(given: str) -> str:
    """A type of option: a path, where ~ is the home folder; after "=" no shell puts it in."""
    path = os.path.expanduser(given)
    if not path:
        raise argparse.ArgumentTypeError("must not be empty")
    if path.startswith("~"):
        raise argparse.ArgumentTypeError(f"no home folder is known for {given}; ./{given} is a file of this name")
    return path
