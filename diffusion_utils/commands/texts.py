"""Draw texts from a checkpoint of letters, and print them or write them to a file."""

from __future__ import annotations

import argparse

import torch

from .. import checkpoints
from ..checkpoints import Checkpoint
from ..data.text import Alphabet
from ..files import write_atomic
from ..generate import generate
from ..npy import check_target, write_npy
from .options import batch_of, option, settings_of

BLANK = "_"
# Options that say nothing to what is told nothing
IDLE = ("label", "prompt", "like", "like_data", "voice", "rings", "scaffold", "frames", "scheme", "given")


def is_text(name: str) -> bool:
    """Whether the card of a checkpoint has letters for its numbers."""
    return checkpoints.read_card(name).get("config", {}).get("alphabet") is not None


def sample_texts(args: argparse.Namespace) -> None:
    """Print texts as the checkpoint writes them, or write them to the file asked for."""
    n = 3 if args.n is None else args.n
    idle = [name for name in IDLE if getattr(args, name) not in (None, False)]
    if idle:
        raise ValueError(f"{option(idle[0])} says what to draw, and {args.checkpoint} is told nothing; "
                         "--keep is how a text begins")
    out = None if args.out is None else check_target(args.out)
    if out is not None and out.suffix == ".png":
        raise ValueError(f"--out must end in .txt, or in .npy for the numbers of letters: {args.checkpoint} draws text")
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    how = settings_of(checkpoint, args, None)
    if args.keep is None:
        x, length = generate(checkpoint, n, **how, progress=True), checkpoint.shape[0]
    else:
        known, length = known_letters(checkpoint, args.keep), len(args.keep)
        changes = {name: value for name, value in how.items() if name not in ("weight", "seed", "batch")}
        x = checkpoint.kind.draw(checkpoint, n, checkpoint.sampler.changed(**changes), seed=how["seed"], batch=batch_of(args),
                                 progress=True, known=known)
    if out is not None and out.suffix == ".npy":
        write_npy(out, x)
    else:
        show(as_texts(checkpoint, x[:, :length]), out)
    if out is not None:
        print(f"{n} texts of {checkpoint.name} written to {out}")


def known_letters(checkpoint: Checkpoint, pattern: str) -> torch.Tensor:
    """int64 (L,): the numbers of the letters, −1 for each blank and for what follows the pattern.

    Raises ValueError for a pattern that is empty or too long, and for a character that the checkpoint does not know.
    """
    length = checkpoint.shape[0]
    if not 0 < len(pattern) <= length:
        raise ValueError(f"--keep must hold 1…{length} characters, got {len(pattern)}")
    known = torch.full((length,), -1)
    places = [k for k, letter in enumerate(pattern) if letter != BLANK]
    letters = "".join(pattern[k] for k in places)
    known[places] = Alphabet(checkpoint.card["config"]["alphabet"]).encode(letters)
    return known


def as_texts(checkpoint: Checkpoint, x: torch.Tensor) -> list[str]:
    """Rows of numbers as text, without the marks of the end that a row may be filled up with."""
    config = checkpoint.card["config"]
    alphabet, end = Alphabet(config["alphabet"]), config.get("end") or ""
    return [alphabet.decode(row).rstrip(end) if end else alphabet.decode(row) for row in x]


def show(texts: list[str], out) -> None:
    """A line each where they are that short, else under a line with its number."""
    if all(len(text) <= 80 and "\n" not in text for text in texts):
        content = "\n".join(texts)
    else:
        content = "\n".join(f"――― {k} ―――\n{text}" for k, text in enumerate(texts, 1))
    if out is None:
        print(content)
    else:
        write_atomic(out, (content + "\n").encode())
