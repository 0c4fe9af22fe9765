"""The command line: python -m diffusion_utils info | train | sample | evaluate."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from . import __version__, checkpoints
from .data import DataError
from .evaluation import check_label_list, evaluate
from .files import write_atomic
from .generate import generate, sampling_of
from .recipes import RECIPES, get_recipe
from .sampling import SAMPLERS, SPACINGS, calls_per_sample
from .training import TrainingDiverged, TrainingInterrupted


def info(args: argparse.Namespace) -> None:
    """List the shipped checkpoints, or print one card."""
    if args.checkpoint:
        print(json.dumps(checkpoints.read_card(args.checkpoint), indent=1, ensure_ascii=False))
        return
    for name in checkpoints.available():
        card = checkpoints.read_card(name)
        training = card["training"]
        figures = {k: round(v, 4) if isinstance(v, float) else v for k, v in card.get("figures", {}).items()
                   if isinstance(v, (int, float, str))}
        print(f"{name}: {training['parameters']:,} parameters, {training['steps_done']:,} steps in {training['seconds']} s "
              f"on {training['hardware']}\n    {figures}")
    print(f"Recipes: {', '.join(RECIPES)}")


def train(args: argparse.Namespace) -> None:
    """Train a recipe from scratch, or go on with an interrupted run."""
    get_recipe(args.recipe).run(args.folder, resume=args.resume, device=args.device)


def sample(args: argparse.Namespace) -> None:
    """Write samples as float32 (N, 1, 28, 28) in [−1, 1]."""
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    out = check_writable(args.out)
    labels = None
    if args.label == "all":
        labels = torch.arange(args.n) % max(1, checkpoint.num_classes)
    elif args.label is not None:
        labels = _integer("--label", args.label)
    x = generate(checkpoint, args.n, labels=labels, weight=args.guidance, sampler=args.sampler, steps=args.steps,
                 spacing=args.spacing, eta=_eta(args.eta), eta_border=args.eta_border, seed=args.seed, batch=args.batch,
                 progress=True)
    write_npy(out, x.numpy())
    if args.label == "all":
        write_npy(out.with_suffix(".labels.npy"), labels.numpy())
    print(f"{args.n} samples of {checkpoint.name} written to {out}")


def evaluate_command(args: argparse.Namespace) -> None:
    """Print the figures of a file of samples, or of a checkpoint, as JSON."""
    if args.what.endswith(".npy"):
        x = torch.from_numpy(read_npy(args.what))
        labels = check_label_list(torch.from_numpy(read_npy(args.labels)), len(x)) if args.labels else None
        print(json.dumps(evaluate(x, labels, device=args.device), indent=1, ensure_ascii=False))
        return
    checkpoint = checkpoints.load(args.what, args.device)
    if "sampling" not in checkpoint.card["config"]:
        raise ValueError(f"{args.what} is not a diffusion model: it makes no samples to evaluate")
    how = sampling_of(checkpoint, sampler=args.sampler, steps=args.steps, spacing=args.spacing, eta=_eta(args.eta),
                      eta_border=args.eta_border)
    labels = torch.arange(args.n) % checkpoint.num_classes if checkpoint.num_classes else None
    x = generate(checkpoint, args.n, labels=labels, weight=args.guidance, **how, seed=args.seed, batch=args.batch,
                 progress=True)
    result = evaluate(x, labels, calls_per_sample(how["sampler"], how["steps"], args.guidance), args.device)
    result |= {"checkpoint": checkpoint.name, **how, "weight": args.guidance, "seed": args.seed}
    print(json.dumps(result, indent=1, ensure_ascii=False))


def check_writable(path: str) -> Path:
    """The path, if a file can be made there: found out before an hour of work, not after it."""
    path = Path(path)
    if path.suffix != ".npy":
        raise ValueError(f"--out must end in .npy, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"--out: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"--out: the folder {path.parent} is not writable")
    return path


def write_npy(path: Path, array: np.ndarray) -> None:
    """An .npy file, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def read_npy(path: str) -> np.ndarray:
    """An .npy array without pickles. Raises ValueError for a file that is truncated or no array."""
    if not Path(path).is_file():
        raise ValueError(f"{path} does not exist")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is truncated or not an .npy array: {error}") from error


def _eta(given: list[float] | None) -> float | list[float] | None:
    return given[0] if given is not None and len(given) == 1 else given


def _spacing(given: str) -> str | float:
    try:
        return float(given)
    except ValueError:
        return given


def _integer(option: str, given: str) -> int:
    try:
        return int(given)
    except ValueError:
        raise ValueError(f"{option} must be an integer or 'all', got {given!r}") from None


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    main = argparse.ArgumentParser(prog="python -m diffusion_utils", description=__doc__)
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", required=True)

    one = commands.add_parser("info", help="list the shipped checkpoints with their figures")
    one.add_argument("checkpoint", nargs="?", help="print this one's card")
    one.set_defaults(run=info)

    one = commands.add_parser("train", help="train a recipe from scratch")
    one.add_argument("recipe", help=", ".join(RECIPES))
    one.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    one.add_argument("--folder", default="runs", help="where the run is kept (default: runs)")
    one.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    one.set_defaults(run=train)

    sampling = argparse.ArgumentParser(add_help=False)
    sampling.add_argument("--sampler", help=f"{', '.join(SAMPLERS)} (default: the checkpoint's own)")
    sampling.add_argument("--steps", type=int, help="steps of the sampler (default: the checkpoint's own)")
    sampling.add_argument("--spacing", type=_spacing, help=f"{', '.join(SPACINGS)}, or the exponent of late strides "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--eta", type=float, nargs="+", help="share of fresh noise, 0 as in DDIM … 1 as in DDPM …; or two, "
                          "for much noise and for little (default: the checkpoint's own)")
    sampling.add_argument("--eta-border", type=float, help="signal-to-noise ratio where the second of two takes over "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--guidance", type=float, default=1.0, help="guidance weight w; 1 is plain conditional")
    sampling.add_argument("--seed", type=int, default=0)
    sampling.add_argument("--batch", type=int, default=250, help="samples at a time; the result does not depend on it")
    sampling.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")

    one = commands.add_parser("sample", parents=[sampling], help="write samples to an .npy file")
    one.add_argument("--checkpoint", required=True)
    one.add_argument("--n", type=int, default=64, help="how many (default: 64)")
    one.add_argument("--label", help="0…9, or 'all' for 0, 1, …, 9, 0, … (labels are written beside the samples)")
    one.add_argument("--out", required=True, help="the .npy file")
    one.set_defaults(run=sample)

    one = commands.add_parser("evaluate", parents=[sampling], help="print figures of samples or of a checkpoint as JSON")
    one.add_argument("what", metavar="FILE.npy|CHECKPOINT")
    one.add_argument("--labels", help="an .npy file of the labels asked for")
    one.add_argument("--n", type=int, default=10_000, help="samples drawn from a checkpoint (default: 10,000)")
    one.set_defaults(run=evaluate_command)
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 for an error that is said in one line, 130 after Ctrl-C."""
    args = parser().parse_args(argv)
    try:
        args.run(args)
    except TrainingInterrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("\nstopped; nothing was written", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, DataError, checkpoints.CheckpointError, TrainingDiverged) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
