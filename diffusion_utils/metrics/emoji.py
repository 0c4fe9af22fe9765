"""Is the right emoji drawn, and is it learnt or remembered? The true picture of what was never shown exists: how near is it?

The distance of two pictures is that of their pixels after a blur of one pixel. It is the same for everybody and nothing learns
it; without the blur a thin line that is off by a pixel counts twice, and with more the small things are gone.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from scipy import ndimage
from torch import Tensor

from ..data import to_model
from ..data.emoji import STYLES, EmojiData, all_pictures, emoji_table, load_emoji
from ..data.emoji.split import kind_of
from ..data.emoji.words import full_prompt, numbers_of_words

BLUR = 1.0  # pixels, standard deviation
SAME = 1e-3  # distances that differ by less are equal: some emoji look alike
KINDS = {"styles": "never shown in this style", "tones": "never shown with this skin tone", "seen": "shown in training"}


def blurred(x: Tensor) -> Tensor:
    """Pictures (N, 3, 32, 32) in [−1, 1] as rows of numbers in which they are compared, (N, 3072) float32."""
    if x.ndim != 4 or tuple(x.shape[1:]) != (3, 32, 32):
        raise ValueError(f"emoji must be (N, 3, 32, 32), got {tuple(x.shape)}")
    soft = ndimage.gaussian_filter(x.cpu().float().numpy(), (0, 0, BLUR, BLUR), mode="nearest")
    return torch.from_numpy(soft).flatten(1)


@lru_cache(maxsize=1)
def true_pictures() -> Tensor:
    """All emoji of each style, blurred: (3, 3521, 3072)."""
    return torch.stack([blurred(to_model(pictures)) for pictures in all_pictures()])


def ranks(x: Tensor, emoji: Tensor, style: Tensor) -> Tensor:
    """How many emoji of the same style are nearer to each picture than the one that was asked for, int64 (N,): 0 is right.

    x: (N, 3, 32, 32) in [−1, 1]; emoji, style: numbers of what was asked for, int64 (N,). Those that look the same are not
    nearer.
    """
    soft, rank = blurred(x), torch.zeros(len(x), dtype=torch.int64)
    for k, there in enumerate(true_pictures()):
        mine = (style == k).nonzero()[:, 0]
        distance = torch.cdist(soft[mine], there)
        own = distance.gather(1, emoji[mine, None])
        rank[mine] = (distance < own - SAME).sum(1)
    return rank


def share_right(x: Tensor, wanted: EmojiData) -> float:
    """The share of pictures to which the emoji that was wanted is the nearest of all in its style."""
    return float((ranks(x, wanted.emoji, wanted.style) == 0).double().mean())


def evaluate(x: Tensor, cond: Tensor | None = None, calls: int | None = None, device: str | None = None) -> dict:
    """All figures of drawn emoji as a dictionary ready for JSON. x: float (N, 3, 32, 32) in [−1, 1]; cond: the prompts they
    were drawn for, int64 (N, 12), of which those that are a style and a full name are judged, each kind by itself.

    Raises ValueError for another shape, and prompts of another number.
    """
    result = {"n": len(x), "calls": calls}
    if cond is None:
        return result | {"right": None, "note": "without prompts nobody knows what is right"}
    if len(cond) != len(x):
        raise ValueError(f"a prompt for each of {len(x)} emoji is needed, got {len(cond)}")
    known = asked_by_prompt()
    found = [known.get(tuple(prompt)) for prompt in cond.tolist()]
    for kind, meaning in KINDS.items():
        rows = [i for i, one in enumerate(found) if one and one[2] == kind]
        if rows:
            emoji, style = torch.tensor([found[i][:2] for i in rows]).unbind(1)
            result[kind] = {"meaning": meaning} | figures(x[rows], emoji, style)
            if kind == "tones":
                result[kind]["copying_the_next_tone"] = next_tone(emoji, style)
    return result | {"n_judged": sum(one is not None for one in found)}


@lru_cache(maxsize=1)
def asked_by_prompt() -> dict[tuple[int, ...], tuple[int, int, str]]:
    """The numbers of a full prompt → (emoji, style, kind)."""
    table = emoji_table()
    rows = [(i, style) for i in range(len(table)) for style in range(len(STYLES))]
    tokens = numbers_of_words([full_prompt(table[i], style) for i, style in rows])

    return {tuple(prompt): (i, style, kind_of(i, style)) for prompt, (i, style) in zip(tokens.tolist(), rows, strict=True)}


def figures(x: Tensor, emoji: Tensor, style: Tensor) -> dict:
    """Of pictures that were asked for: the share for which the right emoji is the nearest of all 3,521 in the style, and among
    the nearest five; what copying the same emoji out of another style gives; chance; and what was remembered."""
    rank, n = ranks(x, emoji, style), len(emoji_table())
    copies = torch.stack([ranks(to_model(all_pictures()[(style + k) % len(STYLES), emoji]), emoji, style) for k in (1, 2)])
    same = {"top_1": 1 / n, "top_5": 5 / n}
    return {"n": len(x), **tops(rank), "copying_another_style": tops(copies), "chance": same, **remembered(x, emoji, style)}


def next_tone(emoji: Tensor, style: Tensor) -> dict[str, float]:
    """What the same person in the same style with a skin one step lighter gives, or one darker than the lightest. It comes so
    near that only the first place tells whether the tone is right."""
    table = emoji_table()
    number = {(one.base, one.tone): i for i, one in enumerate(table)}
    others = [number[table[i].base, table[i].tone - 1 if table[i].tone > 1 else 2] for i in emoji.tolist()]
    return tops(ranks(to_model(all_pictures()[style, others]), emoji, style))


def tops(rank: Tensor) -> dict[str, float]:
    """The shares of ranks below 1 and below 5."""
    return {f"top_{k}": float((rank < k).double().mean()) for k in (1, 5)}


def remembered(x: Tensor, emoji: Tensor, style: Tensor) -> dict[str, float]:
    """Which training picture of any style is the nearest: the one asked for, the same emoji in another style, or another emoji;
    and the share of pictures that are nearer to the true one than to every training picture but that.

    A picture that was never shown and is yet nearer than all that were cannot be remembered.
    """
    shown = load_emoji("train")
    soft, known = blurred(x), true_pictures()[shown.style, shown.emoji]
    own = (soft - true_pictures()[style, emoji]).norm(dim=1)
    asked = (shown.emoji == emoji[:, None]) & (shown.style == style[:, None])  # (N, training pictures)
    distance = torch.cdist(soft, known)
    nearest = distance.argmin(1)
    other = distance.masked_fill(asked, torch.inf).amin(1)
    itself = asked[torch.arange(len(x)), nearest]
    sister = (shown.emoji[nearest] == emoji) & ~itself
    shares = {"nearest_shown_is_itself": itself, "nearest_shown_is_another_style_of_it": sister,
              "true_one_nearer_than_all_others_shown": own <= other + SAME}
    return {name: float(share.double().mean()) for name, share in shares.items()}
