"""The checks of chapter 6's exercises: the scale of codes, attention by hand, and pixels that know where they are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .verdict import verdict


def check_statistics(function: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
    """Exercise 1. function(codes (N, 4, h, w)) is (shift, scale): in their units each channel has mean 0 and deviation 1, and
    what stands out in one place or one sample still does."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randn((200, 4, 6, 6), generator=generator, dtype=torch.float64)
    codes = codes * torch.tensor([0.4, 0.6, 3.0, 0.8])[:, None, None] + torch.tensor([0.0, 2.0, -1.0, 0.2])[:, None, None]
    codes[:, :, 0, 0] += 5  # something that always stands there
    shift, scale = (torch.as_tensor(found, dtype=torch.float64) for found in function(codes))
    try:
        one = ((codes[:1] - shift) / scale).shape
    except RuntimeError:
        one = None
    if one != codes[:1].shape:
        return verdict(1, f"shapes {tuple(shift.shape)} and {tuple(scale.shape)} do not fit one code, (1, 4, 6, 6)")
    z = (codes - shift) / scale
    for k in range(4):
        mean, std = float(z[:, k].mean()), float(z[:, k].std())
        if abs(mean) > 1e-6 or abs(std - 1) > 1e-3:  # with n or n − 1 below is the same to 1e-4
            return verdict(1, f"channel {k} has mean {mean:.2f} and standard deviation {std:.2f}")
    if abs(float(z[:, 0, 0, 0].mean())) < 1:
        return verdict(1, "what always stands in one place is gone: there is one mean for each place")
    return verdict(1)


def check_attend(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 2. function(q (P, d), k (L, d), v (L, e), mask (L,)) is softmax(q·kᵀ/√d)·v over the words that there are."""
    generator = torch.Generator().manual_seed(2)
    q, k, v = (torch.randn(shape, generator=generator) for shape in ((5, 4), (3, 4), (3, 2)))
    everywhere = torch.ones(3, dtype=torch.bool)
    wanted = torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]
    found = function(q, k, v, everywhere)
    if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-6):
        return verdict(2, "with all words there, another mean of the values is wanted")
    first = torch.tensor([True, False, False])
    found = function(q, k, v, first)
    if not torch.allclose(found, v[:1].expand(5, 2), atol=1e-6):
        return verdict(2, "where there is one word only, every place must get its value, and nothing else")
    return verdict(2)


def check_places(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 3. function(x (B, C, H, W)) adds two channels: how far down and how far to the right, −1…1."""
    x = torch.randn((2, 3, 5, 9), generator=torch.Generator().manual_seed(3))
    y = function(x)
    if y.shape != (2, 5, 5, 9) or not torch.equal(y[:, :3], x):
        return verdict(3, "what was there must stay as it was, with two channels after it")
    told = y[:, 3:]
    rows, columns = torch.linspace(-1, 1, 5)[:, None].expand(5, 9), torch.linspace(-1, 1, 9).expand(5, 9)
    for channels in ((rows, columns), (columns, rows)):
        if torch.allclose(told, torch.stack(channels).expand(2, 2, 5, 9), atol=1e-6):
            return verdict(3)
    left, right, top, bottom = told[0, :, 2, 0], told[0, :, 2, -1], told[0, :, 0, 4], told[0, :, -1, 4]
    if torch.allclose(left, right):
        return verdict(3, "left and right are told the same")
    if torch.allclose(top, bottom):
        return verdict(3, "top and bottom are told the same")
    return verdict(3, f"the numbers should run from −1 to 1; yours from {float(told.min()):.2f} to {float(told.max()):.2f}")
