"""What is in a picture of a scene? Geometry says where and how; the classifier of digits, which never saw one, says which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from .. import checkpoints
from ..data import to_pixels
from ..data.scenes import facts_of, load_scenes, words_of
from ..data.scenes.drawing import PALETTE, SIDE
from ..data.scenes.facts import COUNT, FACTS, FIRST, RELATION, SECOND, agrees
from .frechet import feature_statistics, features_of, frechet_distance

JUDGE = "mnist-classifier"
INK, TRACE = 0.30, 0.15  # of the brightest channel: from which a pixel belongs to a digit; and joins what belongs to one
SPECK = 6  # pixels: what is smaller is no digit
LARGE = 21.5  # pixels of the longest side from which a digit is large
THICK = 0.18  # width of a stroke by the longest side from which it is thick
MOST = 4  # digits that are looked at; scenes have two


@dataclass(frozen=True)
class Reading:
    """facts: int64 (N, 10), as `data.scenes.facts` has them, where `count` is what was found, also 0, 3 or more
    boxes: int64 (N, 2, 4), top, left, bottom, right of each digit's ink, −1 where there is none
    crops: float32 (K, 1, 28, 28) in [−1, 1], all digits found, as the classifier saw them; owner: the scene of each, int64 (K,)
    """

    facts: np.ndarray
    boxes: np.ndarray
    crops: Tensor
    owner: np.ndarray


def read_scenes(x: Tensor, device: str | None = None) -> Reading:
    """What is in pictures (N, 3, 64, 64), float in [−1, 1]. Raises ValueError for another shape."""
    if x.ndim != 4 or tuple(x.shape[1:]) != (3, SIDE, SIDE):
        raise ValueError(f"scenes must be (N, 3, {SIDE}, {SIDE}), got {tuple(x.shape)}")
    pictures = to_pixels(x.cpu().float()).permute(0, 2, 3, 1).numpy()
    facts = np.full((len(x), len(FACTS)), -1)
    boxes = np.full((len(x), 2, 4), -1)
    crops, owner, places = [], [], []
    for i, picture in enumerate(pictures):
        found = blobs(picture)
        facts[i, COUNT] = len(found)
        for k, (box, ink) in enumerate(in_order(found, facts[i])[:2]):
            place = (FIRST, SECOND)[k]
            boxes[i, k] = box
            facts[i, place] = -1, *traits(picture, box, ink)
            crops.append(crop(picture, box, ink))
            owner.append(i)
            places.append(place.start)
    crops = torch.from_numpy(np.stack(crops)[:, None]) if crops else torch.zeros(0, 1, 28, 28)
    if owner:
        facts[owner, places] = classify(crops, device)
    return Reading(facts, boxes, crops, np.array(owner, dtype=np.int64))


Box = tuple[int, int, int, int]  # top, left, bottom, right; the last two are just outside


def blobs(picture: np.ndarray) -> list[tuple[Box, np.ndarray]]:
    """Box and ink, bool (64, 64), of each thing that may be a digit, largest first, in a picture uint8 (64, 64, 3).

    Pieces two pixels apart belong together, also by a faint trace: strokes break, and digits keep a greater distance.
    """
    ink, trace = picture.max(2) > 255 * INK, picture.max(2) > 255 * TRACE
    pieces, count = ndimage.label(ndimage.binary_dilation(trace, np.ones((3, 3))), np.ones((3, 3)))
    found = []
    for number in range(1, count + 1):
        mine = ink & (pieces == number)
        if mine.sum() >= SPECK:
            rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
            found.append(((rows[0], columns[0], rows[-1] + 1, columns[-1] + 1), mine))
    return sorted(found, key=lambda blob: -blob[1].sum())[:MOST]


def in_order(found: list, facts: np.ndarray) -> list:
    """Two digits in the order of their relation, which is written into the facts; others as they are."""
    if len(found) != 2:
        return found
    (top, left, bottom, right), (top2, left2, bottom2, right2) = found[0][0], found[1][0]
    down, aside = (top2 + bottom2) - (top + bottom), (left2 + right2) - (left + right)
    facts[RELATION] = int(abs(down) > abs(aside))
    return found if (down if facts[RELATION] else aside) >= 0 else found[::-1]


def traits(picture: np.ndarray, box: Box, ink: np.ndarray) -> tuple[int, int, int]:
    """Colour, size and stroke of one digit: the nearest direction of the palette, the longest side, the width of its ridge."""
    mean = picture[ink].astype(float).sum(0)
    directions = PALETTE / np.linalg.norm(PALETTE, axis=1, keepdims=True)
    longest = max(box[2] - box[0], box[3] - box[1])
    depth = ndimage.distance_transform_edt(np.pad(ink, 1).repeat(2, 0).repeat(2, 1)) / 2
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > 0)
    width = 2 * np.median(depth[ridge]) if ridge.any() else 0.0
    return int((directions @ mean).argmax()), int(longest > LARGE), int(width / longest > THICK)


def crop(picture: np.ndarray, box: Box, ink: np.ndarray) -> np.ndarray:
    """One digit as MNIST has them, float32 (28, 28) in [−1, 1]: the longest side 20 pixels, centred by mass."""
    top, left, bottom, right = box
    # what lies a pixel beside the ink is its soft edge
    grey = (picture.max(2) * ndimage.binary_dilation(ink))[top:bottom, left:right]
    scale = 20 / max(grey.shape)
    size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.LANCZOS)).astype(np.float32)
    small *= 255 / max(1.0, small.max())
    mass = small.sum() or 1.0
    row = 14 - (small.sum(1) @ (np.arange(small.shape[0]) + 0.5)) / mass
    column = 14 - (small.sum(0) @ (np.arange(small.shape[1]) + 0.5)) / mass
    top, left = (int(np.clip(round(at), 0, 28 - side)) for at, side in ((row, small.shape[0]), (column, small.shape[1])))
    framed = np.zeros((28, 28), np.float32)
    framed[top:top + small.shape[0], left:left + small.shape[1]] = small
    return framed / 127.5 - 1


@torch.no_grad()
def classify(crops: Tensor, device: str | None = None) -> np.ndarray:
    """The digit 0…9 of each crop, int64 (K,)."""
    judge = checkpoints.load(JUDGE, device)
    return torch.cat([judge.net(part.to(judge.device)).argmax(1).cpu() for part in crops.split(500)]).numpy()


def share_right(x: Tensor, wanted: np.ndarray, device: str | None = None) -> float:
    """The share of pictures (N, 3, 64, 64) in which everything is as wanted. wanted: int64 (N, 10), −1 for "anything"."""
    return shares(wanted, read_scenes(x, device).facts)["everything"]


def evaluate(x: Tensor, cond: Tensor | None = None, calls: int | None = None, device: str | None = None) -> dict:
    """All figures of a set of scenes as a dictionary ready for JSON. x: float (N, 3, 64, 64) in [−1, 1]; cond: the prompts they
    were drawn for, int64 (N, 14), of which those that are captions are judged.

    Beside each figure its ceiling, what real test scenes have under the same reader, and the floor, prompts shuffled.
    Raises ValueError for another shape, and prompts of another number.
    """
    reading = read_scenes(x, device)
    test = load_scenes("test", max(1000, len(x)))  # a distance of fewer digits is larger, also that of the floor
    real = read_scenes(test.x0(torch.arange(len(test))), device)
    result = {
        "n": len(x), "calls": calls,
        "fd_of_digits": distance_of_crops(reading.crops, device), "n_digits": len(reading.crops),
        "fd_of_digits_floor_test": distance_of_crops(real.crops[:len(reading.crops)], device),
        "ceiling": shares(test.facts.numpy(), real.facts),
    }
    if cond is None:
        return result
    if len(cond) != len(x):
        raise ValueError(f"a prompt for each of {len(x)} scenes is needed, got {len(cond)}")
    read = [facts_of(" ".join(words_of(prompt))) for prompt in cond]
    rows = [i for i, facts in enumerate(read) if facts is not None]
    if not rows:
        return result | {"right": None, "note": "no prompt is a caption of a scene"}
    wanted = np.stack([read[i] for i in rows])
    order = np.random.default_rng(0).permutation(len(rows))
    return result | {"right": shares(wanted, reading.facts[rows]), "n_judged": len(rows),
                     "floor": shares(wanted[order], reading.facts[rows])}


def shares(wanted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """The share of scenes in which everything, or one thing, is as wanted; of what is asked of digits, the share of digits."""
    right = agrees(wanted, found)
    named = {name: np.concatenate([right[wanted[:, k] != -1, k] for k in columns])
             for name, columns in (("count", [0]), ("relation", [1]), ("digit", [2, 6]), ("colour", [3, 7]), ("size", [4, 8]),
                                   ("stroke", [5, 9]))}
    return {"everything": float(right.all(1).mean())} | {name: float(x.mean()) for name, x in named.items() if len(x)}


@lru_cache(maxsize=2)
def _crops_of_training_scenes(device: str | None) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the classifier's features of the digits in 2,000 training scenes."""
    train = load_scenes("train", 2000)
    crops = read_scenes(train.x0(torch.arange(len(train))), device).crops
    return feature_statistics(features_of(checkpoints.load(JUDGE, device).net, crops)[0])


def distance_of_crops(crops: Tensor, device: str | None = None) -> float | None:
    """Fréchet distance of digits cut out of scenes, (K, 1, 28, 28), to those of training scenes; None for fewer than two."""
    if len(crops) < 2:
        return None
    features, _ = features_of(checkpoints.load(JUDGE, device).net, crops)
    return frechet_distance(*_crops_of_training_scenes(device), *feature_statistics(features))
