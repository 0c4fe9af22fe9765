"""Scenes: 64 × 64 pixels in colour, with one or two real digits of which everything is known, and captions in plain words.

The digits are those of MNIST: a training scene takes training digits, a test scene test digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...checks import whole_number
from ...errors import unknown_name
from ..mnist import ImageData, load_mnist, to_model
from .captions import caption, draw_captions, facts_of, tokens_of, words_of
from .drawing import SIDE, draw_scene
from .facts import COUNT, KINDS, draw_facts

SEEDS = {"train": 0, "test": 1}


@dataclass(frozen=True, eq=False)
class SceneData:
    """pictures: uint8 (N, 3, 64, 64); facts: int64 (N, 10), see `facts.FACTS`; captions are made from the facts.

    sha256: that of the digits and of what was drawn with them.
    """

    pictures: Tensor
    facts: Tensor
    name: str
    source: str
    sha256: str
    shape = (3, SIDE, SIDE)
    clip = (-1.0, 1.0)

    def __len__(self) -> int:
        return len(self.pictures)

    def to(self, device: torch.device) -> SceneData:
        """The same scenes on the device, still as bytes."""
        return replace(self, pictures=self.pictures.to(device), facts=self.facts.to(device))

    def x0(self, rows: Tensor) -> Tensor:
        """Pictures of these rows, float32 (B, 3, 64, 64) in [−1, 1]."""
        return to_model(self.pictures[rows])

    def condition(self, rows: Tensor) -> Tensor:
        """Full captions of these rows, which leave nothing out, as the numbers of their words: int64 (B, 14)."""
        generator = torch.Generator().manual_seed(0)
        return tokens_of(draw_captions(self.facts[rows], generator, said=1.0)).to(self.pictures.device)

    def draw_prompts(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Captions of these rows, with words left out at random: int64 (B, 14)."""
        return tokens_of(draw_captions(self.facts[rows], generator))


def load_scenes(split: str = "train", n: int | None = None, kind: str = "seen", seed: int = 0) -> SceneData:
    """n scenes with digits of that split, 'train' (100,000 by default) or 'test' (2,000).

    kind: "seen", combinations that networks are shown; "colours" or "pairs", those that they never are (see `facts`).
    Scene i depends on (seed, i) alone.
    Raises ValueError for an unknown split or kind and for n < 1, and what `load_mnist` does.
    """
    if kind not in KINDS:
        raise unknown_name("kind of scenes", kind, KINDS)
    digits = load_mnist(split)
    n = (100_000 if split == "train" else 2_000) if n is None else whole_number("n", n, 1)
    pictures, facts = np.empty((n, 3, SIDE, SIDE), np.uint8), np.empty((n, 10), np.int64)
    images, labels = digits.images[:, 0].numpy(), digits.labels.numpy()
    for i in range(n):
        rng = np.random.default_rng([SEEDS[split], seed, KINDS.index(kind), i])
        facts[i], pictures[i] = scene(images, labels, kind, rng)
    what = f"{n} {kind}, seed {seed}"
    return SceneData(torch.from_numpy(pictures), torch.from_numpy(facts), f"scenes-{split} ({what})", _source(digits),
                     digits.sha256)


def scene(images: np.ndarray, labels: np.ndarray, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Facts int64 (10,) and picture uint8 (3, 64, 64) of a random scene of digits uint8 (N, 28, 28), labels (N,)."""
    while True:
        rows = rng.integers(len(images), size=2)
        facts = draw_facts(tuple(labels[rows].tolist()), kind, rng)
        picture = None if facts is None else draw_scene(facts, [images[row] for row in rows[:facts[COUNT]]], rng)
        if picture is not None:
            return facts, picture


def _source(digits: ImageData) -> str:
    return f"drawn with {digits.name} ({digits.source})"


__all__ = ["SceneData", "caption", "draw_captions", "facts_of", "load_scenes", "scene", "tokens_of", "words_of"]
