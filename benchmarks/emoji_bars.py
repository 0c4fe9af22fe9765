"""How good is emoji-latent at what it was never shown? The nearest emoji of all in the style, beside copies and a line.

    python benchmarks/emoji_bars.py [--quick] [--device cpu] [--checkpoint emoji-latent] [--folder benchmarks/runs]

Pictures are drawn once, in blocks that are kept in the folder, and everything is read off them: a run that was stopped goes on
where it was. The weight w of guidance is chosen by a quarter of what is held out, which nothing else uses. With another
checkpoint than emoji-latent the record goes to benchmarks/here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from emoji_judged import baselines, judged, round_trip, tops
from scenes_bars import Drawn
from timing import RUNS, Results, arguments, say

from diffusion_utils import checkpoints
from diffusion_utils.data.emoji import KINDS, EmojiData, load_emoji
from diffusion_utils.metrics.emoji import ranks

WEIGHTS = (1, 1.5, 2, 3, 4, 6)
QUARTER = 4  # every fourth of what is held out chooses the weight
SEEDS = 4  # pictures of each prompt whose variety is measured
SMALL = 12  # of each kind in the reduced form


def part_of(kind: str, choosing: bool, few: int | None) -> EmojiData:
    """The test data of a kind: the quarter that chooses w, or the rest. few: of each in the reduced form."""
    data = load_emoji("test", kind)
    rows = torch.arange(len(data))
    rows = rows[(rows % QUARTER == 0) == choosing][:few]
    return replace(data, pictures=data.pictures[rows], emoji=data.emoji[rows], style=data.style[rows])


def choose_weight(drawn: Drawn, few: int | None) -> dict:
    """Top 1 and top 5 over w, of a style and of a tone that were never shown; and the w of the highest top 1 of a style."""
    over = {}
    for weight in WEIGHTS:
        found = {}
        for kind in KINDS[1:]:
            data = part_of(kind, True, few)
            x = drawn.of(data.condition(torch.arange(len(data))), weight, f"tried-{kind}", seed=2)
            found[kind] = tops(ranks(x, data.emoji, data.style))
        over[f"{weight:g}"] = found
    return {"over_weight": over, "weight": max(WEIGHTS, key=lambda w: (over[f"{w:g}"]["styles"]["top_1"]["share"], -w))}


def variety(drawn: Drawn, data: EmojiData, weight: float) -> dict:
    """How far pictures of one prompt are from each other, by how far the prompts' are: root mean squares of pixels. 0 is the
    same picture whatever the noise."""
    tokens = data.condition(torch.arange(len(data)))
    x = torch.stack([drawn.of(tokens, weight, "varied", seed=seed) for seed in range(3, 3 + SEEDS)])
    within, between = x.var(0).mean().sqrt(), x.mean(0).var(0).mean().sqrt()
    return {"n": len(data), "seeds": SEEDS, "within": float(within), "between": float(between)}


def parts(drawn: Drawn, results: Results, few: int | None) -> dict[str, Callable[[], dict]]:
    """What is measured, by name and in this order."""
    def weight() -> float:
        return results.record["parts"]["weight"]["weight"]

    def one_kind(kind: str) -> dict:
        data = part_of(kind, False, few)
        x = drawn.of(data.condition(torch.arange(len(data))), weight(), kind)
        return {"n": len(data), "drawn": judged(x, data), "others": baselines(data, kind),
                "ceiling": round_trip(drawn.checkpoint.parts["vae"], data)}

    return {"weight": lambda: choose_weight(drawn, few), **{kind: lambda kind=kind: one_kind(kind) for kind in KINDS},
            "variety": lambda: variety(drawn, part_of("styles", False, few or 100), weight())}


def main() -> None:
    """Measure what is missing, and say how it compares."""
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="emoji-latent", help="its name, or the path of its card")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where drawn pictures are kept")
    parser.add_argument("--only", nargs="+", help="these parts alone")
    args = parser.parse_args()
    model, ours = checkpoints.load(args.checkpoint, args.device), args.checkpoint == "emoji-latent"
    of = {"checkpoint": model.name, "sha256": model.card["sha256"]}
    few = SMALL if args.quick else None
    results = Results("emoji_bars", model.device, "emoji drawn from a style and a name: is the right one the nearest?",
                      few or len(part_of("styles", False, None)), of | {"sampling": model.card["config"]["sampling"]},
                      args.quick or not ours, anywhere=True, kind=None if ours else f"{of['sha256'][:8]}-{model.device.type}")
    results.record |= of
    results.measure(parts(Drawn(model, args.folder), results, few), args.only)
    from bars import emoji  # which judges this record, too
    say(emoji(results.record))


if __name__ == "__main__":
    main()
