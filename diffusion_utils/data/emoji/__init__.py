"""Emoji: 3,521 pictures of 32 × 32 pixels in colour, in each of three open styles, with their names. No download is needed.

The pictures and their licences are beside this file: NOTICE.md says who drew them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import unknown_name
from ..mnist import to_model
from .split import KINDS, held_out, kind_of
from .table import HERE, STYLES, TONES, emoji_table
from .words import LENGTH, draw_prompts, full_prompt, numbers_of_words, tokens_of, words

SIDE, COLUMNS = 32, 64  # pixels of an emoji, and emoji in a row of a sheet
VISITS = 2  # times that an emoji without a tone is visited in an epoch; otherwise half of all would be people


@dataclass(frozen=True, eq=False)
class EmojiData:
    """pictures: uint8 (N, 3, 32, 32) on white; emoji, style: the number of each in `emoji_table` and `STYLES`, int64 (N,)."""

    pictures: Tensor
    emoji: Tensor
    style: Tensor
    name: str
    source: str
    sha256: str
    shape = (3, SIDE, SIDE)
    clip = (-1.0, 1.0)

    def __len__(self) -> int:
        return len(self.pictures)

    def to(self, device: torch.device) -> EmojiData:
        """The same emoji on the device, still as bytes."""
        return replace(self, pictures=self.pictures.to(device), emoji=self.emoji.to(device), style=self.style.to(device))

    def first(self, n: int) -> EmojiData:
        """The first n of them."""
        return replace(self, pictures=self.pictures[:n], emoji=self.emoji[:n], style=self.style[:n])

    def x0(self, rows: Tensor) -> Tensor:
        """Pictures of these rows, float32 (B, 3, 32, 32) in [−1, 1]."""
        return to_model(self.pictures[rows])

    def condition(self, rows: Tensor) -> Tensor:
        """Style and full name of these rows, as the numbers of their words: int64 (B, 12)."""
        table, rows = emoji_table(), rows.cpu()
        asked = zip(self.emoji.cpu()[rows].tolist(), self.style.cpu()[rows].tolist(), strict=True)
        return numbers_of_words([full_prompt(table[e], s) for e, s in asked]).to(self.pictures.device)

    def draw_prompts(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Words that go with these rows, at random: int64 (B, 12)."""
        return numbers_of_words(draw_prompts(self.emoji[rows], self.style[rows], generator))


@lru_cache(maxsize=1)
def all_pictures() -> Tensor:
    """The pictures of every emoji in every style, uint8 (3, 3521, 3, 32, 32)."""
    sheets = []
    for style in STYLES:
        with Image.open(HERE / f"{style}.webp") as file:
            sheet = torch.from_numpy(np.array(file.convert("RGB")))
        cells = sheet.unflatten(0, (-1, SIDE)).unflatten(2, (COLUMNS, SIDE)).permute(0, 2, 4, 1, 3).flatten(0, 1)
        sheets.append(cells[:len(emoji_table())])
    return torch.stack(sheets).contiguous()


def load_emoji(split: str = "train", kind: str | None = None) -> EmojiData:
    """'train': what networks are shown, where each emoji without a tone stands twice; 'test': what they never are.

    kind: of the test data alone, "styles" or "tones", or "seen", training pictures that a network may remember, one for each
    emoji that lacks a style, to be compared with it; both kinds that are held out by default, first "styles".
    Raises ValueError for an unknown split or kind.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    if kind is not None and (split == "train" or kind not in KINDS):
        raise unknown_name("kind of emoji", kind, KINDS if split == "test" else ())
    if split == "train":
        shown = [(i, style) for i, one in enumerate(emoji_table()) for style in range(len(STYLES))
                 for _ in range(1 if one.tone else VISITS) if kind_of(i, style) == "seen"]
    else:
        shown = [row for name in ([kind] if kind else KINDS[1:]) for row in _test_rows(name)]
    emoji, style = torch.tensor(shown).unbind(1)
    pictures = all_pictures()[style, emoji]
    digest = hashlib.sha256(pictures.numpy().tobytes() + torch.tensor(shown).numpy().tobytes()).hexdigest()
    name = f"emoji-{split}" + (f" ({kind})" if kind else "")
    return EmojiData(pictures, emoji, style, name, "Noto Emoji, Twemoji and OpenMoji, in the package", digest)


def _test_rows(kind: str) -> list[tuple[int, int]]:
    """(emoji, style) of a kind, in the order of `held_out`: the first hundred are of all styles and sorts.

    Some emoji look alike, such as two flags: what is shown under another name is not new, and left out.
    """
    styles, tones = held_out()
    if kind == "seen":
        return [(i, (style + 1) % len(STYLES)) for i, style in styles.items()]
    number = {(one.base, one.tone): i for i, one in enumerate(emoji_table())}
    new = styles.items() if kind == "styles" else [(number[i, tone], style) for i, tone in tones.items()
                                                   for style in range(len(STYLES)) if styles.get(i) != style]
    return [(i, style) for i, style in new if all_pictures()[style, i].numpy().tobytes() not in _shown()]


@lru_cache(maxsize=1)
def _shown() -> frozenset[bytes]:
    """All training pictures."""
    return frozenset(picture.numpy().tobytes() for picture in load_emoji("train").pictures)


__all__ = ["KINDS", "LENGTH", "STYLES", "TONES", "EmojiData", "all_pictures", "emoji_table", "held_out", "load_emoji",
           "tokens_of", "words"]
