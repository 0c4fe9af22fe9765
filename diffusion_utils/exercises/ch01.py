"""The checks of chapter 1's exercises: two steps by hand, a jump from the middle, a divergence, a schedule repaired."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from diffusion_utils.schedules import SCHEDULES, Schedule, from_betas, linear

from .verdict import verdict


def check_two_steps(signal: float, noise: float) -> None:
    """Exercise 1. The two factors of the jump to t = 2 of a chain with β = 0.1 and 0.2."""
    table = from_betas([0.1, 0.2], allow_signal_left=True)
    off = [name for name, yours, wanted in (("data", signal, table.signal[2]), ("noise", noise, table.noise[2]))
           if not abs(yours - wanted) < 1e-3]  # three decimals by hand
    which = f"the factor of the {' and the factor of the '.join(off)} {'are' if len(off) > 1 else 'is'} off"
    return verdict(1, f"{which}, and your squares add up to {signal**2 + noise**2:.3f}" if off else "")


def check_jump(function: Callable[[Tensor, int, int, Tensor, Schedule], Tensor]) -> None:
    """Exercise 2. function(x_s, s, t, z, schedule) is x_t with z for the fresh noise, all float64 (1,)."""
    one, zero, (s, t) = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64), (300, 700)
    for name, make in SCHEDULES.items():
        table = make(1000)
        kept, added = (float(function(x_s, s, t, z, table)) for x_s, z in ((one, zero), (zero, one)))
        if not abs(kept * table.signal[s] - table.signal[t]) < 1e-9:
            return verdict(2, f"with the {name} schedule the data comes out {kept * table.signal[s]:.4f} times as large as "
                              f"x₀, where it should be {table.signal[t]:.4f} times")
        both = float(((kept * table.noise[s]) ** 2 + added**2).sqrt())
        if not abs(both - table.noise[t]) < 1e-9:
            return verdict(2, f"with the {name} schedule old and fresh noise together have the size {both:.4f}, "
                              f"where it should be {table.noise[t]:.4f}")
    return verdict(2)


def check_left_behind(function: Callable[[Tensor, Schedule], Tensor | float]) -> None:
    """Exercise 3. function(x₀, schedule) is the divergence of q(x_T given x₀) from N(0, I) in nats; x₀ is float64 (784,)."""
    x0 = torch.linspace(-1, 1, 784, dtype=torch.float64)
    for T in (1000, 300, 100, 50):
        table = linear(T, allow_signal_left=True)
        wanted = float(kl_divergence(Normal(table.signal[T] * x0, table.noise[T]), Normal(0.0, 1.0)).sum())
        yours = float(function(x0, table))
        if not abs(yours - wanted) < 1e-6 * wanted:  # ln(1 − ᾱ) and −ᾱ nearly cancel, and some digits with them
            return verdict(3, f"at T = {T} yours is {yours:.4g} nats, and the divergence {wanted:.4g}")
    return verdict(3)


def check_repaired(function: Callable[[int], Schedule]) -> None:
    """Exercise 4. function(T) is a linear schedule of T steps with Σβ = 10.05 and a last β 200 times the first."""
    for T in (50, 200, 500):
        table = function(T)
        left, total, ratio = (float(x) for x in (table.signal[T], table.beta.sum(), table.beta[T] / table.beta[1]))
        if not (left <= 0.02 and abs(total - 10.05) < 1e-6 and abs(ratio - 200) < 1e-6):
            return verdict(4, f"with T = {T} the signal left is {left:.3f}, Σβ is {total:.2f} and the ratio {ratio:.0f}")
    return verdict(4)
