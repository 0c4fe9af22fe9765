"""What the options tell the network of the samples that are asked for: labels, a prompt, or what belongs to the test data."""

from __future__ import annotations

import argparse

import torch

from .. import conditions
from ..checkpoints import Checkpoint
from ..conditions import Condition
from ..data import load_data
from ..errors import unknown_name
from ..npy import read_npy
from .options import integer


def condition_asked(checkpoint: Checkpoint, args: argparse.Namespace, n: int) -> int | Condition:
    """What the options tell the network of n samples. Raises ValueError for labels where it takes something else."""
    given = {"--label": args.label is not None, "--prompt": args.prompt is not None, "--like-data": args.like_data}
    if sum(given.values()) > 1:
        raise ValueError(f"{' and '.join(name for name in given if given[name])} each say what to draw: give one of them")
    if args.like_data:
        return conditions_of_data(checkpoint, n)
    if args.prompt is not None:
        return checkpoint.tokens_of(args.prompt).expand(n, -1)
    if args.label is None:
        return None
    if checkpoint.condition is not None and not checkpoint.num_classes:
        raise ValueError(f"{checkpoint.name} is told {checkpoint.condition}, and no label: "
                         f"{'--prompt says it in words, ' * ('prompts' in checkpoint.card['config'])}"
                         "--like-data takes it from the test data")
    if args.label == "all":
        return torch.arange(n) % max(1, checkpoint.num_classes)
    classes = checkpoint.card.get("classes", [])  # their names, where they have any
    if args.label in classes:
        return classes.index(args.label)
    if classes and not args.label.isdecimal():
        raise unknown_name("class", args.label, [*classes, "all"])
    return integer("--label", args.label)


def conditions_to_ask(checkpoint: Checkpoint, n: int) -> Condition:
    """What n samples to be measured are asked for: labels as often as the card counts them, or else in turn; or what belongs
    to the test data, in its order."""
    if checkpoint.condition is None:
        return None
    if checkpoint.num_classes:
        counts = checkpoint.card.get("class_counts")
        return torch.arange(n) % checkpoint.num_classes if counts is None else conditions.in_proportion(counts, n)
    return conditions_of_data(checkpoint, n)


def conditions_of_data(checkpoint: Checkpoint, n: int) -> Condition:
    """What belongs to the first n of the checkpoint's test data, which begin again after their last.

    Raises ValueError for an unconditional checkpoint, and for one of data that have no loader.
    """
    if checkpoint.condition is None:
        raise ValueError(f"{checkpoint.name} is unconditional, and takes nothing from the data")
    data = load_data(checkpoint.card["config"].get("data"), "test")
    return data.condition(torch.arange(n) % len(data))


def read_condition(path: str) -> Condition:
    """What `sample` wrote beside its samples: labels, or the condition of another kind."""
    return conditions.read(path) if path.lower().endswith(".safetensors") else read_npy(path)
