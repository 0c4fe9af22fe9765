"""The command line: python -m diffusion_utils info | train | sample | evaluate | repair | forecast | impute."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import __version__, checkpoints, recipes
from .commands.evaluate import evaluate
from .commands.forecast import forecast
from .commands.impute import impute
from .commands.info import info
from .commands.options import batch_of, finite, path, spacing
from .commands.repair import repair
from .commands.sample import sample
from .commands.train import train
from .console import forgiving_output
from .data import DataError
from .discrete import ORDERS
from .errors import is_out_of_memory
from .metrics import METRICS
from .recipes import RECIPES, get_recipe
from .sampling import SAMPLERS, SPACINGS
from .training import TrainingDiverged, TrainingInterrupted
from .video import SCHEMES


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def sampling_options() -> argparse.ArgumentParser:
    """Those of every command that draws samples."""
    sampling = argparse.ArgumentParser(add_help=False)
    sampling.add_argument("--sampler", help=f"{', '.join(SAMPLERS)} (default: the checkpoint's own)")
    sampling.add_argument("--steps", type=int, help="steps of the sampler (default: the checkpoint's own)")
    sampling.add_argument("--spacing", type=spacing, help=f"{', '.join(SPACINGS)}, or the exponent of late strides "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--eta", type=finite, nargs="+", help="share of fresh noise, 0 as in DDIM … 1 as in DDPM …; or two, "
                          "for much noise and for little (default: the checkpoint's own)")
    sampling.add_argument("--eta-border", type=finite, help="signal-to-noise ratio where the second of two takes over "
                          "(default: the checkpoint's own)")
    sampling.add_argument("--order", help=f"text: {', '.join(ORDERS)} (default: the checkpoint's own)")
    sampling.add_argument("--kappa", type=finite, help="text: share that is forgotten in each step, 0…1, so that letters are "
                          "hidden again (default: the checkpoint's own)")
    sampling.add_argument("--guidance", type=finite, help="guidance weight w; 1 is plain conditional (default: 1)")
    sampling.add_argument("--seed", type=int, help="another seed draws other samples (default: 0)")
    sampling.add_argument("--batch", type=int, help="samples at a time; the result does not depend on it (default: 250)")
    sampling.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")
    return sampling


def filling_options() -> argparse.ArgumentParser:
    """Those of the commands that draw what a series lacks."""
    filling = argparse.ArgumentParser(add_help=False)
    filling.add_argument("file", type=path, metavar="FILE.csv", help="a column of times, an hour apart, and the checkpoint's")
    filling.add_argument("--checkpoint", type=path, default="etth1", help="default: etth1; or the folder of a run")
    filling.add_argument("--samples", type=int, help="how many sample paths (default: 64)")
    filling.add_argument("--steps", type=int, help="steps of the sampler (default: the checkpoint's own)")
    filling.add_argument("--seed", type=int, help="another seed draws other samples (default: 0)")
    filling.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")
    filling.add_argument("--out", type=path, required=True, help="NAME.csv for the quantiles; beside it NAME.paths.csv for the "
                         "sample paths and NAME.png for a figure")
    return filling


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    main = Parser(prog="python -m diffusion_utils", description=__doc__)
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", required=True)

    one = commands.add_parser("info", help="list the shipped checkpoints with their figures")
    one.add_argument("checkpoint", nargs="?", type=path, help="print this one's card")
    one.set_defaults(run=info)

    one = commands.add_parser("train", help="train a recipe from scratch")
    one.add_argument("recipe", help=", ".join(RECIPES) + "; or your own, with --data: pictures, series, text or "
                     "molecules")
    one.add_argument("--data", type=path, help="pictures: a folder of them, PNG, JPEG, WebP, GIF or BMP, or of IDX files; "
                     "series: a CSV file with a column of times, hour by hour; text: a text file in UTF-8; "
                     "molecules: a list of SMILES, one a line")
    one.add_argument("--size", type=int, help="pictures: they become so many pixels high and wide (default: 32, or less if "
                     "they are smaller)")
    one.add_argument("--minutes", type=finite, help="pictures, series, text, molecules: how long to train (default: 60)")
    one.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    one.add_argument("--folder", type=path, default="runs", help="where the run is kept (default: runs)")
    one.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")
    one.set_defaults(run=train)

    sampling = sampling_options()
    one = commands.add_parser("sample", parents=[sampling], help="write samples to an .npy file")
    one.add_argument("--checkpoint", type=path, required=True)
    one.add_argument("--n", type=int, help="how many (default: 64; of texts 3, of speech and videos 4, of molecules 100)")
    one.add_argument("--label", help="0…9, or 'all' for 0, 1, …, 9, 0, …, or the name of a class (labels are written beside "
                     "the samples)")
    one.add_argument("--prompt", help="what to draw, in words that the checkpoint knows; an empty one for anything")
    one.add_argument("--like", type=path, metavar="PICTURE",
                     help="variations of a picture, of the size that the checkpoint draws")
    one.add_argument("--like-data", action="store_true", help="tell the network what belongs to the test data, in their order "
                     "(written beside the samples)")
    one.add_argument("--voice", help="speech: whose voice, by name, or 'all' for one after the other (default: anybody's)")
    one.add_argument("--keep", metavar="TEXT", help="text: letters in their places, with _ for each that is to be "
                     "filled in; what follows is free")
    one.add_argument("--rings", help="molecules: how many rings they have, or 'all' for 0, 1, … in turn")
    one.add_argument("--scaffold", metavar="SMILES", help="molecules: a piece that each of them holds, and grows on")
    one.add_argument("--frames", type=int, help="videos: how long they are (default: 60)")
    one.add_argument("--scheme", help=f"videos: which frames are seen when, {', '.join(SCHEMES)} (default: hierarchy-2)")
    one.add_argument("--given", help="videos: frames of test videos to go on with: none, first, five, ends, loop, or numbers "
                     "such as 0-4,30 (default: none)")
    one.add_argument("--out", type=path, help="the .npy file; or, for pictures, a .png file with all of them; or, for text, a "
                     ".txt file, and without it text is printed; or, for molecules, .smi or .svg; or, for videos, .gif")
    one.set_defaults(run=sample)

    one = commands.add_parser("evaluate", parents=[sampling], help="print figures of samples or of a checkpoint as JSON")
    one.add_argument("what", type=path, metavar="FILE.npy|FILE.smi|CHECKPOINT")
    one.add_argument("--labels", type=path, help="the file of labels or conditions that `sample` wrote beside the samples")
    one.add_argument("--n", type=int, help="samples drawn from a checkpoint (default: as many as its card's figures are of, or "
                     "10,000)")
    one.add_argument("--metric", help=f"{', '.join(METRICS)} (default: the checkpoint's own; digits for a file)")
    one.add_argument("--data", type=path, help="pictures: the folder to compare with; text: the file whose letters the "
                     "numbers stand for, Shakespeare unless given (default for a checkpoint: what it learnt from)")
    one.set_defaults(run=evaluate)

    one = commands.add_parser("repair", help="fill a gap in a WAV file, or mend one that was clipped")
    one.add_argument("file", type=path, metavar="FILE.wav", help="mono or stereo, of any rate")
    one.add_argument("--checkpoint", type=path, default="speech-waveform", help="default: speech-waveform; or a run's folder")
    one.add_argument("--gap", nargs="+", metavar="START:END", help="what is missing, in seconds, such as 0.30:0.35")
    one.add_argument("--clipped", action="store_true", help="what is missing is what was cut off because it was too loud")
    one.add_argument("--label", help="the digit that is said, where it is known")
    one.add_argument("--voice", help="who says it, where it is one of the voices that the checkpoint knows")
    one.add_argument("--steps", type=int, help="steps of the sampler (default: the checkpoint's own)")
    one.add_argument("--seed", type=int, help="another seed fills it otherwise (default: 0)")
    one.add_argument("--device", help="cpu, cuda, cuda:1 … or mps (default: DIFFUSION_DEVICE, else the best there is)")
    one.add_argument("--out", type=path, required=True, help="NAME.wav, 16 bits a sample")
    one.set_defaults(run=repair)

    filling = filling_options()
    one = commands.add_parser("forecast", parents=[filling], help="forecast the series in a CSV file")
    one.add_argument("--hours", type=int, help="how far (default: 24)")
    one.set_defaults(run=forecast)

    one = commands.add_parser("impute", parents=[filling], help="fill the gaps of the series in a CSV file; beside the others "
                              "also NAME.filled.csv, with medians in the gaps")
    one.set_defaults(run=impute)
    return main


def advice_on_memory(args: argparse.Namespace) -> str:
    """What to change where memory ran out."""
    if args.command == "train" and args.recipe == "pictures":
        return "a smaller --size needs less"
    if args.command == "repair":
        return "a machine with more memory is needed, or --device cpu"
    if args.command in ("forecast", "impute"):
        return "fewer --samples need less"
    if args.command == "train" and args.recipe == "series":
        return "a file of fewer columns needs less"
    if args.command == "train" and args.recipe not in RECIPES:
        return "a machine with more memory is needed, or --device cpu"
    if args.command == "train":
        file = Path(recipes.__file__).with_name(args.recipe.replace("-", "_") + ".py")
        return f"a smaller batch= in {file} than {get_recipe(args.recipe).train.batch} needs less"
    if args.command == "evaluate" and args.what.lower().endswith((".npy", ".smi")):
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
