"""The checks of chapter 12's exercises: a Gaussian's gaps, what a window may know of itself, a fair score, and a maximum."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .verdict import verdict

HOURS = 24


def check_conditional(function: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Exercise 1. function(K, mask, x) is (mean, std) of the missing values of a Gaussian of mean 0: here of a series whose
    next value is r times the last and noise, of which the answer between two neighbours is known in closed form."""
    for r in (0.5, 0.9):
        places = torch.arange(5.0, dtype=torch.float64)
        K = r ** (places[:, None] - places).abs()
        x = torch.tensor([0.3, 1.0, -7.0, 2.0, -0.5], dtype=torch.float64)
        mean, std = function(K, torch.tensor([1.0, 1, 0, 1, 1]), x)
        wanted = r / (1 + r * r) * 3.0, ((1 - r * r) / (1 + r * r)) ** 0.5  # only the two neighbours say anything
        for name, given, right in (("mean", mean, wanted[0]), ("std", std, wanted[1])):
            if torch.as_tensor(given).numel() != 1 or abs(float(given) - right) > 1e-9:  # float64
                yours = ", ".join(f"{float(value):.4f}" for value in torch.as_tensor(given).flatten())
                return verdict(1, f"with r = {r} one value is missing: its {name} is {right:.4f}, yours {yours}")
    return verdict(1)


def check_scale(function: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    """Exercise 2. function(values (L,), mask (L,)) is (mean, std) of what is observed, the variance shrunk as by eight values
    with the variance 0.25."""
    values = torch.randn(50, generator=torch.Generator().manual_seed(0)) + 3
    mask = (torch.arange(50) % 3 > 0).float()
    seen = values[mask > 0]
    wanted = float(seen.mean()), float((((seen - seen.mean()) ** 2).sum() + 2) / (len(seen) + 8)) ** 0.5
    for hidden in (0.0, 1e6):
        given = function(torch.where(mask > 0, values, hidden), mask)
        if max(abs(float(a) - b) for a, b in zip(given, wanted, strict=True)) > 1e-4:  # float32
            return verdict(2, f"with {hidden:g} where nothing was observed, mean and std are {float(given[0]):.4g} and "
                              f"{float(given[1]):.4g}; of what was observed they are {wanted[0]:.4g} and {wanted[1]:.4g}")
    nothing = [float(number) for number in function(values, torch.zeros(50))]
    if not abs(nothing[1] - 0.5) < 1e-4:
        return verdict(2, f"where nothing is observed the std is {nothing[1]:.3g}, and should be that of the eight: 0.5")
    return verdict(2)


def check_crps(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 3. function(samples (M, …), truth (…)) is the fair CRPS, (…). The samples and the truth are standard normal
    here, for which its expectation is 1/√π, for every M."""
    generator, n = torch.Generator().manual_seed(0), 40_000
    for m in (2, 5, 20):
        samples = torch.randn(m, n, generator=generator, dtype=torch.float64)
        scores = function(samples, torch.randn(n, generator=generator, dtype=torch.float64))
        found, error = float(scores.mean()), float(scores.std()) / n**0.5
        print(f"{m:2d} samples: mean score {found:.3f} ± {error:.3f}")
        if abs(found - torch.pi**-0.5) > 5 * error:  # a chance of one in a million
            return verdict(3, f"of {m} samples the mean score should be {torch.pi**-0.5:.3f}, whatever their number")
    return verdict(3)


def check_maximum(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise 4. function(paths (M, 24)) is the value that the day's maximum exceeds with a chance of 10 %."""
    generator = torch.Generator().manual_seed(0)
    level = torch.randn(4000, 1, generator=generator)
    for name, paths in (("whose hours all move together", level + 0.01 * torch.randn(4000, HOURS, generator=generator)),
                        ("whose hours know nothing of each other", torch.randn(4000, HOURS, generator=generator))):
        given, wanted = float(function(paths)), float(paths.amax(1).quantile(0.9))
        if abs(given - wanted) > 1e-4:  # float32
            return verdict(4, f"of paths {name} a tenth exceeds {wanted:.3f} at some hour; yours is {given:.3f}")
    return verdict(4)
