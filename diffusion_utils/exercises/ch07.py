"""The checks of chapter 7's exercises: the arc between two vectors, a loss with several right answers, and a walk upward."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..denoiser import DenoiserFn
from ..exact import GaussianMixture
from ..inversion import invert
from ..joint import contrastive_loss, slerp, unit
from ..schedules import Schedule, cosine
from .verdict import verdict


def check_slerp(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Exercise 1. function(a (N, D), b (N, D), s) is the point of the arc of unit vectors, also where they are the same."""
    a, b = (unit(torch.randn(5, 8, generator=torch.Generator().manual_seed(seed))) for seed in (1, 2))
    if not torch.allclose(function(a, b, 0.0), a, atol=1e-5) or not torch.allclose(function(a, b, 1.0), b, atol=1e-5):
        return verdict(1, "the arc must begin in a at s = 0 and end in b at s = 1")
    found = function(a, b, 0.3)
    length = found.norm(dim=1)
    if not torch.allclose(length, torch.ones(5), atol=1e-4):
        return verdict(1, f"at s = 0.3 vectors have lengths from {float(length.min()):.2f} to {float(length.max()):.2f}, not 1")
    if not torch.allclose(found, slerp(a, b, 0.3), atol=1e-4):
        share = (a * found).sum(1).acos() / (a * b).sum(1).acos()
        return verdict(1, f"at s = 0.3 you have gone {float(share.mean()):.2f} of the way")
    if not bool(function(a, a, 0.3).isfinite().all()):
        return verdict(1, "between a and a itself the answer is a, and yours is not finite")
    return verdict(1)


def check_loss(function: Callable[[Tensor, Tensor, float, Tensor], Tensor]) -> None:
    """Exercise 2. function(image (B, D), text (B, D), tau, fits (B, B)) is the contrastive loss in which all pictures that a
    caption fits are right."""
    image, text = (unit(torch.randn(4, 8, generator=torch.Generator().manual_seed(seed))) for seed in (3, 4))
    one, tau = torch.eye(4, dtype=torch.bool), 0.2
    scale = torch.tensor(-math.log(tau))
    found = torch.as_tensor(function(image, text, tau, one))
    if found.ndim or not torch.allclose(found, contrastive_loss(image, text, scale, one), atol=1e-5):
        return verdict(2, "where each caption fits its own picture alone, another number is wanted")
    two = one.clone()
    two[0, 1] = two[0, 2] = two[3, 0] = True
    found = torch.as_tensor(function(image, text, tau, two))
    if not torch.allclose(found, contrastive_loss(image, text, scale, two), atol=1e-5):
        return verdict(2, "caption 0 fits three pictures here: they are right in equal parts, and so for each picture")
    return verdict(2)


def check_upward(function: Callable[[DenoiserFn, Schedule, Tensor, Sequence[int]], Tensor]) -> None:
    """Exercise 3. function(denoiser, schedule, x0, times) is DDIM's walk up through the rising times; its end."""
    data, schedule = GaussianMixture(torch.tensor([[-1.5], [1.0]]), torch.tensor([0.3, 0.5])), cosine(1000)
    x0, times = torch.tensor([[-1.7], [-1.2], [0.4], [1.3]], dtype=torch.float64), list(range(0, 801, 50))
    asked, exact = [], data.denoiser(schedule)

    def denoiser(x: Tensor, t: int, cond: object = None) -> object:
        asked.append(int(t))
        return exact(x, t)

    try:
        end = torch.as_tensor(function(denoiser, schedule, x0, times))
    except ValueError as error:
        return verdict(3, f"the exact denoiser refused: {error}")
    if asked != [1, *times[1:-1]]:
        return verdict(3, f"the network should be asked at 1, 50, 100, … 750; yours was asked at {asked[:3]} … {asked[-1:]}")
    *_, last = invert(exact, schedule, x0, times)
    if end.shape != x0.shape or not torch.allclose(end, last.x_t, atol=1e-5):
        return verdict(3, f"the first point should end at {float(last.x_t[0]):.3f}, yours is at {float(end.flatten()[0]):.3f}")
    return verdict(3)
