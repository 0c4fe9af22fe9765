"""The checks of chapter 9's exercises: forgetting, the step back, what a mask makes needless, and the bound from losses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import log

import torch
from torch import Tensor

from .verdict import verdict

UNIFORM = torch.full((4,), 0.25, dtype=torch.float64)
SKEWED = torch.tensor([0.6, 0.1, 0.2, 0.1], dtype=torch.float64)
MASKS = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
OFF = 0.022  # six standard deviations of a share of 20,000, the greatest of which is 0.0035


def uniforms(*shape: int, seed: int = 1) -> Tensor:
    """Float64, in [0, 1)."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def check_forget(function: Callable[[Tensor, float, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 1. function(x0 (N,), kept, m (S,), u (N,), v (N,)) is x_t: x0 where it is remembered, else drawn from m."""
    n, kept = 60_000, 0.3
    u, v = uniforms(2, n)
    x0 = torch.arange(n) % 3
    for m in (UNIFORM, SKEWED, MASKS):
        x_t = torch.as_tensor(function(x0.clone(), kept, m, u, v))
        if x_t.shape != (n,) or x_t.is_floating_point():
            return verdict(1, f"wanted whole numbers in the shape of x0, ({n},), and got {x_t.dtype} {tuple(x_t.shape)}")
        for c in range(3):
            shares = torch.bincount(x_t[x0 == c].clamp(0, 3), minlength=4) / (n // 3)
            wanted = (1 - kept) * m
            wanted[c] += kept
            if float((shares - wanted).abs().max()) > OFF:
                return verdict(1, _what_is_off(float(shares[c]), kept, float(m[c])))
        early, late = (int(half.sum()) / len(half) for half in (x_t == x0).chunk(2))
        if abs(early - late) > OFF:
            return verdict(1, "each letter is remembered or forgotten for itself, by its own u")
    return verdict(1)


def _what_is_off(first: float, kept: float, m: float) -> str:
    if abs(first - (1 - kept + kept * m)) < OFF:
        return f"the chance to remember is kept = {kept:g}, not 1 − kept"
    if m > 0 and abs(first - kept) < OFF:
        return "what is forgotten may come back as itself: m(x_0) of it does"
    wanted = kept + (1 - kept) * m
    return f"of a letter with m = {m:g} and kept = {kept:g}, {first:.3f} are as they were, in place of {wanted:.3f}"


def check_back(function: Callable[[int, float, float, Tensor, Tensor], Tensor]) -> None:
    """Exercise 2. function(x_t, kept_t, kept_s, f (S,), m (S,)) is p(x_s given x_t) of each state, (S,)."""
    f = torch.tensor([0.5, 0.1, 0.4, 0.0], dtype=torch.float64)  # the last is a mask, where there is one
    for m in (MASKS, UNIFORM, SKEWED):
        for x_t, kept_t, kept_s in ((0, 0.2, 0.7), (1, 0.5, 0.6), (3, 0.3, 1.0)):
            found = torch.as_tensor(function(x_t, kept_t, kept_s, f, m), dtype=torch.float64)
            if found.shape != f.shape:
                return verdict(2, f"a probability for each of the {len(f)} states is wanted, got {tuple(found.shape)}")
            if not torch.allclose(found, _back(x_t, kept_t, kept_s, f, m), atol=1e-9):
                return verdict(2, _known_mistake(found, x_t, kept_t, kept_s, f, m))
    return verdict(2)


def _factors(x_t: int, r: float, kept: float, f: Tensor, m: Tensor) -> Tensor:
    p = (r * torch.eye(len(m), dtype=torch.float64)[x_t] + (1 - r) * m[x_t]) * (kept * f + (1 - kept) * m)
    return p / p.sum()


def _back(x_t: int, kept_t: float, kept_s: float, f: Tensor, m: Tensor) -> Tensor:
    """By the sum over all x_0, each with its own posterior."""
    same, total = torch.eye(len(m), dtype=torch.float64), torch.zeros_like(m)
    seen = kept_t * same[x_t] + (1 - kept_t) * m[x_t]
    belief = f * seen / (f * seen).sum()
    r = kept_t / kept_s
    for x0 in range(len(f)):
        if float(belief[x0]) > 0:
            q = (r * same[x_t] + (1 - r) * m[x_t]) * (kept_s * same[x0] + (1 - kept_s) * m)
            total += belief[x0] * q / q.sum()
    return total


def _known_mistake(found: Tensor, x_t: int, kept_t: float, kept_s: float, f: Tensor, m: Tensor) -> str:
    r = kept_t / kept_s
    belief = f * (kept_t * torch.eye(len(m), dtype=torch.float64)[x_t] + (1 - kept_t) * m[x_t])
    belief = belief / belief.sum()
    if abs(float(found.sum()) - 1) > 1e-9:
        return f"the probabilities sum to {float(found.sum()):.3f}"
    known = {"the belief stands where f belongs: x_t is counted twice": _factors(x_t, r, kept_s, belief, m),
             "ᾱ_t stands where ᾱ_s belongs": _factors(x_t, r, kept_t, f, m),
             "r is ᾱ_t/ᾱ_s, what one step keeps, not ᾱ_t": _factors(x_t, kept_t, kept_s, f, m),
             "this is the belief of x_0: a jump to the end, not a step to s": belief}
    for words, wrong in known.items():
        if torch.allclose(found, wrong, atol=1e-6):
            return words
    return f"from state {x_t} with ᾱ_t = {kept_t:g}, ᾱ_s = {kept_s:g} and m = {m.tolist()} something else is wanted"


def check_seen(function: Callable[[Tensor, Tensor, float, Tensor], Tensor]) -> None:
    """Exercise 3. function(x_t (L,), rows (R, L), kept, m (S,)) is q(x_t given x_0) for each row x_0: (R,). And with masks what
    follows of x_0 does not depend on kept."""
    rows = torch.tensor(list(product(range(3), repeat=3)))
    p = uniforms(len(rows), seed=3)
    x_t = torch.tensor([3, 1, 3])
    for m, row in ((MASKS, x_t), (SKEWED, torch.tensor([0, 1, 0]))):
        for kept in (0.2, 0.9):
            found = torch.as_tensor(function(row, rows, kept, m), dtype=torch.float64)
            if found.shape != (len(rows),):
                return verdict(3, f"one number for each of the {len(rows)} rows is wanted, got {tuple(found.shape)}")
            wanted = (kept * (rows == row) + (1 - kept) * m[row]).prod(1)
            if not torch.allclose(found, wanted.double(), atol=1e-12):
                summed = torch.allclose(found, (kept * (rows == row) + (1 - kept) * m[row]).sum(1), atol=1e-12)
                return verdict(3, "the places are independent: their probabilities are multiplied, not added" if summed else
                               f"of the row {rows[1].tolist()}: {float(found[1]):.4g}, where {float(wanted[1]):.4g} is wanted")
    early, late = (p * function(x_t, rows, kept, MASKS) for kept in (0.9, 0.2))
    if not torch.allclose(early / early.sum(), late / late.sum(), atol=1e-12):
        return verdict(3, "with masks, what follows of x_0 must be the same at every t")
    return verdict(3)


def check_bound(function: Callable[[Tensor, Tensor], float]) -> None:
    """Exercise 4. function(lost (B, L) in nats, hidden bool (B, L)) is the bound in bits a letter: the mean over the rows of
    the mean over what is hidden there."""
    lost = 4 * uniforms(6, 8, seed=4)
    hidden = torch.arange(8) < torch.tensor([1, 2, 3, 5, 6, 8])[:, None]
    found = float(function(lost, hidden))
    per_row = (lost * hidden).sum(1) / hidden.sum(1)
    wanted = float(per_row.mean()) / log(2)
    if abs(found - wanted) < 1e-6:
        return verdict(4)
    known = {"that is in nats": float(per_row.mean()),
             "that is the mean over all hidden letters of the batch, in which rows with many holes count more: no bound":
             float((lost * hidden).sum() / hidden.sum()) / log(2),
             "letters that are not hidden have nothing to be scored on": float((lost * hidden).mean()) / log(2)}
    for words, wrong in known.items():
        if abs(found - wrong) < 1e-6:
            return verdict(4, words)
    return verdict(4, f"{found:.4f} bits, where {wanted:.4f} are wanted")
