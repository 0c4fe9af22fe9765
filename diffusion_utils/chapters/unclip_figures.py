"""The figures of the chapter on unCLIP: a record of codes, decoded, as sliders over pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diffusion_utils.data.scenes import facts_of
from diffusion_utils.data.scenes.facts import agrees
from diffusion_utils.latent import Codec
from diffusion_utils.widgets import Axis, FrameScrubber, tile

FACTS = "_facts"  # ends the name of what was read in pictures
SHOWN = 4         # pictures side by side
LEVELS = 17       # a grey in 16 levels: a page carries less


def decoded(codec: Codec, kept: dict[str, Tensor]) -> dict[str, Tensor]:
    """A record's tensors: codes (…, 4, 16, 16) become pictures (…, 3, 64, 64) on the CPU, facts int64 (…, 10)."""
    found = {}
    for name, x in kept.items():
        if name.endswith(FACTS):
            found[name] = x.long()
        else:
            pictures = [codec.decode(part.float()).cpu() for part in x.flatten(0, -4).split(250)]
            found[name] = torch.cat(pictures).unflatten(0, x.shape[:-3])
    return found


def framed(pictures: Tensor, columns: int = SHOWN) -> np.ndarray:
    """Pictures (n, 3, H, W) in rows of so many, uint8 (H′, W′, 3)."""
    return tile(pictures, cols=columns) // LEVELS * LEVELS


def count(asked: np.ndarray, found: Tensor) -> str:
    """How many scenes are as asked: "3 of 4". asked: int64 (10,) or (n, 10), −1 where nothing is; found: (n, 10)."""
    return f"{int(agrees(asked, found.numpy()).all(1).sum())} of {len(found)}"


def between(record: dict, drawn: dict[str, Tensor], **options) -> FrameScrubber:
    """Pictures on the arc between two embeddings, with four noises. drawn: of `decoded`."""
    settings = record["settings"]
    shares, pairs = settings["shares"], settings["pairs"]
    x, read = drawn["between"], drawn["between" + FACTS]  # (pair, share, noise, …)
    ends = [[read_or_said(text, read[j, place]) for text, place in zip(pair["ends"], (0, -1), strict=True)]
            for j, pair in enumerate(pairs)]
    of = [[[count(ends[j][end], read[j, k]) for j in range(len(pairs))] for k in range(len(shares))] for end in (0, 1)]
    about = {"title": "Between two embeddings", "name": "fig-between-two-embeddings", "interval_ms": 600,
             "alt": "Four pictures half-way between two embeddings, drawn from four noises"} | options
    said = [[f"From {pair['ends'][0] or 'one scene'} to {pair['ends'][1] or 'another'}." for pair in pairs] for _ in shares]
    return FrameScrubber.from_arrays(
        [[framed(x[j, k], SHOWN // 2) for j in range(len(pairs))] for k in range(len(shares))],
        axes=[Axis("s", [f"{share:g}" for share in shares], len(shares) // 2),
              Axis("between", [pair["name"] for pair in pairs], buttons=True)],
        readouts={"as the first": of[0], "as the second": of[1]}, captions=said, **about)


def read_or_said(text: str | None, found: Tensor) -> np.ndarray:
    """The facts of an end: what its caption says; where it has none, what most often is read where the arc ends there."""
    return facts_of(text) if text else found.mode(0).values.numpy()


def varied(record: dict, drawn: dict[str, Tensor], **options) -> FrameScrubber:
    """Scenes, and what else is drawn from their embedding."""
    first, others = drawn["originals"], drawn["varied"]  # (scene, …), (scene, variation, …)
    told = record["settings"]["captions"]
    counts = [count(facts_of(text), read) for text, read in zip(told, drawn["varied" + FACTS], strict=True)]
    about = {"title": "A scene and seven variations of it", "name": "fig-variations", "interval_ms": 1500,
             "alt": "A scene, and seven pictures drawn from its embedding with other noise"} | options
    return FrameScrubber.from_arrays(
        [framed(torch.cat([first[k:k + 1], others[k]])) for k in range(len(first))],
        axes=[Axis("scene", range(1, len(first) + 1), buttons=True)],
        readouts={"as the caption says": counts},
        captions=[f"Top left: the scene, {text}. The others: its variations." for text in told], **about)


def moved(record: dict, drawn: dict[str, Tensor], **options) -> FrameScrubber:
    """Scenes moved along the difference of two captions, from their own noise."""
    settings = record["settings"]
    angles, changes = settings["angles"], settings["changes"]
    before, after = drawn["before"], drawn["moved"]  # (change, scene, …), (change, angle, scene, …)
    read, asked = drawn["moved" + FACTS], drawn["asked" + FACTS]
    counts = [[count(asked[j].numpy(), read[j, k]) for j in range(len(changes))] for k in range(len(angles))]
    about = {"title": "A scene follows its caption", "name": "fig-a-scene-follows-its-caption", "interval_ms": 700,
             "alt": "Above four scenes, below the same moved along the difference of two captions"} | options
    return FrameScrubber.from_arrays(
        [[framed(torch.cat([before[j], after[j, k]])) for j in range(len(changes))] for k in range(len(angles))],
        axes=[Axis("angle", [f"{angle:g}" for angle in angles], len(angles) // 2), Axis("change", changes, buttons=True)],
        readouts={"all as the new caption says": counts},
        captions=[["Above: the scenes. Below: moved along the difference of their captions."] * len(changes)] * len(angles),
        **about)


def ablation(record: dict, drawn: dict[str, Tensor], shares: dict[str, str], **options) -> FrameScrubber:
    """Pictures of the same captions and noise from several kinds of embeddings. shares: how many are as asked of many."""
    kinds, told = record["settings"]["kinds"], record["settings"]["asked"]
    asked = np.stack([facts_of(text) for text in told])
    counts = [count(asked, drawn["rows" + FACTS][k]) for k in range(len(kinds))]
    about = {"title": "One noise, four kinds of embedding", "name": "fig-four-kinds-of-embedding", "interval_ms": 1500,
             "alt": "Eight pictures of eight captions, drawn from embeddings of one kind"} | options
    return FrameScrubber.from_arrays(
        [framed(drawn["rows"][k]) for k in range(len(kinds))], axes=[Axis("embedding", kinds, buttons=True)],
        readouts={"as asked": counts, "measured": [shares[kind] for kind in kinds]},
        captions=[f"Top row: {'; '.join(told[:SHOWN])}."] * len(kinds), **about)
