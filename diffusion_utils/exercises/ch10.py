"""The checks of chapter 10's exercises: pre-emphasis and back, a receptive field, how loud speech is, a gap without click."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .verdict import verdict


def check_emphasis(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 1. function(y (L,)) is the wave x (L,) with x_n − 0.9·x_(n−1) = y_n: silence came before it."""
    click = torch.zeros(6, dtype=torch.float64)
    click[1] = 1
    given = torch.as_tensor(function(click.clone()))
    if given.shape != click.shape:
        return verdict(1, f"of {len(click)} numbers it should make as many, and makes {tuple(given.shape)}")
    wanted = torch.tensor([0.0] + [0.9**k for k in range(5)], dtype=torch.float64)
    if float((given - wanted).abs().max()) > 1e-9:  # float64
        right, yours = (", ".join(f"{float(value):.3f}" for value in wave) for wave in (wanted, given))
        return verdict(1, f"a single 1, after a 0, should fade: {right}; yours: {yours}")
    noise = torch.randn(6144, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    back = function(noise.clone())
    off = float((back - 0.9 * torch.cat([torch.zeros(1), back[:-1]]) - noise).abs().max())
    return verdict(1, "" if off < 1e-6 else f"emphasised again, noise is off by {off:.2g}")


def check_field(function: Callable[[list[int], int], int]) -> None:
    """Exercise 2. function(dilations, kernel) is how many samples one output depends on, of layers of convolutions."""
    for dilations, kernel in (([1], 3), ([1, 2, 4], 3), ([1, 2, 4, 8] * 2, 2), ([2**k for k in range(10)] * 3, 3)):
        wanted = 1 + (kernel - 1) * sum(dilations)
        given = function(list(dilations), kernel)
        if int(given) != wanted:
            told = ", ".join(map(str, dilations[:4])) + (" …" if len(dilations) > 4 else "")
            return verdict(2, f"{len(dilations)} layers of {kernel} taps with dilations {told} see {wanted:,} samples; you say "
                              f"{int(given):,}")
    return verdict(2)


def check_loudness(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 3. function(x (L,)) is the root mean square of those frames of 400 samples, one after the other, that are at
    most 20 dB softer than the loudest."""
    tone = 0.3 * math.sqrt(2) * torch.sin(2 * math.pi * 0.05 * torch.arange(2400, dtype=torch.float64))
    silence = torch.zeros(3600, dtype=torch.float64)
    hiss = 0.003 * torch.randn(3600, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for name, x in (("alone", tone), ("with silence after it", torch.cat([tone, silence])),
                    ("with faint noise before it", torch.cat([hiss, tone]))):
        given = float(function(x.clone()))
        if not abs(given - 0.3) < 0.001:
            return verdict(3, f"a tone of RMS 0.3 {name} has an active RMS of 0.300; yours is {given:.3f}")
    softer = float(function(torch.cat([tone, 0.2 * tone])))  # 14 dB softer: that is still spoken
    wanted = 0.3 * math.sqrt((1 + 0.04) / 2)
    return verdict(3, "" if abs(softer - wanted) < 0.001 else
                   f"what is 14 dB softer is spoken, too: the active RMS is {wanted:.3f}; yours is {softer:.3f}")


def check_join(function: Callable[[Tensor, float], Tensor]) -> None:
    """Exercise 4. function(part (m,), off) is what fills a gap of m samples, moved so that the sample behind the gap, which is
    `off` too low, is met without a click; and as little as possible, in the sum of squares of the changes of y."""
    for m, off in ((40, 0.5), (160, -1.0)):
        part = torch.sin(torch.arange(m, dtype=torch.float64) / 5)
        given = torch.as_tensor(function(part.clone(), off))
        if given.shape != part.shape:
            return verdict(4, f"of {m} samples it should make as many, and makes {tuple(given.shape)}")
        change = given - part
        j = torch.arange(1, m + 1, dtype=torch.float64)
        wanted = off * 0.9 ** (m + 1 - j) * (1 - 0.9 ** (2 * j)) / (1 - 0.9 ** (2 * m + 2))
        if abs(float(change[-1] - wanted[-1])) > 1e-6:
            return verdict(4, f"the last of {m} samples should rise by {float(wanted[-1]):.3f} where the next one is off by "
                              f"{off:g}; yours rises by {float(change[-1]):.3f}")
        if float((change - wanted).abs().max()) > 1e-6:
            worst = int((change - wanted).abs().argmax())
            return verdict(4, f"sample {worst + 1} of {m} should rise by {float(wanted[worst]):.3f}; yours rises by "
                              f"{float(change[worst]):.3f}")
    return verdict(4)
