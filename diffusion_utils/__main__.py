"""The command line: python -m diffusion_utils info | train | sample | evaluate."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import NoReturn

import torch

from . import __version__, checkpoints, conditions, recipes
from .checkpoints import Checkpoint
from .conditions import Condition
from .console import forgiving_output, print_json
from .data import DataError, load_data
from .errors import is_out_of_memory
from .files import write_atomic
from .generate import generate
from .metrics import METRICS
from .npy import check_room, check_target, read_npy, write_npy
from .png import grid, is_picture, png
from .recipes import RECIPES, get_recipe
from .recipes.pictures import train_pictures
from .registry import chosen
from .sampling import SAMPLERS, SPACINGS
from .training import TrainingDiverged, TrainingInterrupted

MOST = 32 * 2**30  # bytes of samples that can be evaluated: they are all held in memory
SAMPLING = ("sampler", "steps", "spacing", "eta", "eta_border")  # options that change a checkpoint's own sampler
PICTURES = ("data", "size", "minutes")  # options of training on pictures of one's own
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
    print(f"Recipes: {', '.join(RECIPES)}; and pictures, for your own")


def train(args: argparse.Namespace) -> None:
    """Train a recipe from scratch, or go on with an interrupted run."""
    own = {name: value for name in PICTURES if (value := getattr(args, name)) is not None}
    if args.recipe == "pictures":
        if not args.data:
            raise ValueError("pictures are learnt from a folder of yours: give --data FOLDER")
        train_pictures(**own, folder=args.folder, resume=args.resume, device=args.device)
        return
    if own:
        raise ValueError(f"{', '.join(map(_option, own))} belong{'s' * (len(own) == 1)} to 'train pictures'; "
                         f"{args.recipe} is a recipe with settings of its own")
    get_recipe(args.recipe).run(args.folder, resume=args.resume, device=args.device)


def sample(args: argparse.Namespace) -> None:
    """Write samples as the checkpoint draws them: (N, …), float32, or int64 for tokens."""
    n = 64 if args.n is None else args.n
    if n < 1:
        raise ValueError(f"n must be an integer ≥ 1, got {n}")
    out = check_target(args.out)
    check_room(out, n * bytes_of(args.checkpoint))
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    if out.suffix == ".png" and not is_picture(checkpoint.shape, checkpoint.clip):
        raise ValueError(f"--out must end in .npy: {checkpoint.name} draws {checkpoint.shape}, and no pictures")
    cond = condition_asked(checkpoint, args, n)
    x = generate(checkpoint, n, cond=cond, **settings_of(checkpoint, args, cond), progress=True)
    write_samples(out, x)
    if args.label == "all":
        write_npy(out.with_suffix(".labels.npy"), cond)
    if args.like_data:
        conditions.write(out.with_suffix(".cond.safetensors"), cond)
    print(f"{n} samples of {checkpoint.name} written to {out}")


def write_samples(out: Path, x: torch.Tensor) -> None:
    """All samples as numbers, or as pictures on a grid."""
    if out.suffix == ".png":
        write_atomic(out, png(grid(x)))
    else:
        write_npy(out, x)


def condition_asked(checkpoint: Checkpoint, args: argparse.Namespace, n: int) -> int | Condition:
    """What the options tell the network of n samples. Raises ValueError for labels where it takes something else."""
    if args.like_data:
        if args.label is not None:
            raise ValueError("--label and --like-data each say what to draw: give one of them")
        return conditions_of_data(checkpoint, n)
    if args.label is None:
        return None
    if checkpoint.condition is not None and not checkpoint.num_classes:
        raise ValueError(f"{checkpoint.name} is told {checkpoint.condition}, and no label: --like-data takes it from "
                         "the test data")
    if args.label == "all":
        return torch.arange(n) % max(1, checkpoint.num_classes)
    classes = checkpoint.card.get("classes", [])  # their names, where they have any
    return classes.index(args.label) if args.label in classes else _integer("--label", args.label)


def evaluate_command(args: argparse.Namespace) -> None:
    """Print the figures of a file of samples, or of a checkpoint, as JSON."""
    print_json(evaluate_file(args) if args.what.lower().endswith(".npy") else evaluate_checkpoint(args))


def evaluate_file(args: argparse.Namespace) -> dict:
    """The figures of a file of samples. Raises ValueError for options of drawing samples, which would do nothing."""
    idle = [_option(name) for name in DRAWING if getattr(args, name) is not None]
    if idle:
        raise ValueError(f"{', '.join(idle)} {'ask' if len(idle) > 1 else 'asks'} for samples of a checkpoint, "
                         f"and {args.what} holds samples already")
    x, cond = read_npy(args.what), read_condition(args.labels) if args.labels else None
    return metric_of("pictures" if args.data else "digits", args)(x, cond, device=args.device)


def read_condition(path: str) -> Condition:
    """What `sample` wrote beside its samples: labels, or the condition of another kind."""
    return conditions.read(path) if path.lower().endswith(".safetensors") else read_npy(path)


def evaluate_checkpoint(args: argparse.Namespace) -> dict:
    """The figures of samples drawn from a checkpoint, with the settings they were drawn with."""
    if args.labels:
        raise ValueError(f"--labels belongs to a file of samples, and {args.what} is a checkpoint, which is asked again")
    usual = checkpoints.read_card(args.what).get("figures", {}).get("n", 10_000)
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
    return result | {"checkpoint": checkpoint.name} | asdict(sampler) | {"weight": how["weight"], "seed": how["seed"]}


def metric_of(entry: str | dict | None, args: argparse.Namespace) -> Callable[..., dict]:
    """What measures samples: --metric, or else the entry of a card. Raises ValueError for an unknown one, or an idle --data."""
    name = entry["name"] if isinstance(entry, dict) else entry
    if args.metric not in (None, name):
        entry = name = args.metric
    if args.data is not None:
        if name != "pictures":
            raise ValueError(f"--data belongs to the metric pictures, and {name} has data of its own")
        entry = {"name": name, "folder": args.data}
    return chosen("metric", entry, METRICS)


def conditions_to_ask(checkpoint: Checkpoint, n: int) -> Condition:
    """What n samples to be measured are asked for: labels in turn, or else what belongs to the test data, in its order."""
    if checkpoint.condition is None:
        return None
    if checkpoint.num_classes:
        return torch.arange(n) % checkpoint.num_classes
    return conditions_of_data(checkpoint, n)


def conditions_of_data(checkpoint: Checkpoint, n: int) -> Condition:
    """What belongs to the first n of the checkpoint's test data, which begin again after their last.

    Raises ValueError for an unconditional checkpoint, and for one of data that have no loader.
    """
    if checkpoint.condition is None:
        raise ValueError(f"{checkpoint.name} is unconditional, and takes nothing from the data")
    data = load_data(checkpoint.card["config"].get("data"), "test")
    return data.condition(torch.arange(n) % len(data))


def bytes_of(name: str) -> int:
    """Of one sample of a checkpoint, in float32, by its card: known before anything is loaded."""
    sample = checkpoints.read_card(name).get("config", {}).get("sample")
    return 4 * math.prod(sample["shape"]) if sample else 4  # without it, `load` or `generate` will say what is missing


def settings_of(checkpoint: Checkpoint, args: argparse.Namespace, cond: int | Condition) -> dict:
    """What the options say of drawing samples, as arguments of `generate`. Raises ValueError for one that would do nothing."""
    given = {"sampler": args.sampler, "steps": args.steps, "spacing": args.spacing, "eta": _eta(args.eta),
             "eta_border": args.eta_border}
    changes, known = {name: value for name, value in given.items() if value is not None}, checkpoint.sampler
    for name in changes.keys() - {field.name for field in fields(known)}:
        allowed = ", ".join(_option(field.name) for field in fields(known) if field.name in SAMPLING)
        raise ValueError(f"{_option(name)} is no setting of {checkpoint.name}; it has {allowed or 'none'}")
    if args.eta_border is not None and not isinstance(eta := known.changed(**changes).eta, Sequence):
        raise ValueError(f"--eta-border stands between two --eta, for much noise and for little, got {eta}")
    if args.guidance is not None and cond is None:
        needs = f"labels, and {checkpoint.name} is unconditional"
        if checkpoint.condition is not None:
            needs = "labels: give --label, too" if checkpoint.num_classes else "a condition: give --like-data, too"
        raise ValueError(f"--guidance needs {needs}")
    return changes | {"weight": 1.0 if args.guidance is None else args.guidance, "seed": args.seed or 0,
                      "batch": batch_of(args)}


def batch_of(args: argparse.Namespace) -> int:
    """How many samples are drawn at a time."""
    return 250 if args.batch is None else args.batch


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
    one.add_argument("recipe", help=", ".join(RECIPES) + "; or pictures, your own, with --data")
    one.add_argument("--data", type=_path, help="pictures: a folder of them, PNG, JPEG, WebP, GIF or BMP, or of IDX files")
    one.add_argument("--size", type=int, help="pictures: they become so many pixels high and wide (default: 32, or less if "
                     "they are smaller)")
    one.add_argument("--minutes", type=_finite, help="pictures: how long to train (default: 60)")
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
    one.add_argument("--label", help="0…9, or 'all' for 0, 1, …, 9, 0, …, or the name of a class (labels are written beside "
                     "the samples)")
    one.add_argument("--like-data", action="store_true", help="tell the network what belongs to the test data, in their order "
                     "(written beside the samples)")
    one.add_argument("--out", type=_path, required=True, help="the .npy file; or, for pictures, a .png file with all of them")
    one.set_defaults(run=sample)

    one = commands.add_parser("evaluate", parents=[sampling], help="print figures of samples or of a checkpoint as JSON")
    one.add_argument("what", type=_path, metavar="FILE.npy|CHECKPOINT")
    one.add_argument("--labels", type=_path, help="the file of labels or conditions that `sample` wrote beside the samples")
    one.add_argument("--n", type=int, help="samples drawn from a checkpoint (default: as many as its card's figures are of, or "
                     "10,000)")
    one.add_argument("--metric", help=f"{', '.join(METRICS)} (default: the checkpoint's own; digits for a file)")
    one.add_argument("--data", type=_path, help="pictures: the folder to compare with (default: the one learnt from)")
    one.set_defaults(run=evaluate_command)
    return main


def advice_on_memory(args: argparse.Namespace) -> str:
    """What to change where memory ran out."""
    if args.command == "train" and args.recipe == "pictures":
        return "a smaller --size needs less"
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
