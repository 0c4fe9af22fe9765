"""What is measured of embeddings of scenes, and of pictures drawn by way of them: figures ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scenes_judged import by_fact, plain, share
from scipy.stats import rankdata
from torch import Tensor, nn

from diffusion_utils import checkpoints
from diffusion_utils.data.scenes import caption, tokens_of
from diffusion_utils.data.scenes.captions import CHANCES
from diffusion_utils.data.scenes.facts import COLOUR, COUNT, FIRST, SECOND, agrees, is_held_out_colour
from diffusion_utils.joint import unit
from diffusion_utils.metrics.binding import exchanged
from diffusion_utils.metrics.edits import edit_shares
from diffusion_utils.metrics.frechet import feature_statistics, features_of, frechet_distance
from diffusion_utils.metrics.joint import texts_of
from diffusion_utils.metrics.scenes import JUDGE, Reading

OF_ONE = [COUNT, *range(FIRST.start, FIRST.stop)]  # what is read of a scene with one digit
TEN = 10


def captions_of(facts: np.ndarray) -> Tensor:
    """Full captions of facts int64 (N, 10), as the numbers of their words."""
    return tokens_of([caption(row, np.full(CHANCES, 0.4), said=1.0) for row in facts])


def row_of(wanted: np.ndarray, found: np.ndarray) -> dict:
    """One row of the ablation: how many pictures are as asked, and what was exchanged between two digits."""
    return {"right": by_fact(wanted, found), "exchanged": {name: plain(one) for name, one in exchanged(wanted, found).items()}}


def difference(wanted: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict:
    """By how much more of our pictures than of theirs are as asked, of the same captions: the mean of pairs, with its 95 %
    interval."""
    more = agrees(wanted, ours).all(1).astype(float) - agrees(wanted, theirs).all(1)
    mean, half = float(more.mean()), 1.96 * float(more.std(ddof=1)) / math.sqrt(len(more))
    return {"difference": mean, "low": mean - half, "high": mean + half, "n": len(more)}


def distance(vectors: Tensor, real: Tensor, learnt: Tensor) -> dict:
    """Fréchet distance of embeddings drawn to those of training pictures; the floor, that of as many of test pictures."""
    training = feature_statistics(learnt)
    far, floor = (frechet_distance(*training, *feature_statistics(x)) for x in (vectors, real))
    return {"fd": far, "floor": floor, "by_floor": far / floor, "n": len(vectors)}


def cosines(a: Tensor, b: Tensor) -> dict:
    """Mean and quantiles of a_i·b_i, unit vectors (N, D) twice."""
    found = (a * b).sum(1).double()
    low, middle, high = np.quantile(found.numpy(), [0.05, 0.5, 0.95]).tolist()
    return {"mean": float(found.mean()), "5": low, "median": middle, "95": high, "n": len(found)}


def gap(image: Tensor, text: Tensor) -> dict:
    """Two kinds of embeddings in one space: those that belong together are nearer than others, yet each kind keeps to itself.

    Cosines of pairs, of captions with other pictures, and within each kind; and how far the two means are apart (Liang et al.
    2022, section 2). image, text: unit vectors (N, D).
    """
    return {"pairs": cosines(image, text), "others": cosines(image, text.roll(1, 0)),
            "pictures": cosines(image, image.roll(1, 0)), "captions": cosines(text, text.roll(1, 0)),
            "between_means": float((image.mean(0) - text.mean(0)).norm())}


def kept(before: np.ndarray, after: np.ndarray) -> dict:
    """Of all that a full caption says of the scenes before, what is so after: by name, with all."""
    return {name: plain(one) for name, one in edit_shares(before, before, after)["kept"].items()}


def own_style(real: Reading, drawn: Reading) -> dict:
    """How often the digit of a variation is most like the original's, among ten real ones of its class: of scenes with one
    digit, read as the same. A tenth is chance."""
    if not len(drawn.crops):
        return share(np.array([])) | {"chance": 1 / TEN}
    judge = checkpoints.load(JUDGE).net
    features = [unit(features_of(judge, reading.crops)[0]) for reading in (real, drawn)]
    own = {int(owner): k for k, owner in enumerate(real.owner) if real.facts[owner, COUNT] == 1}
    digits = real.facts[:, FIRST.start]
    hits, rng = [], np.random.default_rng(0)
    for k, owner in enumerate(drawn.owner):
        same = drawn.facts[owner, COUNT] == 1 and int(owner) in own and drawn.facts[owner, FIRST.start] == digits[owner]
        others = [place for row, place in own.items() if row != owner and digits[row] == digits[owner]]
        if same and len(others) >= TEN - 1:
            shown = [own[int(owner)], *rng.choice(others, TEN - 1, replace=False)]
            hits.append(int((features[0][shown] @ features[1][k]).argmax()) == 0)
    return share(np.array(hits)) | {"chance": 1 / TEN}


def of_either(a: np.ndarray, b: np.ndarray, found: np.ndarray) -> tuple[dict, float]:
    """Of what is read of pictures between two scenes with one digit each: the share that is as in one of the two; and of what
    only one of them has, the share that is b's, a half where there is nothing. a, b, found: int64 (N, 10)."""
    a, b, found = a[:, OF_ONE], b[:, OF_ONE], found[:, OF_ONE]
    is_a, is_b = found == a, found == b
    apart = (a != b) & (is_a | is_b)
    return share(is_a | is_b), float(is_b[apart].mean()) if apart.any() else 0.5


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """The correlation of the ranks, of which equals share theirs; 0 where one of the two is the same throughout."""
    ranks = [rankdata(one) for one in (x, y)]
    return float(np.corrcoef(*ranks)[0, 1]) if all(np.ptp(one) > 0 for one in ranks) else 0.0


def right_against_swapped(net: nn.Module, image: Tensor, facts: np.ndarray) -> dict:
    """Is a picture of two digits in two colours nearer to its caption than to the same with the colours changed about? Half is
    chance, and what a bag of words would know (Yuksekgonul et al. 2023). Only of colours that networks see on both digits."""
    first, second = (facts[:, place.start] for place in (FIRST, SECOND))
    colours = [facts[:, place.start + COLOUR] for place in (FIRST, SECOND)]
    rows = np.flatnonzero((facts[:, COUNT] == 2) & (first != second) & (colours[0] != colours[1]))
    rows = np.array([row for row in rows if not is_held_out_colour(first[row], colours[1][row])
                     and not is_held_out_colour(second[row], colours[0][row])], dtype=int)
    swapped = facts[rows].copy()
    swapped[:, [FIRST.start + COLOUR, SECOND.start + COLOUR]] = swapped[:, [SECOND.start + COLOUR, FIRST.start + COLOUR]]
    scores = [(image[rows] * texts_of(net, captions_of(one))).sum(1) for one in (facts[rows], swapped)]
    return share((scores[0] > scores[1]).numpy()) | {"chance": 0.5}


def said(one: dict) -> str:
    """A share with its interval."""
    if not one["n"]:
        return "nothing to count"
    return f"{one['share']:.1%} ({one['low']:.1%}…{one['high']:.1%}, n = {one['n']})"


def goals(record: dict) -> Iterator[tuple[str, str, bool | None]]:
    """Chapter 7's, of those parts that are there."""
    found = record["parts"]
    for way, one in found.get("retrieval", {}).get("100", {}).items():
        if isinstance(one, dict):
            yield (f"unclip: top 1 of 100, {way}, at least 0.9 × the ceiling of {one['ceiling']:.1%}", said(one),
                   one["share"] >= 0.9 * one["ceiling"])
    rows = {row: found[row]["right"]["everything"] for row in ("true", "prior", "direct", "shuffled") if row in found}
    for row, one in rows.items():
        met = one["share"] >= 0.85 * rows["true"]["share"] if row == "prior" else None
        yield (f"unclip: all as asked, embedding {row}" + ", at least 0.85 × true" * (row == "prior"), said(one), met)
    if "prior - direct" in found:
        one = found["prior - direct"]
        interval = f"({one['low']:+.1%}…{one['high']:+.1%}, n = {one['n']})"
        yield "unclip: all as asked, prior − direct", f"{one['difference']:+.1%} {interval}", None
    if "embeddings" in found:
        ratio = found["embeddings"]["distance"]["by_floor"]
        yield "unclip: distance of the prior's embeddings at most 3 × floor", f"{ratio:.2f} × floor", ratio <= 3
    if "variations" in found:
        part = found["variations"]
        ratio = part["kept"]["all"]["share"] / part["ceiling"]["all"]["share"]
        yield ("unclip: variations keep what captions say, 0.9 × real scenes", f"{ratio:.3f} ×; {said(part['kept']['all'])}",
               ratio >= 0.9)
        yield "unclip: a variation has the original's own style, of ten", said(part["own_style"]), None
    if "between" in found:
        part = found["between"]
        either, ranks = part["of_either"], part["spearman"]
        yield "unclip: between two scenes all is one's or the other's, 85 %", said(either), either["share"] >= 0.85
        yield "unclip: the far one's share rises, rank correlation 0.9", f"{ranks:.3f}", ranks >= 0.9
    if "red to blue" in found:
        part = found["red to blue"]
        for group, goal in (("changed", 0.75), ("kept", 0.8)):
            yield f"unclip: red to blue, {group}, {goal:.0%}", said(part[group]), (part[group]["share"] or 0) >= goal
    if "binding" in found:
        part = found["binding"]
        for row in ("scenes-latent", "prior", "true"):
            yield f"unclip: colours exchanged, {row}", said(part[row]["exchanged"]["colours"]), None
        yield "unclip: the embedding tells right from swapped colours", said(part["right_against_swapped"]), None
