"""How good are drawn emoji, and what would it take to do as well without a network?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scenes_judged import share
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion_utils.data import to_model
from diffusion_utils.data.emoji import STYLES, EmojiData, all_pictures, emoji_table, held_out
from diffusion_utils.data.emoji.split import kind_of
from diffusion_utils.metrics.emoji import next_tone, ranks, remembered, true_pictures
from diffusion_utils.metrics.latent import psnr

DECAYS = (1e-3, 1e-2, 1e-1, 1.0)  # of the ridge regression, see `ridge`


def tops(rank: Tensor) -> dict:
    """The shares of ranks below 1 and below 5, with intervals."""
    return {f"top_{k}": share(rank.numpy() < k) for k in (1, 5)}


def sort_of(emoji: int) -> str:
    """What kind of thing it is, coarsely: flags are nearly the same in all styles, people nearly the same in all tones."""
    one = emoji_table()[emoji]
    return "flags" if one.name[0] == "flag" else "people" if one.base in held_out()[1] else "all others"


def judged(x: Tensor, wanted: EmojiData) -> dict:
    """Drawn pictures (N, 3, 32, 32): is the right emoji the nearest of all in its style, or among five; and is it learnt?"""
    rank, sorts = ranks(x, wanted.emoji, wanted.style), [sort_of(i) for i in wanted.emoji.tolist()]
    groups = {name: torch.tensor([one == name for one in sorts]) for name in ("flags", "people", "all others")}
    groups |= {name: wanted.style == k for k, name in enumerate(STYLES)}
    return tops(rank) | {"of": {name: tops(rank[rows]) for name, rows in groups.items()}} | {
        "remembered": remembered(x, wanted.emoji, wanted.style)}


def baselines(wanted: EmojiData, kind: str) -> dict:
    """What others would score: a picture of the same emoji in another style, copied (either, or the better one); the shown
    picture of the same style that is most like the true one, copied; for a style, a line from the two other styles to it; for
    a tone, the next one."""
    emoji, style, pictures = wanted.emoji, wanted.style, all_pictures()
    copies = torch.stack([ranks(to_model(pictures[(style + k) % 3, emoji]), emoji, style) for k in (1, 2)])
    found = {"copy of another style": tops(copies.flatten()), "copy of the better one": tops(copies.amin(0)),
             "copy of the most alike": tops(most_alike(wanted)), "chance": {f"top_{k}": k / len(emoji_table()) for k in (1, 5)}}
    if kind == "styles":
        found["linear"] = tops(ranks(linear(wanted), emoji, style))
    if kind == "tones":
        found["copy of the next tone"] = next_tone(emoji, style)
    return found


def most_alike(wanted: EmojiData) -> Tensor:
    """The ranks, int64 (N,), of copying the picture that is nearest to the true one of all that were shown in its style. Which
    one that is nobody knows who has not seen the true one: a bound on what any copying can do."""
    true, shown = true_pictures(), _shown()
    rows = []
    for i, style in zip(wanted.emoji.tolist(), wanted.style.tolist(), strict=True):
        away = (true[style] - true[style, i]).norm(dim=1)
        away[~shown[style]] = torch.inf
        away[i] = torch.inf
        rows.append(int(away.argmin()))
    return ranks(to_model(all_pictures()[wanted.style, rows]), wanted.emoji, wanted.style)


def _shown() -> Tensor:
    """Which pictures networks are shown, bool (3, 3521)."""
    return torch.tensor([[kind_of(i, style) == "seen" for i in range(len(emoji_table()))] for style in range(len(STYLES))])


def linear(wanted: EmojiData) -> Tensor:
    """Pictures (N, 3, 32, 32) in their style by ridge regression from the pictures in the two other styles, at half the
    resolution, which no network is given: learnt from all emoji that are shown in all three. A fifth of these chooses λ."""
    result, learnt = torch.empty(len(wanted), 3, 32, 32), torch.nonzero(_shown().all(0))[:, 0]
    pictures, fifth = to_model(all_pictures()), torch.arange(len(learnt)) % 5 == 0
    small = F.avg_pool2d(pictures.flatten(0, 1), 2).unflatten(0, (3, -1)).flatten(2)
    for style in wanted.style.unique().tolist():
        others = torch.cat([small[k] for k in range(3) if k != style], dim=1)
        tries = ridge(others, small[style], learnt[~fifth], learnt[fifth], DECAYS)
        errors = [float((one - small[style, learnt[fifth]]).square().mean()) for one in tries]
        rows = torch.nonzero(wanted.style == style)[:, 0]
        (found,) = ridge(others, pictures[style].flatten(1), learnt, wanted.emoji[rows], [DECAYS[errors.index(min(errors))]])
        result[rows] = found.unflatten(1, (3, 32, 32)).clamp(-1, 1)
    return result


def ridge(x: Tensor, y: Tensor, learnt: Tensor, asked: Tensor, decays: Sequence[float]) -> list[Tensor]:
    """y of the rows `asked` for each decay, as a line through those of the rows `learnt` has it: ȳ + (x − x̄)(C + λI)⁻¹B, where
    C has the products of the learnt x − x̄, B those with y − ȳ, and λ is decay times the mean of its diagonal."""
    centre, level = x[learnt].mean(0), y[learnt].mean(0)
    known, new = x[learnt] - centre, x[asked] - centre
    products, with_y = known.T @ known, known.T @ (y[learnt] - level)
    unit = products.diagonal().mean() * torch.eye(len(products))
    return [level + new @ torch.linalg.solve(products + decay * unit, with_y) for decay in decays]


@torch.no_grad()
def round_trip(coder: nn.Module, wanted: EmojiData) -> dict:
    """True pictures there and back: what the autoencoder alone lets through."""
    rows, device = torch.arange(len(wanted)), next(coder.parameters()).device
    back = coder.decode(coder.encode(wanted.x0(rows).to(device))).clamp(-1, 1).cpu()
    return {"psnr": psnr(coder, wanted, rows)} | tops(ranks(back, wanted.emoji, wanted.style))
