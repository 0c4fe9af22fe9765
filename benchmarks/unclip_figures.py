"""The record of chapter 7's figures: pictures between two others, variations, captions' differences, kinds of embeddings.

    python benchmarks/unclip_figures.py [--quick] [--checkpoint scenes-unclip] [--weight 2] [--folder benchmarks/runs]

Pictures are kept as codes, with what was read in them. The weight of the decoder's guidance is the one that unclip_bars.py
found, unless it is given; that of the prior is the card's. A minute or two on two cores.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import torch
from safetensors import torch as safetensors
from scenes_bars import Drawn
from timing import HERE, RUNS, arguments, commit, processor, read
from torch import Tensor
from unclip_bars import Painted
from unclip_judged import captions_of

from diffusion_utils import checkpoints
from diffusion_utils.chapters.unclip_figures import FACTS, SHOWN
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes import SceneData, load_scenes, words_of
from diffusion_utils.data.scenes.facts import COLOUR, COLOURS, COUNT, DIGIT, FIRST, SECOND, SIZE, STROKE, is_held_out_colour
from diffusion_utils.devices import describe
from diffusion_utils.files import write_atomic
from diffusion_utils.joint import slerp, text_difference
from diffusion_utils.metrics.scenes import read_scenes
from diffusion_utils.records import FOLDER
from diffusion_utils.unclip import caption_vectors, downward, imagine, picture_vectors, upward

PAIRS = {"two digits": ("a large green 4", "a large green 9"),
         "all but the place": ("a thin small red 3", "a thick large blue 8"),
         "places": ("a blue 7 left of a yellow 2", "a yellow 2 left of a blue 7"), "two scenes": (None, None)}
SHARES, ANGLES = tuple(k / 10 for k in range(11)), tuple(k / 10 for k in range(7))
CHANGES = {"red → blue": (COLOUR, COLOURS.index("red"), COLOURS.index("blue")), "thin → thick": (STROKE, 0, 1),
           "small → large": (SIZE, 0, 1), "3 → 8": (DIGIT, 3, 8)}  # a fact of a digit, what it is, and what it shall be
KINDS = ("true", "prior", "caption's", "another's")
VARIED, VARIATIONS, ASKED, BOUND, STEPS = 6, 7, 8, 6, 25


def between(painted: Painted, scenes: SceneData, weight: float, shares: tuple[float, ...]) -> dict[str, Tensor]:
    """On the arc of each pair, from the same four noises. Two scenes: those of `scenes` that have one digit, the first two."""
    model, found = painted.model, []
    rows = torch.nonzero(scenes.facts[:, COUNT] == 1)[:2, 0]
    for name, texts in PAIRS.items():
        ends = (picture_vectors(model, scenes.x0(rows)) if texts[0] is None
                else imagine(model, model.tokens_of(list(texts)), seed=7))
        arc = slerp(ends[:1].expand(len(shares), -1), ends[1:].expand(len(shares), -1), torch.tensor(shares))
        found.append(torch.stack([painted.codes(point.expand(SHOWN, -1), weight, f"between-{name}-{k}", 7)
                                  for k, point in enumerate(arc)]))
    return with_facts(model, "between", torch.stack(found))


def varied(painted: Painted, scenes: SceneData, weight: float) -> dict[str, Tensor]:
    """The first scenes, and variations of each."""
    x = scenes.x0(torch.arange(VARIED))
    vectors = picture_vectors(painted.model, x).repeat_interleave(VARIATIONS, 0)
    codes = painted.codes(vectors, weight, "figure-varied", 7).unflatten(0, (VARIED, VARIATIONS))
    return {"originals": codes_of(painted.model, x)} | with_facts(painted.model, "varied", codes)


def moved(model: Checkpoint, scenes: SceneData, angles: tuple[float, ...]) -> dict[str, Tensor]:
    """Scenes of one digit that follow each change of their captions, from their own noise."""
    asked, before, after = [], [], []
    for fact, was, wanted in CHANGES.values():
        rows, facts = changing(scenes.facts.numpy(), fact, was, wanted)
        x = scenes.x0(rows)
        vectors, noise = upward(model, x, steps=STEPS)
        words = [caption_vectors(model, captions_of(one)) for one in (scenes.facts[rows].numpy(), facts)]
        there = [text_difference(vectors, *words, angle) for angle in angles]
        x_moved = downward(model, torch.cat(there), noise.repeat(len(angles), 1, 1, 1), steps=STEPS)
        asked.append(torch.from_numpy(facts).to(torch.int8))
        before.append(codes_of(model, x))
        after.append(codes_of(model, x_moved).unflatten(0, (len(angles), SHOWN)))
    return {"asked" + FACTS: torch.stack(asked), "before": torch.stack(before)} | with_facts(model, "moved", torch.stack(after))


def changing(facts: np.ndarray, fact: int, was: int, wanted: int) -> tuple[Tensor, np.ndarray]:
    """The first scenes of one digit of which the fact is as it was, and may become as wanted: their rows, and the new facts."""
    new = facts.copy()
    new[:, FIRST.start + fact] = wanted
    seen = np.array([not is_held_out_colour(*row) for row in new[:, [FIRST.start, FIRST.start + COLOUR]]])
    rows = np.flatnonzero((facts[:, COUNT] == 1) & (facts[:, FIRST.start + fact] == was) & seen)[:SHOWN]
    return torch.from_numpy(rows), new[rows]


def kinds(painted: Painted, scenes: SceneData, weight: float) -> dict[str, Tensor]:
    """The same captions and noise, four kinds of embeddings: of the scene, of the prior, of the caption, of another scene."""
    model, rows = painted.model, torch.arange(ASKED)
    tokens, image = scenes.condition(rows), picture_vectors(painted.model, scenes.x0(rows))
    vectors = (image, imagine(model, tokens, seed=7), caption_vectors(model, tokens), image.roll(1, 0))
    codes = [painted.codes(one, weight, f"figure-{kind}", 7) for kind, one in zip(KINDS, vectors, strict=True)]
    return with_facts(model, "rows", torch.stack(codes))


def bound(painted: Painted, latent: Drawn, scenes: SceneData, weight: float) -> dict[str, Tensor]:
    """Scenes of two digits in two colours: themselves, by chapter 6's network, from their own embedding, and the prior's."""
    facts, model = scenes.facts, painted.model
    colours = [facts[:, place.start + COLOUR] for place in (FIRST, SECOND)]
    rows = torch.nonzero((facts[:, COUNT] == 2) & (colours[0] != colours[1]))[:BOUND, 0]
    x, tokens = scenes.x0(rows), scenes.condition(torch.arange(len(scenes)))[rows]
    by_words = latent.of(tokens, read(FOLDER, "scenes_bars", "cpu")["parts"]["weight"]["weight"], "figure-bound", 7)
    codes = [codes_of(model, x), codes_of(model, by_words),
             *(painted.codes(one, weight, f"figure-bound-{kind}", 7) for kind, one in
               (("true", picture_vectors(model, x)), ("prior", imagine(model, tokens, seed=7))))]
    return with_facts(model, "bound", torch.stack(codes)) | {"bound_asked" + FACTS: facts[rows].to(torch.int8)}


def codes_of(model: Checkpoint, pictures: Tensor) -> Tensor:
    return model.codec.encode(pictures.to(model.device)).cpu().half()


def with_facts(model: Checkpoint, name: str, codes: Tensor) -> dict[str, Tensor]:
    """Codes (…, 4, 16, 16), and what is read in their pictures, int8 (…, 10): scenes of four digits at most."""
    found = read_scenes(model.codec.decode(codes.flatten(0, -4).float())).facts
    return {name: codes.contiguous(), name + FACTS: torch.from_numpy(found).to(torch.int8).unflatten(0, codes.shape[:-3])}


def texts(scenes: SceneData, n: int) -> list[str]:
    """The full captions of the first scenes."""
    return [" ".join(words_of(tokens)) for tokens in scenes.condition(torch.arange(n))]


def settings_of(scenes: SceneData, weight: float, shares: tuple[float, ...], angles: tuple[float, ...]) -> dict:
    """What the figures say beside the pictures."""
    return {"weight": weight, "shares": list(shares), "angles": list(angles), "changes": list(CHANGES), "kinds": list(KINDS),
            "pairs": [{"name": name, "ends": list(ends)} for name, ends in PAIRS.items()],
            "captions": texts(scenes, VARIED), "asked": texts(scenes, ASKED), "scenes": scenes.name}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="scenes-unclip", help="its name, or the path of its card")
    parser.add_argument("--weight", type=float, help="of the decoder's guidance (default: the one on record)")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where drawn scenes are kept")
    args = parser.parse_args()
    model = checkpoints.load(args.checkpoint, args.device)
    weight = args.weight or read(FOLDER, "unclip_bars", "cpu")["parts"]["weight"]["weight"]
    painted, latent = Painted(model, args.folder), Drawn(checkpoints.load("scenes-latent", args.device), args.folder)
    shares, angles = (SHARES, ANGLES) if not args.quick else (SHARES[::5], ANGLES[::3])
    scenes = load_scenes("test", 400, seed=7)
    tensors = (between(painted, scenes, weight, shares) | varied(painted, scenes, weight) | moved(model, scenes, angles)
               | kinds(painted, scenes, weight) | bound(painted, latent, scenes, weight))
    record = {"measure": "scenes drawn by way of embeddings, as codes, with what the reader finds in them", "n": SHOWN,
              "checkpoint": model.name, "sha256": model.card["sha256"], "prior_weight": model.card["config"]["prior_weight"],
              "settings": settings_of(scenes, weight, shares, angles), "hardware": describe(model.device),
              "torch": torch.__version__, "commit": commit(), "processor": processor(), "date": date.today().isoformat()}
    out = HERE if args.quick else FOLDER
    out.mkdir(exist_ok=True)
    write_atomic(out / "unclip_figures.safetensors", safetensors.save(tensors))
    write_atomic(out / "unclip_figures.json", checkpoints.json_bytes(record))
    print(f"{out / 'unclip_figures.json'}, and {(out / 'unclip_figures.safetensors').stat().st_size / 1000:.0f} kB of codes")


if __name__ == "__main__":
    main()
