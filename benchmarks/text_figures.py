"""The record of chapter 9's figures: texts on their way from masks to words, and a line of which any words are kept.

    python benchmarks/text_figures.py [--checkpoint shakespeare] [--quick]

Resumable, part by part. The line is of the part of Shakespeare that is held out (public domain).
"""

from __future__ import annotations

import torch
from timing import Results, arguments

from diffusion_utils import checkpoints
from diffusion_utils.chapters.text_figures import MASK, spans_of
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.commands.texts import known_letters
from diffusion_utils.data.text import Alphabet, shakespeare
from diffusion_utils.discrete import DiscreteSampler, make_limit, sample_discrete

SPEAKER, WORDS = "BAPTISTA:\n", ["Didst", "thou", "not", "say", "he", "comes?"]
START = 0b110010  # which words are kept at first: thou, he, comes?
DRAWS, EVERY, AT_ONCE = 4, 4, 16  # texts of each kind; steps from one frame to the next; patterns in one part
KAPPA = 0.05  # the share that is forgotten in each step, where what is shown may be hidden again


def samplers(steps: int) -> dict[str, DiscreteSampler]:
    """The orders of the figures; a line of which words are kept is written in the first two."""
    return {"random": DiscreteSampler(steps, order="random"), "confidence": DiscreteSampler(steps, order="confidence"),
            "remasking": DiscreteSampler(steps, order="independent", kappa=KAPPA)}


def path(checkpoint: Checkpoint, sampler: DiscreteSampler, every: int) -> dict:
    """The texts of a few walks, at every so many steps and at the end."""
    limit, letters = make_limit(checkpoint.card["config"]["limit"]), checkpoint.card["config"]["alphabet"] + MASK
    walk = sample_discrete(checkpoint.denoiser, checkpoint.schedule, (limit,), [checkpoint.shape], sampler, batch=DRAWS)
    frames = [["".join(letters[k] for k in row) for row in state.x_t[0].tolist()]
              for k, state in enumerate(walk) if k % every == 0]
    return {"texts": [list(texts) for texts in zip(*frames, strict=True)]}


def pattern(kept: int) -> str:
    """The line as `--keep` takes it: a word that is not kept is blank, and so is a space between two of them. Who speaks, and
    where the line ends, is kept in any case."""
    line = list(" ".join(WORDS))
    for i, (first, last) in enumerate(spans_of(WORDS)):
        if not kept >> i & 1:
            line[first:last] = MASK * (last - first)
            if i and not kept >> (i - 1) & 1:
                line[first - 1] = MASK
    return SPEAKER + "".join(line) + "\n"


def kept_lines(checkpoint: Checkpoint, sampler: DiscreteSampler, patterns: range) -> dict:
    """For each pattern some lines in which its words are kept."""
    known = torch.stack([known_letters(checkpoint, pattern(kept)) for kept in patterns])
    rows = checkpoint.kind.draw(checkpoint, DRAWS * len(patterns), sampler, known=known.repeat_interleave(DRAWS, 0),
                                seed=patterns.start, progress=True)
    place = slice(len(SPEAKER), len(pattern(0)) - 1)
    lines = [Alphabet(checkpoint.card["config"]["alphabet"]).decode(row[place]) for row in rows]
    return {"first": patterns.start, "texts": [lines[k:k + DRAWS] for k in range(0, len(lines), DRAWS)]}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="shakespeare", help="a shipped one, or a path (default: shakespeare)")
    args = parser.parse_args()
    if pattern(2 ** len(WORDS) - 1) not in shakespeare("test"):
        raise SystemExit("the line of the figure is not of the held-out part: is this another Shakespeare?")
    checkpoint = checkpoints.load(args.checkpoint, args.device)
    steps, every = (checkpoint.shape[0], EVERY) if not args.quick else (8, 1)
    orders = samplers(steps)
    times = orders["random"].times(checkpoint.schedule)[::every]
    settings = {"checkpoint": checkpoint.card["sha256"], "orders": list(orders), "kappa": KAPPA, "steps": steps, "times": times,
                "draws": DRAWS, "speaker": SPEAKER, "words": WORDS, "start": START}
    results = Results("text_figures", checkpoint.device, "texts on their way from masks to words; and a line of held-out "
                      "Shakespeare of which some words are kept", DRAWS, settings, args.quick, anywhere=True)
    for name, sampler in orders.items():
        results.part(f"path {name}", lambda sampler=sampler: path(checkpoint, sampler, every))
    for name, sampler in list(orders.items())[:2]:
        for first in range(0, 2 ** len(WORDS), AT_ONCE):
            patterns = range(first, first + AT_ONCE)
            results.part(f"keep {name} {first}", lambda sampler=sampler, patterns=patterns:
                         kept_lines(checkpoint, sampler, patterns))
    print(f"{results.path}: {results.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
