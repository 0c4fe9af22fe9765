"""How good are scenes-clip, scenes-prior and scenes-unclip? Every goal of chapter 7, with intervals, ceiling and floor.

    python benchmarks/unclip_bars.py [--quick] [--device cpu] [--checkpoint scenes-unclip] [--folder benchmarks/runs]

Pictures are drawn once, in blocks that are kept in the folder, and everything is read off them: a run that was stopped goes on
where it was. The weights of guidance, of the decoder and of the prior, are chosen first, by captions and noise that nothing
else uses. With another checkpoint than scenes-unclip the record goes to benchmarks/here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import torch as safetensors
from scenes_judged import plain, share
from timing import RUNS, Results, arguments, read, say
from torch import Tensor
from unclip_judged import (
    captions_of,
    cosines,
    difference,
    distance,
    gap,
    goals,
    kept,
    of_either,
    own_style,
    right_against_swapped,
    row_of,
    spearman,
)

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes import SceneData, load_scenes
from diffusion_utils.data.scenes.facts import COLOUR, COLOURS, COUNT, FIRST, agrees, is_held_out_colour
from diffusion_utils.drawing import draw
from diffusion_utils.files import write_atomic
from diffusion_utils.joint import slerp, text_difference
from diffusion_utils.metrics.edits import edit_shares
from diffusion_utils.metrics.joint import images_of, retrieval, texts_of
from diffusion_utils.metrics.scenes import read_scenes
from diffusion_utils.records import FOLDER
from diffusion_utils.unclip import downward, imagine, picture_vectors, told, upward

ASKED, TRIED, BLOCK = 1000, 100, 50  # captions of the ablation; that weights are chosen by; pictures at a time
WEIGHTS, PRIOR_WEIGHTS = (1, 1.5, 2, 3), (1, 1.5, 2, 3)
VARIED, PAIRS, TURNED = 300, 100, 200  # pictures with a variation; pairs with pictures between; digits that turn blue
SHARES = tuple(k / 10 for k in range(1, 10))
ANGLES, STEPS = (0.15, 0.25, 0.35, 0.5), 25  # of text differences; of walks up and down
LEARNT = 5000  # training pictures whose embeddings distances are measured to
SMALL = 10  # of each in the reduced form
RED, BLUE = COLOURS.index("red"), COLOURS.index("blue")
Figures = Callable[[], dict]


class Painted:
    """Pictures of embeddings, in blocks that are drawn once and kept as codes in a folder."""

    def __init__(self, model: Checkpoint, folder: Path):
        shas = [one.card["sha256"][:8] for one in (model, model.needs["prior"])]
        self.model, self.folder = model, folder / "-".join(["unclip", *shas])

    def of(self, vectors: Tensor, weight: float, name: str, seed: int = 0) -> Tensor:
        """Pictures (N, 3, H, W) of embeddings (N, D)."""
        codes = self.codes(vectors, weight, name, seed)
        return torch.cat([self.model.codec.decode(part.float()) for part in codes.split(BLOCK)])

    def codes(self, vectors: Tensor, weight: float, name: str, seed: int = 0) -> Tensor:
        """Codes float16 (N, …) of embeddings (N, D); those of a name, weight and seed always have the same embeddings."""
        return torch.cat([self._block(vectors[first:first + BLOCK], weight, f"{name}-w{weight:g}-{seed}-{first}",
                                      seed * 10**6 + first) for first in range(0, len(vectors), BLOCK)])

    def _block(self, vectors: Tensor, weight: float, name: str, seed: int) -> Tensor:
        path, model = self.folder / f"{name}-{len(vectors)}.safetensors", self.model
        if not path.exists():
            z = draw(model.denoiser, model.schedule, len(vectors), model.shape, model.sampler, cond=told(model, vectors),
                     weight=weight, seed=seed, batch=BLOCK, device=model.device)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, safetensors.save({"codes": z.half()}))
        return safetensors.load(path.read_bytes())["codes"]


class Measured:
    """What is measured, by name. few: of each in the reduced form."""

    def __init__(self, painted: Painted, record: dict, few: int | None):
        self.painted, self.record, self.few = painted, record, few
        self.model, self.net = painted.model, painted.model.needs["clip"].net
        self.read = {}  # what is found in the pictures of a row

    def weight(self, name: str = "weight") -> float:
        return self.record["parts"][name]["weight"]

    def asked(self) -> tuple[SceneData, Tensor, Tensor]:
        """The scenes of the ablation, their captions and their embeddings."""
        real = load_scenes("test", self.few or ASKED, seed=1)
        return real, real.condition(torch.arange(len(real))), images_of(self.net, real, len(real))

    def retrieval(self) -> dict:
        """Test captions find their pictures, and the other way round, among 100 and, in the full form, among 1,000."""
        real = load_scenes("test", 100 if self.few else 2000)
        return {str(among): retrieval(self.net, real, len(real), among) for among in (100, 1000) if among <= len(real)}

    def tried(self) -> tuple[SceneData, np.ndarray]:
        real = load_scenes("test", self.few or TRIED, seed=2)
        return real, real.facts.numpy()

    def choose_weight(self) -> dict:
        """The whole scene as asked over the decoder's w, of true embeddings; and the best."""
        real, wanted = self.tried()
        vectors, rights = images_of(self.net, real, len(real)), {}
        for weight in WEIGHTS:
            rights[weight] = share(agrees(wanted, read_scenes(self.painted.of(vectors, weight, "tried", 2)).facts).all(1))
        return best(rights)

    def choose_prior_weight(self) -> dict:
        """The whole scene as asked over the prior's w; and the best."""
        real, wanted = self.tried()
        tokens, rights = real.condition(torch.arange(len(real))), {}
        for weight in PRIOR_WEIGHTS:
            vectors = imagine(self.model, tokens, weight=weight, seed=2)
            pictures = self.painted.of(vectors, self.weight(), f"tried-prior-{weight:g}", 2)
            rights[weight] = share(agrees(wanted, read_scenes(pictures).facts).all(1))
        return best(rights)

    def vectors_of(self, row: str) -> Tensor:
        """Where the embeddings of a row of the ablation come from (Ramesh et al. 2022, section 5.1)."""
        _, tokens, image = self.asked()
        if row == "prior":
            return imagine(self.model, tokens, weight=self.weight("prior weight"), seed=1)
        return texts_of(self.net, tokens) if row == "direct" else image

    def found(self, row: str) -> np.ndarray:
        """What is read in the pictures of a row. Shuffled ones are those of another true embedding, each with its noise."""
        if row == "shuffled":
            return np.roll(self.found("true"), 1, axis=0)
        if row not in self.read:
            name = f"prior-{self.weight('prior weight'):g}" if row == "prior" else row
            self.read[row] = read_scenes(self.painted.of(self.vectors_of(row), self.weight(), name, 1)).facts
        return self.read[row]

    def row(self, row: str) -> dict:
        return row_of(self.asked()[0].facts.numpy(), self.found(row))

    def prior_against_direct(self) -> dict:
        return difference(self.asked()[0].facts.numpy(), self.found("prior"), self.found("direct"))

    def embeddings(self) -> dict:
        """How far those of the prior are from true ones, beside the floor; the gap between the two kinds; and the cosine to the
        true one over the steps of the prior, which is highest where the mean is drawn."""
        _, tokens, image = self.asked()
        learnt = load_scenes("train", 200 if self.few else LEARNT)
        training, text, prior = images_of(self.net, learnt, len(learnt)), texts_of(self.net, tokens), self.model.needs["prior"]
        over = {}
        for steps in (1, 2, 5, 25):
            fewer = Checkpoint(prior.name, changed(prior.card, steps), prior.net, prior.parts, prior.needs)
            with_fewer = Checkpoint(self.model.name, self.model.card, self.model.net, self.model.parts,
                                    self.model.needs | {"prior": fewer})
            vectors = imagine(with_fewer, tokens, weight=self.weight("prior weight"), seed=1)
            over[str(steps)] = {"to_true": cosines(vectors, image), "to_caption": cosines(vectors, text),
                                "distance": distance(vectors, image, training)}
        return {"over_steps": over, "distance": over["25"]["distance"], "gap": gap(image, text)}

    def variations(self) -> dict:
        """What a variation keeps of what captions say, beside what the reader finds in the scenes themselves; and what it does
        not keep, the style of the digit, of which captions never speak."""
        real = load_scenes("test", self.few or VARIED, seed=4)
        x, wanted = real.x0(torch.arange(len(real))), real.facts.numpy()
        varied = self.painted.of(picture_vectors(self.model, x), self.weight(), "varied", 4)
        own, drawn = read_scenes(x), read_scenes(varied)
        return {"kept": kept(wanted, drawn.facts), "ceiling": kept(wanted, own.facts), "own_style": own_style(own, drawn)}

    def between(self) -> dict:
        """Pictures on the arc between two scenes of one digit each, with one noise."""
        real = load_scenes("test", 6 * (self.few or PAIRS), seed=6)
        rows = torch.nonzero(real.facts[:, COUNT] == 1)[:, 0][:2 * (self.few or PAIRS)]
        vectors, facts = picture_vectors(self.model, real.x0(rows)), real.facts[rows].numpy()
        half, over = len(rows) // 2, {}
        a, b = slice(0, half), slice(half, 2 * half)
        for s in SHARES:
            pictures = self.painted.of(slerp(vectors[a], vectors[b], s), self.weight(), f"between-{s:g}", 6)
            either, far = of_either(facts[a], facts[b], read_scenes(pictures).facts)
            over[f"{s:g}"] = {"of_either": either, "share_of_b": far}
        right = sum(round(one["of_either"]["share"] * one["of_either"]["n"]) for one in over.values())
        n = sum(one["of_either"]["n"] for one in over.values())
        return {"pairs": half, "over_share": over, "of_either": share(np.arange(n) < right),
                "spearman": spearman(np.array(SHARES), np.array([one["share_of_b"] for one in over.values()]))}

    def red_to_blue(self) -> dict:
        """Red digits moved along the difference of two captions, from their own noise: what changes, and what is kept.

        The angle is chosen by the first fifth of the scenes, and measured by the others.
        """
        real = load_scenes("test", 40 * (self.few or TURNED), seed=5)
        before = real.facts.numpy()
        digits = before[:, FIRST.start]
        good = (before[:, COUNT] == 1) & (before[:, FIRST.start + COLOUR] == RED) & ~np.isin(
            digits, [digit for digit in range(10) if is_held_out_colour(digit, BLUE)])
        rows = torch.from_numpy(np.flatnonzero(good))[:self.few or TURNED]
        before, asked = before[rows], before[rows].copy()
        asked[:, FIRST.start + COLOUR] = BLUE
        vectors, noise = upward(self.model, real.x0(rows), steps=STEPS, batch=BLOCK)
        words = [texts_of(self.net, captions_of(facts)) for facts in (before, asked)]

        def moved(angle: float, part: slice) -> dict:
            there = text_difference(vectors[part], words[0][part], words[1][part], angle)
            x = downward(self.model, there, noise[part], steps=STEPS, batch=BLOCK)
            found = edit_shares(before[part], asked[part], read_scenes(x).facts)
            return {group: plain(found[group]["all"]) for group in ("changed", "kept")}

        fifth = max(1, len(rows) // 5)
        over = {angle: moved(angle, slice(0, fifth)) for angle in ANGLES}
        angle = max(over, key=lambda one: min((over[one][group]["share"] or 0) / goal
                                                for group, goal in (("changed", 0.75), ("kept", 0.8))))
        same = read_scenes(downward(self.model, vectors, noise, steps=STEPS, batch=BLOCK)).facts
        return moved(angle, slice(fifth, None)) | {"angle": angle, "over_angle": {f"{k:g}": one for k, one in over.items()},
                                                   "not_moved": kept(before, same)}

    def binding(self) -> dict:
        """Colours on the wrong digit: by way of an embedding, and by words alone (scenes-latent, from its own record); and
        whether the embedding tells right from swapped."""
        real, _, image = self.asked()
        wanted = real.facts.numpy()
        two = np.flatnonzero(wanted[:, COUNT] == 2)
        latent = read(FOLDER, "scenes_bars", "cpu")["parts"]["seen"]
        rows = {row: row_of(wanted[two], self.found(row)[two]) for row in ("true", "prior")}
        return {"scenes-latent": {"right": {"everything": latent["right"]["two digits"]}, "exchanged": latent["exchanged"]},
                **rows, "right_against_swapped": right_against_swapped(self.net, image, wanted)}


def best(rights: dict[float, dict]) -> dict:
    """What was tried, and the weight of the highest share; of equals the lowest."""
    weight = max(rights, key=lambda w: (rights[w]["share"], -w))
    return {"right": {f"{w:g}": one for w, one in rights.items()}, "weight": weight}


def changed(card: dict, steps: int) -> dict:
    """A card whose sampler takes so many steps."""
    return card | {"config": card["config"] | {"sampling": card["config"]["sampling"] | {"steps": steps}}}


def parts(measured: Measured) -> dict[str, Figures]:
    """What is measured, by name and in this order."""
    return {"retrieval": measured.retrieval, "weight": measured.choose_weight, "prior weight": measured.choose_prior_weight,
            "embeddings": measured.embeddings,
            **{row: lambda row=row: measured.row(row) for row in ("true", "prior", "direct", "shuffled")},
            "prior - direct": measured.prior_against_direct, "variations": measured.variations, "between": measured.between,
            "red to blue": measured.red_to_blue, "binding": measured.binding}


def main() -> None:
    """Measure what is missing, and say which goals are met."""
    parser = arguments(__doc__)
    parser.add_argument("--checkpoint", default="scenes-unclip", help="its name, or the path of its card")
    parser.add_argument("--folder", type=Path, default=RUNS, help="where drawn scenes are kept")
    parser.add_argument("--only", nargs="+", help="these parts alone")
    args = parser.parse_args()
    model, ours = checkpoints.load(args.checkpoint, args.device), args.checkpoint == "scenes-unclip"
    of = {"checkpoint": model.name, "sha256": model.card["sha256"],
          "needs": {name: needed.card["sha256"] for name, needed in model.needs.items()}}
    few = SMALL if args.quick else None
    results = Results("unclip_bars", model.device, "shares of scenes drawn by way of embeddings, as the reader of scenes finds "
                      "them", few or ASKED, of | {"sampling": model.card["config"]["sampling"]}, args.quick or not ours,
                      anywhere=True, kind=None if ours else f"{of['sha256'][:8]}-{model.device.type}")
    results.record |= of
    results.measure(parts(Measured(Painted(model, args.folder), results.record, few)), args.only)
    say(goals(results.record))


if __name__ == "__main__":
    main()
