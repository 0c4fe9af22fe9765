"""Measure samples, of a file or of a checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict

from .. import checkpoints
from ..console import print_json
from ..drawing import KINDS
from ..generate import generate
from ..metrics import METRICS
from ..npy import read_npy
from ..registry import chosen
from .asked import conditions_to_ask, read_condition
from .molecules import read_molecules
from .options import DRAWING, SAMPLING, option, settings_of
from .sample import bytes_of

COMPARED_WITH = {"pictures": "folder", "text": "file"}  # metrics that --data tells what to compare with, and as what
MOST = 32 * 2**30  # bytes of samples that can be evaluated: they are all held in memory


def evaluate(args: argparse.Namespace) -> None:
    """Print the figures of a file of samples, or of a checkpoint, as JSON."""
    print_json(evaluate_file(args) if args.what.lower().endswith((".npy", ".smi")) else evaluate_checkpoint(args))


def evaluate_file(args: argparse.Namespace) -> dict:
    """The figures of a file of samples. Raises ValueError for options of drawing samples, which would do nothing."""
    idle = [option(name) for name in DRAWING if getattr(args, name) is not None]
    if idle:
        raise ValueError(f"{', '.join(idle)} {'ask' if len(idle) > 1 else 'asks'} for samples of a checkpoint, "
                         f"and {args.what} holds samples already")
    cond = read_condition(args.labels) if args.labels else None
    if args.what.lower().endswith(".smi"):
        return metric_of("molecules", args)(read_molecules(args.what), cond, device=args.device)
    x = read_npy(args.what)
    return metric_of("pictures" if args.data else "digits", args)(x, cond, device=args.device)


def evaluate_checkpoint(args: argparse.Namespace) -> dict:
    """The figures of samples drawn from a checkpoint, with the settings they were drawn with."""
    if args.labels:
        raise ValueError(f"--labels belongs to a file of samples, and {args.what} is a checkpoint, which is asked again")
    card = checkpoints.read_card(args.what)
    kind = KINDS.get(card.get("config", {}).get("kind"))
    usual = card.get("figures", {}).get("n", kind.usual if kind else 10_000)
    n, most = usual if args.n is None else args.n, MOST // bytes_of(args.what)
    if not 2 <= n <= most:
        raise ValueError(f"--n must be {'≥ 2' if n < 2 else f'≤ {most}'} to be evaluated, got {n}")
    checkpoint = checkpoints.load(args.what, args.device)
    cond = conditions_to_ask(checkpoint, n)
    how = settings_of(checkpoint, args, cond)
    metric = metric_of(checkpoint.card["config"].get("metric"), args)
    x = generate(checkpoint, n, cond=cond, **how, progress=True)
    sampler = checkpoint.sampler.changed(**{name: how[name] for name in SAMPLING if name in how})
    result = metric(x, cond, sampler.calls(how["weight"]), args.device)
    if checkpoint.kind.measured is not None:
        result |= checkpoint.kind.measured(checkpoint)
    return result | {"checkpoint": checkpoint.name} | asdict(sampler) | {"weight": how["weight"], "seed": how["seed"]}


def metric_of(entry: str | dict | None, args: argparse.Namespace) -> Callable[..., dict]:
    """What measures samples: --metric, or else the entry of a card. Raises ValueError for an unknown one, or an idle --data."""
    name = entry["name"] if isinstance(entry, dict) else entry
    if args.metric not in (None, name):
        entry = name = args.metric
    if args.data is not None:
        if name not in COMPARED_WITH:
            raise ValueError(f"--data belongs to the metrics {' and '.join(COMPARED_WITH)}, and {name} has data of its own")
        entry = {"name": name, COMPARED_WITH[name]: args.data}
    return chosen("metric", entry, METRICS)
