"""Chapter 4's exercises: the textbook variance, a sampler of one's own, an order, and four mistakes to tell apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import Sampler, posterior_std, sample, timesteps
from diffusion_utils.schedules import Schedule, cosine, linear

from .verdict import verdict


def check_beta_tilde(function: Callable[[Schedule, Tensor], Tensor]) -> None:
    """Exercise 1. function(schedule, t) is β̃_t, for t int64 (K,) in 1…T, float64 (K,)."""
    for schedule in (linear(1000), cosine(1000)):
        t = torch.arange(1, schedule.T + 1)
        error = (function(schedule, t) - posterior_std(schedule, t, t - 1) ** 2).abs()
        if not error.max() < 1e-12:  # float64
            return verdict(1, f"on the {schedule.name} schedule yours is off by up to {error.max():.1e}, "
                              f"at t = {int(error.argmax()) + 1}")
    return verdict(1)


def check_my_ddim(function: Callable[[Callable, Schedule, Tensor, list[int]], Tensor]) -> None:
    """Exercise 2. function(denoise, schedule, x, times) is x_0 of DDIM's walk from x at times[0]."""
    data = GaussianMixture(means=[[-1.0], [0.2], [0.9]], stds=[0.3, 0.3, 0.3])
    schedule = cosine(1000)
    denoise, start = data.denoiser(schedule), torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    walks = {"7 steps": timesteps(schedule, 7),  # 1000 is not divisible by 7
             "uneven steps from t = 600": [600, 350, 340, 12, 0]}
    for name, times in walks.items():
        *_, last = sample(denoise, schedule, x_start=start, sampler=Sampler("ddim"), times=times)
        error = float((function(denoise, schedule, start, times) - last.x_t).abs().max())
        if not error < 1e-9:
            return verdict(2, f"after {name} yours is off by up to {error:.1e}")
    return verdict(2)


def check_order_of(function: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """Exercise 3. function(steps, errors) is p, where the errors are C · steps^(−p)."""
    steps = np.array([10.0, 20.0, 40.0])
    for p in (1, 2, 4):
        yours = float(function(steps, 3.0 * steps**-p))
        if not abs(yours - p) < 1e-6:
            return verdict(3, f"for errors that fall as steps^−{p} yours is {yours:.4g}")
    return verdict(3)


@torch.no_grad()
def four_mistakes(denoiser: Callable, schedule: Schedule,
                  x_T: Tensor) -> dict[str, Tensor]:
    """Ten steps of DDIM from x_T (B, …), as they should be and with four mistakes: name → x_0 (B, …). Chapter 4 shows this."""
    times = timesteps(schedule, 10)
    down = list(sample(denoiser, schedule, x_start=x_T, times=times))
    good = down[-1].x_t

    # row 1 starts at t = 700 with the noise of t = 1000
    late = [t for t in times if t <= 700]
    *_, last = sample(denoiser, schedule, x_start=x_T, times=late)

    # row 2 is down[-2]: it stops one step before 0

    # row 3 adds noise in the last step
    z = torch.randn(x_T.shape, generator=torch.Generator().manual_seed(0))
    noisy = good + float(schedule.noise[times[-2]]) * z.to(x_T.device)

    # row 4 takes the estimate for the next state
    x = x_T
    for t in times[:-1]:
        x = denoiser(x, t).x0_hat

    return {"as it should be": good, "row 1": last.x_t,
            "row 2": down[-2].x_t, "row 3": noisy, "row 4": x}
