"""Pictures edited by words: a hole is filled, a picture redrawn, a prompt changed while the noise stays.

Each is a walk of the ordinary sampler, between a checkpoint's `encode` and `decode`: what is known, noised and kept are codes.
Sources: Lugmayr et al. 2022 and Rombach et al. 2022, section 4.5 (a hole), Meng et al. 2022 (redrawing, "SDEdit"), Hertz et al.
2022, section 3 (the same noise under another prompt).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .checkpoints import Checkpoint
from .checks import clean_state, zeros_and_ones
from .conditions import Condition, each, rows_of
from .denoiser import DenoiserFn, Prediction
from .drawing import in_batches
from .generate import check_condition
from .guidance import guided, keep_known, repaint_times, sdedit_start
from .sampling import Sampler, State, sample

Prompts = str | list[str] | Condition  # one for all pictures or one for each, in words or as the network takes them


def inpaint(
        checkpoint: Checkpoint, pictures: Tensor, mask: Tensor,
        prompts: Prompts, *, weight: float = 1.0, seed: int = 0,
        jump: int = 5, repeats: int = 1, ground: float = -1.0,
        paste: bool = True, batch: int = 250, **changes
) -> Tensor:
    """What is not known of pictures (N, C, H, W), filled after the prompts: pictures likewise, float32 on the CPU.

    mask: (H, W), or (N, 1, H, W) with one for each picture, 1 (or True) where known. A code is known where all its pixels are.
    The hole is painted with `ground` before the picture is encoded: the codes around it would tell what stood there.
    jump, repeats: of `repaint_times`; more than one pass lets the fill agree with what is known.
    paste: the known pixels themselves are put back; else they come out as the codec gives them back.
    weight: guidance w; seed, batch, changes: as in `generate`. Raises ValueError for a mask that does not fit, and what
    `ready` does.
    """
    pictures = ready(pictures)
    known = pixel_mask(mask, pictures)
    erased = torch.where(known, pictures, ground)
    codes = encoded(checkpoint, erased, batch)
    places = code_mask(known, checkpoint.shape).to(checkpoint.device)
    how, schedule = checkpoint.sampler.changed(**changes), checkpoint.schedule
    times = (how.times(schedule) if repeats == 1
             else repaint_times(schedule, how.steps, jump, repeats))

    def further(rows: range) -> dict:
        part = slice(rows.start, rows.stop)
        keep = keep_known(schedule, codes[part], places[part], seed, rows)
        return {"shape": codes[part].shape, "times": times,
                "after_step": keep}

    filled = walked(checkpoint, len(pictures), prompts, further, how,
                    weight, seed, batch)
    return torch.where(known, pictures, filled) if paste else filled


def redraw(
        checkpoint: Checkpoint, pictures: Tensor, prompts: Prompts,
        strength: float, *, weight: float = 1.0, seed: int = 0,
        batch: int = 250, **changes
) -> Tensor:
    """Pictures (N, C, H, W) noised to t = strength·T and drawn from there after the prompts (SDEdit): float32 on the CPU.

    strength: in (0, 1]; near 0 keeps the picture, 1 next to nothing of it. Others, and what is raised, as in `inpaint`.
    """
    codes = encoded(checkpoint, ready(pictures), batch)
    how = checkpoint.sampler.changed(**changes)

    def further(rows: range) -> dict:
        start, times = sdedit_start(
            checkpoint.schedule, codes[rows.start:rows.stop], strength,
            how.steps, seed, rows)
        return {"x_start": start, "times": times}

    return walked(checkpoint, len(pictures), prompts, further, how,
                  weight, seed, batch)


def swap(
        checkpoint: Checkpoint, n: int, before: Prompts, after: Prompts,
        *, until: float = 1.0, weight: float = 1.0, seed: int = 0,
        batch: int = 250, **changes
) -> Tensor:
    """n pictures of the prompt `after` from the noise that `generate` gives `before`: (n, C, H, W), float32 on the CPU.

    until: where t > until·T the network is still told `before`. 1 never tells it, and noise alone is shared; less keeps what
    is decided early, such as places; 0 is the picture of `before`. Others as in `inpaint`.
    """
    if not 0 <= until <= 1:
        raise ValueError(f"until must lie in 0…1, got {until}")
    first = told(checkpoint, before, n)
    border = until * checkpoint.schedule.T

    def further(rows: range) -> dict:
        part = on_device(first, rows, checkpoint.device)
        return {"shape": (len(rows), *checkpoint.shape),
                "wrap": lambda steered: telling(steered, part, border)}

    return walked(checkpoint, n, after, further,
                  checkpoint.sampler.changed(**changes), weight, seed,
                  batch)


def telling(denoiser: DenoiserFn, before: Condition,
            until: float) -> DenoiserFn:
    """The denoiser that is told `before` in place of its condition while t > until: a denoiser again."""
    def denoise(x_t: Tensor, t: int,
                cond: Condition = None) -> Prediction:
        return denoiser(x_t, t, before if int(t) > until else cond)

    return denoise


def ready(pictures: Tensor) -> Tensor:
    """Pictures (N, C, H, W) as float32 on the CPU. Raises TypeError for whole numbers, ValueError for another number of axes,
    for NaN, and for what does not lie in −1…1."""
    x = clean_state("pictures", pictures).float().cpu()
    if x.ndim != 4:
        raise ValueError(f"pictures must be (N, C, H, W), got {tuple(x.shape)}")
    if float(x.abs().max()) > 1.001:  # a rounding is no fault
        raise ValueError(f"pictures must lie in −1…1, got {float(x.min()):g}…{float(x.max()):g}")
    return x


def pixel_mask(mask: Tensor, pictures: Tensor) -> Tensor:
    """A mask as bool (N, 1, H, W), True where known. Raises ValueError for another size, or what is not zeros and ones."""
    mask, (n, _, height, width) = zeros_and_ones(mask).to(pictures.device), pictures.shape
    if tuple(mask.shape) not in ((height, width), (n, 1, height, width)):
        raise ValueError(f"a mask of pictures {tuple(pictures.shape)} must be {(height, width)} or {(n, 1, height, width)}, "
                         f"got {tuple(mask.shape)}")
    return mask.bool().expand(n, 1, height, width)


def code_mask(known: Tensor, code: Sequence[int]) -> Tensor:
    """Which codes are known: those all of whose pixels are. known: bool (N, 1, H, W); code: the shape (…, h, w) of one.

    Returns float (N, 1, h, w), 1 where known.
    """
    hidden = 1 - known.float()
    return 1 - F.adaptive_max_pool2d(hidden, tuple(code[-2:]))


def encoded(checkpoint: Checkpoint, pictures: Tensor,
            batch: int) -> Tensor:
    """The codes of pictures, on the checkpoint's device. Raises ValueError where they are not of the checkpoint's shape."""
    codes = torch.cat([checkpoint.codec.encode(part)
                       for part in pictures.to(checkpoint.device).split(batch)])
    if tuple(codes.shape[1:]) != tuple(checkpoint.shape):
        raise ValueError(f"{checkpoint.name} takes {tuple(checkpoint.shape)}; pictures {tuple(pictures.shape)} "
                         f"become {tuple(codes.shape[1:])}")
    return codes


def told(checkpoint: Checkpoint, prompts: Prompts, n: int) -> Condition:
    """The condition of n samples. Raises ValueError for an unknown word, or another number of prompts."""
    if isinstance(prompts, str):
        prompts = [prompts] * n
    if isinstance(prompts, list) and all(isinstance(one, str) for one in prompts):
        prompts = checkpoint.tokens_of(prompts)
    return check_condition(checkpoint, prompts, n)


def on_device(cond: Condition, rows: range,
              device: torch.device) -> Condition:
    """The condition of these samples, where the network is."""
    part = rows_of(cond, slice(rows.start, rows.stop))
    return each(lambda entry: entry.to(device), part)


def walked(checkpoint: Checkpoint, n: int, prompts: Prompts,
           further: Callable[[range], dict], how: Sampler, weight: float,
           seed: int, batch: int) -> Tensor:
    """n decoded samples of the walks that `further` describes for their rows, in arguments of `sample`; "wrap" wraps the guided
    denoiser."""
    cond = told(checkpoint, prompts, n)
    steered = guided(checkpoint.denoiser, checkpoint.schedule, weight,
                     checkpoint.clip)

    def walk_of(rows: range) -> Iterator[State]:
        given = further(rows)
        wrap = given.pop("wrap", lambda denoiser: denoiser)
        return sample(wrap(steered), checkpoint.schedule,
                      given.pop("shape", None), how, seed=seed,
                      cond=on_device(cond, rows, checkpoint.device),
                      indices=rows, device=checkpoint.device, **given)

    x = in_batches(walk_of, n, batch, checkpoint.device).float()
    x = x if checkpoint.clip is None else x.clamp(*checkpoint.clip)
    return torch.cat([checkpoint.codec.decode(part)
                      for part in x.split(batch)])
