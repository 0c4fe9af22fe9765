"""What is measured of drawn scenes: figures ready for JSON, each share with n and its 95 % interval (Wilson)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes import SceneData, load_scenes
from diffusion_utils.data.scenes.facts import COLOURS, COUNT, FIRST, SECOND, agrees, is_held_out_colour
from diffusion_utils.edits import inpaint, redraw, swap
from diffusion_utils.guidance import guided
from diffusion_utils.metrics.attention import GROUND, NOTHING, OTHER, OWN, peaks, watched
from diffusion_utils.metrics.binding import exchanged
from diffusion_utils.metrics.edits import Share, edit_shares, wilson
from diffusion_utils.metrics.latent import psnr
from diffusion_utils.metrics.scenes import distance_of_crops, read_scenes
from diffusion_utils.sampling import sample

DIGIT, COLOUR = FIRST.start, FIRST.start + 1
STRENGTHS = (0.3, 0.5, 0.7, 0.9)
UNTIL = (0.8, 0.9, 1.0)


def plain(one: Share) -> dict:
    """A share for JSON; None where there was nothing to count."""
    return {"share": one.share if one.n else None, "low": one.low, "high": one.high, "n": one.n}


def share(right: np.ndarray) -> dict:
    """The share of True."""
    return plain(wilson(int(np.sum(right)), int(np.size(right))))


def by_fact(wanted: np.ndarray, found: np.ndarray) -> dict:
    """Everything, and each fact, as asked; of scenes with one digit and with two, everything."""
    shares = {name: plain(one) for name, one in edit_shares(wanted, wanted, found)["kept"].items() if name != "all"}
    whole = agrees(wanted, found).all(1)
    return {"everything": share(whole)} | shares | {
        words: share(whole[wanted[:, COUNT] == count]) for words, count in (("one digit", 1), ("two digits", 2))}


def right_by_kind(real: SceneData, pictures: Tensor) -> dict:
    """Drawn scenes beside what their captions ask; the reader's ceiling on the real scenes of these captions; the floor, where
    each is judged by another's caption."""
    wanted, found = real.facts.numpy(), read_scenes(pictures).facts
    own = read_scenes(real.x0(torch.arange(len(real)))).facts
    return {"right": by_fact(wanted, found), "ceiling": by_fact(wanted, own),
            "floor": by_fact(np.roll(wanted, 1, axis=0), found),
            "exchanged": {name: plain(one) for name, one in exchanged(wanted, found).items()}}


@torch.no_grad()
def reconstruction(coder: nn.Module, real: SceneData) -> dict:
    """Test scenes there and back: decibels, and what the reader finds right before and after."""
    rows, wanted, device = torch.arange(len(real)), real.facts.numpy(), next(coder.parameters()).device
    back = torch.cat([coder.decode(coder.encode(real.x0(part).to(device))).clamp(-1, 1).cpu() for part in rows.split(250)])
    before, after = (share(agrees(wanted, read_scenes(x).facts).all(1)) for x in (real.x0(rows), back))
    return {"psnr": psnr(coder, real, rows), "before": before, "after": after}


def distance(pictures: Tensor) -> dict:
    """Fréchet distance of digits cut out of drawn scenes to those of training scenes; the floor, as many of test scenes."""
    crops = read_scenes(pictures).crops
    real = load_scenes("test", len(pictures), seed=1)
    real_crops = read_scenes(real.x0(torch.arange(len(real)))).crops
    n = min(len(crops), len(real_crops))
    return {"n": n, "fd": distance_of_crops(crops[:n]), "floor": distance_of_crops(real_crops[:n])}


def colours(pictures: Mapping[float, Tensor]) -> dict:
    """The colours of "a 3" over w. Networks are shown a 3 in five of the six: the distance is that to a fifth of each.

    total_variation: ½Σ|share − ⅕| of scenes that hold one digit, a never shown colour counted in full; perfect: what a fair die
    scores so often on average, and in 95 of 100 tries at most
    """
    shown = np.array([not is_held_out_colour(3, k) for k in range(len(COLOURS))])
    over = {}
    for weight, x in pictures.items():
        found = read_scenes(x).facts
        one = found[found[:, COUNT] == 1]
        counts = np.bincount(one[:, COLOUR], minlength=len(COLOURS))
        fair = shown / shown.sum()
        tries = np.random.default_rng(0).multinomial(len(one), fair, size=10_000) / max(1, len(one))
        again = np.random.default_rng(1).multinomial(len(one), counts / max(1, len(one)), size=10_000) / max(1, len(one))
        perfect, spread = (np.abs(rows - fair).sum(1) / 2 for rows in (tries, again))
        over[f"{weight:g}"] = {
            "n": len(one), "of": len(x), "counts": dict(zip(COLOURS, counts.tolist(), strict=True)),
            "total_variation": float(np.abs(counts / max(1, len(one)) - fair).sum() / 2),
            "bootstrap_95": np.quantile(spread, [0.025, 0.975]).tolist(), "is_3": share(one[:, DIGIT] == 3),
            "perfect": {"mean": float(perfect.mean()), "95": float(np.quantile(perfect, 0.95))}}
    return {"over_weight": over, "shown": [name for name, there in zip(COLOURS, shown, strict=True) if there]}


@torch.no_grad()
def attention(model: Checkpoint, real: SceneData, weight: float, batch: int) -> dict:
    """Where the maps of digits' words are largest, in scenes of two that hold the digits asked for: the mean map over the walk,
    and over its thirds. By chance, were it always one of the two digits, half would be its own."""
    rows = torch.nonzero(real.facts[:, COUNT] == 2)[:, 0]
    tokens, found = real.condition(rows), {}
    for first in range(0, len(rows), batch):
        part = tokens[first:first + batch].to(model.device)
        denoiser, kept = watched(model.denoiser, model.net)
        *_, last = sample(guided(denoiser, model.schedule, weight), model.schedule, (len(part), *model.shape), model.sampler,
                          cond=part, seed=3, indices=range(first, first + len(part)), device=model.device)
        read = read_scenes(model.codec.decode(last.x_t.cpu()))
        asked = real.facts[rows[first:first + batch]].numpy()
        good = (read.facts[:, COUNT] == 2) & (asked[:, [2, 6]] == read.facts[:, [2, 6]]).all(1)
        T, maps = model.schedule.T, [one for _, one in kept]
        spans = {"whole walk": maps} | {f"t {low:g}…{high:g} T": [one for t, one in kept if low * T < t <= high * T]
                                        for low, high in ((0.67, 1), (0.33, 0.67), (0, 0.33))}
        for name, some in spans.items():
            at = peaks(torch.stack(some).mean(0), part.cpu(), read.boxes)[good]
            found.setdefault(name, []).append(at[at != NOTHING])
    joined = {name: np.concatenate(ats) for name, ats in found.items()}
    return {name: {words: share(at == where) for words, where in (("own", OWN), ("other", OTHER), ("ground", GROUND))}
            for name, at in joined.items()} | {"scenes": len(rows), "chance": 0.5}


def edits(model: Checkpoint, real: SceneData, weight: float, batch: int) -> dict:
    """Real test scenes edited by words, and what is kept and changed: redrawn in another colour over strength, the right or
    lower digit replaced within its half, and drawn from the same noise with another colour."""
    before = real.facts.numpy()
    x, asked = real.x0(torch.arange(len(real))), before.copy()
    asked[:, COLOUR] = (before[:, COLOUR] + 1 + np.arange(len(real)) % 5) % len(COLOURS)
    tokens = captions(real, asked)

    def judged(was: np.ndarray, wanted: np.ndarray, pictures: Tensor) -> dict:
        after, order = read_scenes(pictures).facts, np.roll(np.arange(len(was)), 1)
        return {of: {group: {name: plain(one) for name, one in shares.items()}
                     for group, shares in edit_shares(was, wanted, rows).items()}
                for of, rows in (("edit", after), ("floor", after[order]))}

    result = {"ceiling": by_fact(before, read_scenes(model.codec.decode(model.codec.encode(x))).facts),
              "redraw": {f"{s:g}": judged(before, asked, redraw(model, x, tokens, s, weight=weight, batch=batch))
                         for s in STRENGTHS}}
    first = [swap(model, len(real), real.condition(torch.arange(len(real))), tokens, until=until, weight=weight, batch=batch)
             for until in (0.0, *UNTIL)]
    was = read_scenes(first[0]).facts
    result["swap"] = {f"{until:g}": judged(was, asked, pictures) for until, pictures in zip(UNTIL, first[1:], strict=True)}
    seen = read_scenes(x)
    rows = np.flatnonzero((before[:, :2] == (2, 0)).all(1) & (seen.facts[:, :2] == (2, 0)).all(1))  # two, side by side
    other = before[rows].copy()
    other[:, SECOND.start] = (before[rows, SECOND.start] + 1 + np.arange(len(rows)) % 9) % 10
    other[:, SECOND.start + 1] = (before[rows, SECOND.start + 1] + 1) % len(COLOURS)
    mask = torch.stack([left_of(box) for box in seen.boxes[rows]])
    for repeats in (1, 3):
        filled = inpaint(model, x[rows], mask, captions(real, other), weight=weight, repeats=repeats, paste=False, batch=batch)
        off = (filled - x[rows]).square()
        kept = mask.bool().expand_as(off)
        result[f"inpaint, {repeats} ×"] = judged(before[rows], other, filled) | {
            "psnr_of_known": float(10 * torch.log10(4 / off[kept].mean()))}
    return result


def left_of(boxes: np.ndarray) -> Tensor:
    """The mask (1, 64, 64) that keeps what is left of the middle between two digits side by side."""
    mask = torch.zeros(1, 64, 64)
    mask[..., :(int(boxes[0, 3]) + int(boxes[1, 1])) // 2] = 1
    return mask


def captions(real: SceneData, facts: np.ndarray) -> Tensor:
    """Full captions of other facts, int64 (N, 14)."""
    changed = SceneData(real.pictures[:len(facts)], torch.from_numpy(facts), "", "", "")
    return changed.condition(torch.arange(len(facts)))
