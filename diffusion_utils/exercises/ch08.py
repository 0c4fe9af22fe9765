"""The checks of chapter 8's exercises: a walk between walls, distances in time, a loss over what was not seen, a scheme."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..data.next_door import load_next_door
from ..metrics.video_ceiling import can_know, in_sight
from ..networks.frame_attention import distances
from ..video import Scheme, checked
from .verdict import verdict

CALLS, GOOD = 11, 0.95  # of sixty frames with five given; the share of videos in which the same digit comes back


def walked(path: float, span: float) -> float:
    """Where somebody is who walks this far between walls at 0 and span: wall by wall."""
    place, direction = 0.0, 1
    while path > 0:
        step = min(path, span - place if direction > 0 else place)
        place, path = place + direction * step, path - step
        direction = -direction if path > 0 else direction
    return place


def check_fold(function: Callable[[float, float], float]) -> None:
    """Exercise 1. function(path, span) is the place after a path of this length between walls at 0 and span, from 0."""
    for path, span in ((3.0, 12.0), (14.0, 12.0), (26.5, 12.0), (49.0, 12.0), (90.0, 44.0)):
        found, wanted = float(function(path, span)), walked(path, span)
        if abs(found - wanted) > 1e-6:
            known = {path: "nothing turns round: there are walls", path % span: "at the wall the walker begins anew at 0",
                     min(path, span): "the walker stays at the wall"}
            off = next((words for value, words in known.items() if abs(found - value) < 1e-6), None)
            return verdict(1, off or f"after {path:g} of a span of {span:g} the place is {wanted:g}, not {found:g}")
    return verdict(1)


def check_apart(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 2. function(index (K,)) is ln(1 + |d|) of later frames, of earlier ones, and whether d = 0: (K, K, 3)."""
    index = torch.tensor([4, 11, 0, 5, 60])
    found, wanted = torch.as_tensor(function(index)).float(), distances(index[None])[0]
    if found.shape != wanted.shape:
        return verdict(2, f"numbers of the shape {tuple(wanted.shape)} are wanted, got {tuple(found.shape)}")
    if not torch.allclose(found, torch.as_tensor(function(index + 1000)).float(), atol=1e-4):
        return verdict(2, "a video that begins later looks like another one: only differences may count")
    if torch.allclose(found, found.transpose(0, 1), atol=1e-4):
        return verdict(2, "before and after look alike")
    if torch.allclose(found, wanted.transpose(0, 1), atol=1e-4):
        return verdict(2, "row i and column j stand for frame j as frame i sees it: the sign of d is the other one")
    if not torch.allclose(found, wanted, atol=1e-4):
        i, j, part = torch.stack(torch.unravel_index((found - wanted).abs().argmax(), wanted.shape)).tolist()
        return verdict(2, f"of frames {int(index[i])} and {int(index[j])}, number {part} is {float(wanted[i, j, part]):.3f}, "
                          f"not {float(found[i, j, part]):.3f}")
    return verdict(2)


def check_loss(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 3. function(error (B, K, H, W), mask (B, K, 1, 1)) is the mean squared error over the frames with mask 0."""
    generator = torch.Generator().manual_seed(0)
    error = torch.randn(3, 10, 4, 4, generator=generator)
    for seen in (5, 9, 0):
        mask = (torch.arange(10) < seen).float()[None, :, None, None].expand(3, -1, -1, -1)
        latent = mask.expand_as(error) == 0
        found, wanted = float(function(error, mask)), float((error[latent] ** 2).mean())
        if abs(found - wanted) > 1e-5:
            everything, others = float((error ** 2).mean()), float((error[~latent] ** 2).mean()) if seen else -1.0
            known = {float((error[latent] ** 2).sum() / error.numel()): "you divide by all frames: the more are seen, the less "
                     "the others count", everything: "seen frames count, too", others: "the mask is the wrong way round"}
            off = next((words for value, words in known.items() if abs(found - value) < 1e-5), None)
            return verdict(3, off or f"with {seen} of ten frames seen the loss is {wanted:.4f}, not {found:.4f}")
    return verdict(3)


def check_scheme(scheme: Scheme) -> None:
    """Exercise 4. A scheme that makes sixty frames in eleven calls, and in which the digit that comes back can be known."""
    given, length = list(range(5)), 60
    try:
        calls = list(checked(scheme(given, length), given, length))
        list(checked(scheme([], 23), [], 23))
    except ValueError as error:
        return verdict(4, str(error))
    if len(calls) > CALLS:
        return verdict(4, f"it takes {len(calls)} calls, and may take {CALLS}")
    share = can_know(scheme, in_sight(load_next_door("test"), torch.arange(100), length))
    print(f"{len(calls)} calls, remembered: {share:.0%}")
    if share < GOOD:
        return verdict(4, "who comes back is a guess: no frame that shows the digit is in sight when it returns")
    return verdict(4)
