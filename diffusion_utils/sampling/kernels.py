"""One step between two times: the reverse step down, the forward kernel up, and how much fresh noise each adds."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import on_cpu, same_shape
from ..schedules import Schedule


def posterior_std(schedule: Schedule, t: int | Tensor,
                  s: int | Tensor) -> Tensor:
    """u = noise_s·√(1 − SNR_t/SNR_s): standard deviation of q(x_s given x_t, x_0), s < t (Ho et al. 2020, eq. 7).

    For s = t − 1 its square is β̃_t = β_t·(1 − ᾱ_{t−1})/(1 − ᾱ_t). Returns float64, shape of t.
    """
    t, s = _step_down(schedule, t, s)
    ratio = (schedule.signal[t] * schedule.noise[s]
             / (schedule.noise[t] * schedule.signal[s])) ** 2  # SNR_t/SNR_s
    return schedule.noise[s] * (1 - ratio).clamp(min=0).sqrt()


def fresh_std(schedule: Schedule, t: int | Tensor, s: int | Tensor, eta: float) -> Tensor:
    """u = min(η·posterior_std, noise_s), the fresh noise of a step from t to s: η = 0 is DDIM, 1 is DDPM (Song et al. 2021,
    eq. 16), and more forgets errors faster but asks for shorter steps; u = noise_s keeps nothing of the noise in x_t.

    Returns float64, shape of t.
    """
    return torch.minimum(eta * posterior_std(schedule, t, s), schedule.noise[schedule.check_t(s)])


def step_std(schedule: Schedule, t: int | Tensor,
             s: int | Tensor) -> Tensor:
    """√(1 − ᾱ_t/ᾱ_s): standard deviation of the forward kernel q(x_t given x_s), s < t; √β_t for s = t − 1.

    Ho et al.'s other sampling variance ("fixed large"). For any schedule: √(noise_t² − (signal_t/signal_s)²·noise_s²).
    """
    t, s = _step_down(schedule, t, s)
    kept = schedule.signal[t] / schedule.signal[s]
    added = schedule.noise[t] ** 2 - (kept * schedule.noise[s]) ** 2
    return added.clamp(min=0).sqrt()


def update(schedule: Schedule, x_t: Tensor, t: int | Tensor,
           s: int | Tensor, D: Tensor, *, u: float | Tensor = 0.0,
           std: float | Tensor | None = None,
           z: Tensor | None = None) -> Tensor:
    """x_s = (d/noise_t)·x_t + (signal_s − signal_t·d/noise_t)·D + std·z,  d² = noise_s² − u².

    One step from t down to s < t given D, an estimate of x_0 (B, …). u = 0 is DDIM (Song et al. 2021, eq. 12 with σ = 0);
    u = posterior_std is DDPM's posterior (Ho et al. 2020, eqs 6–7). std replaces u as the scale of the fresh noise z
    (B, …) while the mean stays. t, s integers or int64 (B,); u, std: numbers or float64 (B,).
    Never divides by signal, so zero terminal SNR and flow matching work; where noise_s = 0 it returns D.
    """
    t, s = _step_down(schedule, t, s)
    same_shape(x_t=x_t, D=D)
    u = on_cpu(u)
    std = u if std is None else on_cpu(std)
    d_squared = schedule.noise[s] ** 2 - u**2
    # so put, NaN is refused, too
    if not bool(((d_squared >= -1e-12) & (u >= 0)).all()):
        raise ValueError(f"u must lie in 0…noise_s = {schedule.noise[s].tolist()}, got {u.tolist()}")
    if not bool((std >= 0).all()):
        raise ValueError(f"std must be ≥ 0, got {std.tolist()}")
    d = d_squared.clamp(min=0).sqrt()
    keep = d / schedule.noise[t]
    rest = schedule.signal[s] - schedule.signal[t] * keep
    x_s = _shaped(keep, x_t) * x_t + _shaped(rest, x_t) * D
    if bool((std > 0).any()):
        if z is None:
            raise ValueError("std > 0 needs z, standard Gaussian noise of the shape of x_t")
        same_shape(x_t=x_t, z=z)
        x_s = x_s + _shaped(std, x_t) * z
    return x_s


def renoise(schedule: Schedule, x_t: Tensor, t: int | Tensor,
            s: int | Tensor, z: Tensor) -> Tensor:
    """x_s = (signal_s/signal_t)·x_t + √(noise_s² − (signal_s/signal_t)²·noise_t²)·z: the forward kernel from t up to s > t.

    Song et al. 2021b, eq. 29 for variance-preserving tables. x_t, z: (B, …).
    """
    t, s = schedule.check_t(t), schedule.check_t(s)
    if not bool((s > t).all()):
        raise ValueError(f"renoise steps up: s must lie above t, got t = {t.tolist()}, s = {s.tolist()}")
    same_shape(x_t=x_t, z=z)
    kept = schedule.signal[s] / schedule.signal[t]
    std = step_std(schedule, s, t)
    return _shaped(kept, x_t) * x_t + _shaped(std, x_t) * z


def _step_down(schedule: Schedule, t: int | Tensor, s: int | Tensor) -> tuple[Tensor, Tensor]:
    t, s = schedule.check_t(t), schedule.check_t(s)
    if not bool((s < t).all()):
        raise ValueError(f"a step goes down: s must lie below t, got t = {t.tolist()}, s = {s.tolist()}")
    return t, s


def _shaped(coefficient: Tensor, x: Tensor) -> Tensor:
    """A float64 coefficient in x's dtype: () as it is, on the CPU (see Schedule.at); (B,) on x's device as (B, 1, …, 1)."""
    if coefficient.ndim == 0:
        return coefficient.to(x.dtype)
    if coefficient.shape != (len(x),):
        raise ValueError(f"t, s, u and std must each be one number or ({len(x)},) for data of shape {tuple(x.shape)}; "
                         f"together they have shape {tuple(coefficient.shape)}")
    return coefficient.reshape(coefficient.shape + (1,) * (x.ndim - 1)).to(x.device, x.dtype)
