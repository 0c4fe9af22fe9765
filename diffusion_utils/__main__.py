"""The command line: python -m diffusion_utils info | train | sample | evaluate."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import torch

from . import __version__, checkpoints, recipes
from .checkpoints import Checkpoint
from .conditions import Condition
from .console import forgiving_output, print_json
from .data import LOADERS, DataError
from .errors import is_out_of_memory, unknown_name
from .generate import generate
from .metrics import METRICS
from .npy import check_target, read_npy, write_npy
from .recipes import RECIPES, get_recipe
from .sampling import SAMPLERS, SPACINGS
from .training import TrainingDiverged, TrainingInterrupted

MOST = 32 * 2**30  # bytes of samples that can be evaluated: they are all held in memory
SAMPLING = ("sampler", "steps", "spacing", "eta", "eta_border")  # options that change a checkpoint's own sampler
DRAWING = ("batch", "eta", "eta_border", "guidance", "n", "sampler", "seed", "spacing", "steps")  # options of drawing samples


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
    print(f"Recipes: {', '.join(RECIPES)}")


def train(args: argparse.Namespace) -> None:
    """Train a recipe from scratch, or go on with an interrupted run."""
    get_recipe(args.recipe).run(args.folder, resume=args.resume, device=args.device)


def sample(args: argparse.Namespace) -> None:
    """Write samples as the checkpoint draws them, float32 (N, …): digits (N, 1, 28, 28) in [−1, 1]."""
    n = 64 if args.n is None else args.n
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    out = check_target(args.out, n * bytes_of(args.checkpoint))
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    cond = None
    if args.label == "all":
        cond = torch.arange(n) % max(1, checkpoint.num_classes)
    elif args.label is not None:
        cond = _integer("--label", args.label)
    x = generate(checkpoint, n, cond=cond, **settings_of(checkpoint, args, cond), progress=True)
    write_npy(out, x)
    if args.label == "all":
        write_npy(out.with_suffix(".labels.npy"), cond)
    print(f"{n} samples of {checkpoint.name} written to {out}")


def evaluate_command(args: argparse.Namespace) -> None:
    """Print the figures of a file of samples, or of a checkpoint, as JSON."""
    print_json(evaluate_file(args) if args.what.lower().endswith(".npy") else evaluate_checkpoint(args))


def evaluate_file(args: argparse.Namespace) -> dict:
    """The figures of a file of samples. Raises ValueError for options of drawing samples, which would do nothing."""
    idle = [f"--{name.replace('_', '-')}" for name in DRAWING if getattr(args, name) is not None]
    if idle:
        raise ValueError(f"{', '.join(idle)} {'ask' if len(idle) > 1 else 'asks'} for samples of a checkpoint, "
                         f"and {args.what} holds samples already")
    x, labels = read_npy(args.what), read_npy(args.labels) if args.labels else None
    return metric_of(args.metric or "digits")(x, labels, device=args.device)


def evaluate_checkpoint(args: argparse.Namespace) -> dict:
    """The figures of samples drawn from a checkpoint, with the settings they were drawn with."""
    if args.labels:
        raise ValueError(f"--labels belongs to a file of samples, and {args.what} is a checkpoint, asked for labels 0, 1, …")
    n, most = 10_000 if args.n is None else args.n, MOST // bytes_of(args.what)
    if not 2 <= n <= most:
        raise ValueError(f"--n must be {'≥ 2' if n < 2 else f'≤ {most}'} to be evaluated, got {n}")
    checkpoint = checkpoints.load(args.what, args.device)
    cond = conditions_to_ask(checkpoint, n)
    how = settings_of(checkpoint, args, cond)
    metric = metric_of(args.metric or checkpoint.card["config"].get("metric"))
    x = generate(checkpoint, n, cond=cond, **how, progress=True)
    sampler = checkpoint.sampler.changed(**{name: how[name] for name in SAMPLING})
    result = metric(x, cond, sampler.calls(how["weight"]), args.device)
    return result | {"checkpoint": checkpoint.name} | asdict(sampler) | {"weight": how["weight"], "seed": how["seed"]}


def metric_of(name: str | None) -> Callable[..., dict]:
    """What measures samples, by its name. Raises ValueError for an unknown one."""
    if name not in METRICS:
        raise unknown_name("metric", str(name), METRICS)
    return METRICS[name]


def conditions_to_ask(checkpoint: Checkpoint, n: int) -> Condition:
    """What n samples to be measured are asked for: labels in turn, or else what belongs to the test data, in its order."""
    if checkpoint.condition is None:
        return None
    if checkpoint.num_classes:
        return torch.arange(n) % checkpoint.num_classes
    data = LOADERS[checkpoint.card["config"]["data"]]("test")
    return data.condition(torch.arange(n) % len(data))


def bytes_of(name: str) -> int:
    """Of one sample of a checkpoint, in float32, by its card: known before anything is loaded."""
    sample = checkpoints.read_card(name).get("config", {}).get("sample")
    return 4 * math.prod(sample["shape"]) if sample else 4  # without it, `load` or `generate` will say what is missing


def settings_of(checkpoint: Checkpoint, args: argparse.Namespace, cond: int | Condition) -> dict:
    """What the options say of drawing samples, as arguments of `generate`. Raises ValueError for one that would do nothing."""
    changes = {"sampler": args.sampler, "steps": args.steps, "spacing": args.spacing, "eta": _eta(args.eta),
               "eta_border": args.eta_border}
    eta = checkpoint.sampler.changed(**changes).eta
    if args.eta_border is not None and not isinstance(eta, Sequence):
        raise ValueError(f"--eta-border stands between two --eta, for much noise and for little, got {eta}")
    if args.guidance is not None and cond is None:
        raise ValueError("--guidance needs labels" + (": give --label, too" if checkpoint.num_classes
                                                      else f", and {checkpoint.name} is unconditional"))
    return changes | {"weight": 1.0 if args.guidance is None else args.guidance, "seed": args.seed or 0,
                      "batch": batch_of(args)}


def batch_of(args: argparse.Namespace) -> int:
    """How many samples are drawn at a time."""
    return 250 if args.batch is None else args.batch


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


def _finite(given: str) -> float:
    """A type of option: a finite number."""
    if not math.isfinite(float(given)):
        raise argparse.ArgumentTypeError(f"must be a finite number, got {given}")
    return float(given)


def _path(given: str) -> str:
    """A type of option: a path, where ~ is the home folder; after "=" no shell puts it in."""
    path = os.path.expanduser(given)
    if not path:
        raise argparse.ArgumentTypeError("must not be empty")
    if path.startswith("~"):
        raise argparse.ArgumentTypeError(f"no home folder is known for {given}; ./{given} is a file of this name")
    return path


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    main = Parser(prog="python -m diffusion_utils", description=__doc__)
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", required=True)

    one = commands.add_parser("info", help="list the shipped checkpoints with their figures")
    one.add_argument("checkpoint", nargs="?", type=_path, help="print this one's card")
    one.set_defaults(run=info)

    one = commands.add_parser("train", help="train a recipe from scratch")
    one.add_argument("recipe", help=", ".join(RECIPES))
    one.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    one.add_argument("--folder", type=_path, default="runs", help="where the run is kept (default: runs)")
    one.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")
    one.set_defaults(run=train)

    sampling = argparse.ArgumentParser(add_help=False)
    sampling.add_argument("--sampler", help=f"{', '.join(SAMPLERS)} (default: the checkpoint's own)")
    sampling.add_argument("--steps", type=int, help="steps of the sampler (default: the checkpoint's own)")
    sampling.add_argument("--spacing", type=_spacing, help=f"{', '.join(SPACINGS)}, or the exponent of late strides "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--eta", type=_finite, nargs="+", help="share of fresh noise, 0 as in DDIM … 1 as in DDPM …; or two, "
                          "for much noise and for little (default: the checkpoint's own)")
    sampling.add_argument("--eta-border", type=_finite, help="signal-to-noise ratio where the second of two takes over "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--guidance", type=_finite, help="guidance weight w; 1 is plain conditional (default: 1)")
    sampling.add_argument("--seed", type=int, help="another seed draws other samples (default: 0)")
    sampling.add_argument("--batch", type=int, help="samples at a time; the result does not depend on it (default: 250)")
    sampling.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")

    one = commands.add_parser("sample", parents=[sampling], help="write samples to an .npy file")
    one.add_argument("--checkpoint", type=_path, required=True)
    one.add_argument("--n", type=int, help="how many (default: 64)")
    one.add_argument("--label", help="0…9, or 'all' for 0, 1, …, 9, 0, … (labels are written beside the samples)")
    one.add_argument("--out", type=_path, required=True, help="the .npy file")
    one.set_defaults(run=sample)

    one = commands.add_parser("evaluate", parents=[sampling], help="print figures of samples or of a checkpoint as JSON")
    one.add_argument("what", type=_path, metavar="FILE.npy|CHECKPOINT")
    one.add_argument("--labels", type=_path, help="an .npy file of the labels asked for")
    one.add_argument("--n", type=int, help="samples drawn from a checkpoint (default: 10,000)")
    one.add_argument("--metric", help=f"{', '.join(METRICS)} (default: the checkpoint's own; digits for a file)")
    one.set_defaults(run=evaluate_command)
    return main


def advice_on_memory(args: argparse.Namespace) -> str:
    """What to change where memory ran out."""
    if args.command == "train":
        file = Path(recipes.__file__).with_name(args.recipe.replace("-", "_") + ".py")
        return f"a smaller batch= in {file} than {get_recipe(args.recipe).train.batch} needs less"
    if args.command == "evaluate" and args.what.lower().endswith(".npy"):
        return "evaluate a file of fewer samples"
    return f"a smaller --batch than {batch_of(args)} needs less, and gives the same samples"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 for an error that is said in one line, 130 after Ctrl-C, 143 after SIGTERM.

    Other exceptions are bugs, and end with their traceback.
    """
    forgiving_output()
    args = parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except TrainingInterrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        print("\nstopped; no file was left half written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads has seen enough, as in `info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 1
    except (ValueError, OSError, DataError, checkpoints.CheckpointError, TrainingDiverged) as error:
        return failed(str(error))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return failed(f"out of memory: {advice_on_memory(args)}")
    return 0


def failed(reason: str) -> int:
    """Print the reason in one line; returns the exit status of an error."""
    print("error:", " ".join(reason.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
