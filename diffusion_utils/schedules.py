"""Noise schedules: how much data and how much noise is in x_t, for t = 0 (data) … T (noise).

x_t = signal_t·x_0 + noise_t·ε.  Everything else in the package is derived from these two columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .checks import on_cpu, whole_number

MAX_SIGNAL_LEFT = 0.02  # √ᾱ_T above this and x_T still shows the data, while sampling starts from pure noise


@dataclass(frozen=True, eq=False)
class Schedule:
    """An immutable table of T + 1 rows: `signal` and `noise`, float64 on the CPU; row 0 is the data, (1, 0).

    signal, noise: float64 (T+1,), signal falls and noise rises with t, so that the signal-to-noise ratio falls strictly.
    Raises ValueError for tables of another shape, range or direction.
    """

    signal: Tensor
    noise: Tensor
    name: str = "custom"

    def __post_init__(self):
        signal, noise = (on_cpu(a).clone() for a in (self.signal, self.noise))
        if signal.ndim != 1 or signal.shape != noise.shape or len(signal) < 2:
            raise ValueError(f"signal and noise must be two tables of T+1 ≥ 2 rows, got {tuple(signal.shape)} "
                             f"and {tuple(noise.shape)}")
        if not (torch.isfinite(signal).all() and torch.isfinite(noise).all()):
            raise ValueError("signal and noise must be finite")
        if signal[0] != 1 or noise[0] != 0:
            raise ValueError(f"row 0 is the data: signal 1 and noise 0, got {signal[0]:g} and {noise[0]:g}")
        if (signal < 0).any() or (noise[1:] <= 0).any():
            raise ValueError("signal must be ≥ 0, and noise > 0 from row 1 on")
        ratio = signal / noise  # inf at row 0
        if not (ratio[1:] < ratio[:-1]).all():
            row = int((ratio[1:] >= ratio[:-1]).nonzero()[0]) + 1
            raise ValueError(f"the signal-to-noise ratio must fall at each step; it does not at t = {row}")
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "noise", noise)

    @property
    def T(self) -> int:
        """Number of steps; t runs over 0…T."""
        return len(self.signal) - 1

    @property
    def snr(self) -> Tensor:
        """Signal-to-noise ratio SNR_t = signal_t²/noise_t², float64 (T+1,); infinite at t = 0."""
        return (self.signal / self.noise) ** 2

    @property
    def log_snr(self) -> Tensor:
        """λ_t = ln(signal_t/noise_t), half the logarithm of the SNR, float64 (T+1,) (Lu et al. 2022, section 2.2)."""
        return self.signal.log() - self.noise.log()

    @property
    def is_variance_preserving(self) -> bool:
        """signal² + noise² = 1 on every row, to float64 rounding."""
        return bool(((self.signal**2 + self.noise**2 - 1).abs() < 1e-9).all())

    @property
    def alpha_bar(self) -> Tensor:
        """ᾱ_t = signal_t², float64 (T+1,), ᾱ_0 = 1. Raises ValueError unless variance preserving."""
        if not self.is_variance_preserving:
            raise ValueError(f"the {self.name} schedule does not preserve variance (signal² + noise² ≠ 1), so it has no "
                             "ᾱ, α or β; use signal, noise, snr or log_snr")
        return self.signal**2

    @property
    def alpha(self) -> Tensor:
        """α_t = ᾱ_t/ᾱ_{t−1}, float64 (T+1,); row 0 is set to 1, since no step leads to the data."""
        alpha_bar = self.alpha_bar
        return torch.cat([alpha_bar.new_ones(1), alpha_bar[1:] / alpha_bar[:-1]])

    @property
    def beta(self) -> Tensor:
        """β_t = 1 − α_t, the variance that step t adds, float64 (T+1,); β_0 = 0 (Ho et al. 2020, eq. 2)."""
        return 1 - self.alpha

    def check_t(self, t: int | Tensor) -> Tensor:
        """t as an int64 CPU tensor, () or (B,). Raises TypeError for floats, ValueError outside 0…T."""
        t = torch.as_tensor(t)
        if t.dtype == torch.bool or t.is_floating_point() or t.is_complex():
            raise TypeError(f"t must be an integer in 0…{self.T}, got dtype {t.dtype}")
        t = t.to("cpu", torch.int64)
        if t.ndim > 1:
            raise ValueError(f"t must be one integer or a tensor (B,), got shape {tuple(t.shape)}")
        outside = not 0 <= int(t) <= self.T if t.ndim == 0 else bool(((t < 0) | (t > self.T)).any())
        if outside:
            raise ValueError(f"t must lie in 0…{self.T}, got {int(t.min())}…{int(t.max())}")
        return t

    def at(self, t: int | Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(signal_t, noise_t), ready to multiply `like`: its dtype, shape () or, on its device, (B, 1, …, 1).

        t: integer or int64 (B,), 0…T; like: (B, …) float. The table is indexed in float64 on the CPU, then cast and moved.
        The trailing ones matter: ᾱ_t of shape (B,) against (B, D) data is an error, or silently wrong when B = D.
        A single number stays on the CPU: a GPU takes it as an argument, with nothing to copy and nobody to wait for.
        Raises TypeError where `like` is not floating point: cast to integers, the whole table is zeros.
        """
        t = self.check_t(t)
        if not like.is_floating_point():
            raise TypeError(f"signal and noise multiply floating point numbers, got {like.dtype}")
        if t.ndim == 1 and len(t) != len(like):
            raise ValueError(f"t has {len(t)} entries for a batch of {len(like)}")
        shape = t.shape + (1,) * (like.ndim - 1) if t.ndim else ()
        device = like.device if t.ndim else "cpu"
        # copied: writing to a view would change the table
        return tuple(
            column[t].reshape(shape).to(device, like.dtype, copy=True)
            for column in (self.signal, self.noise))

    def add_noise(self, x0: Tensor, t: int | Tensor, eps: Tensor) -> Tensor:
        """x_t = signal_t·x_0 + noise_t·ε: one jump from the data to any t (Ho et al. 2020, eq. 4).

        x0, eps: (B, …) of the same shape, dtype and device; t: integer or int64 (B,), 0…T. Returns (B, …).
        Raises ValueError for shapes that differ: broadcasting here hides mistakes.
        """
        if x0.shape != eps.shape:
            raise ValueError(f"x0 and eps must have the same shape, got {tuple(x0.shape)} and {tuple(eps.shape)}")
        if not x0.is_floating_point():
            raise TypeError(f"x0 must be floating point, scaled to [−1, 1] for images, got {x0.dtype}")
        signal, noise = self.at(t, like=x0)
        return signal * x0 + noise * eps


def linear(T: int = 1000, beta_first: float = 1e-4, beta_last: float = 0.02,
           *, allow_signal_left: bool = False) -> Schedule:
    """β rises linearly from beta_first to beta_last over t = 1…T (Ho et al. 2020, section 4).

    The defaults are made for T = 1000; with fewer steps they leave signal in x_T and are refused (scale both by 1000/T).
    """
    whole_number("T", T, 1)
    if not 0 < beta_first < 1 or not 0 < beta_last < 1:
        raise ValueError(f"beta_first and beta_last must lie in (0, 1), got {beta_first:g} and {beta_last:g}")
    betas = torch.linspace(beta_first, beta_last, T, dtype=torch.float64)
    return from_betas(betas, "linear", allow_signal_left)


def cosine(T: int = 1000, offset: float = 0.008,
           beta_max: float = 0.999) -> Schedule:
    """ᾱ_t = cos²(π/2·(t/T + offset)/(1 + offset)), normalised to ᾱ_0 = 1 (Nichol & Dhariwal 2021, eq. 17).

    β_t is capped at beta_max, so that the last row keeps a trace of signal instead of dividing by zero.
    """
    whole_number("T", T, 1)
    time = torch.arange(T + 1, dtype=torch.float64) / T
    angle = (time + offset) / (1 + offset) * math.pi / 2
    alpha_bar = angle.cos() ** 2
    betas = (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=beta_max)
    return from_betas(betas, "cosine", allow_signal_left=T < 4)


def sigmoid(T: int = 1000, start: float = -3.0, end: float = 3.0, floor: float = 1e-6) -> Schedule:
    """ᾱ_t = (σ(end) − σ(start + (end − start)·t/T))/(σ(end) − σ(start)), σ the logistic function (Jabri et al. 2022, alg. 1).

    floor: the smallest ᾱ, so that x_T keeps a non-zero SNR.
    """
    whole_number("T", T, 1)
    if not start < end:
        raise ValueError(f"start must lie below end, got {start:g} and {end:g}")
    edge = torch.sigmoid(torch.tensor([start, end], dtype=torch.float64))
    inner = torch.sigmoid(start + (end - start) * torch.arange(T + 1, dtype=torch.float64) / T)
    alpha_bar = (edge[1] - inner) / (edge[1] - edge[0])
    alpha_bar = floor + (1 - floor) * alpha_bar
    alpha_bar[0] = 1.0
    return from_alpha_bar(alpha_bar, "sigmoid")


def flow(T: int = 1000) -> Schedule:
    """signal_t = 1 − t/T, noise_t = t/T: the straight line from data to noise of flow matching (Lipman et al. 2023, eq. 22).

    Not variance preserving, and no signal is left at T.
    """
    whole_number("T", T, 1)
    u = torch.arange(T + 1, dtype=torch.float64) / T
    return Schedule(1 - u, u, "flow")


def straight(T: int = 1000) -> Schedule:
    """ᾱ_t = 1 − t/T: of classes, the same share is forgotten in each step, and at T nothing is left (Austin et al. 2021).

    The walk of a mask over tokens, whose bound is finite only where nothing is left.
    """
    whole_number("T", T, 1)
    return from_alpha_bar(1 - torch.arange(T + 1, dtype=torch.float64) / T, "straight")


def from_betas(betas: Tensor, name: str = "custom",
               allow_signal_left: bool = False) -> Schedule:
    """The variance-preserving schedule with ᾱ_t = Π_{i≤t} (1 − β_i) (Ho et al. 2020, eq. 4). betas: (T,), in (0, 1]."""
    betas = on_cpu(betas)
    if betas.ndim != 1 or not ((betas > 0) & (betas <= 1)).all():
        raise ValueError("betas must be a table (T,) with values in (0, 1]")
    alpha_bar = torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)])
    return from_alpha_bar(alpha_bar, name, allow_signal_left)


def from_alpha_bar(alpha_bar: Tensor, name: str = "custom", allow_signal_left: bool = False) -> Schedule:
    """The variance-preserving schedule with signal = √ᾱ and noise = √(1 − ᾱ). alpha_bar: (T+1,), from 1 downwards.

    Raises ValueError where √ᾱ_T > 0.02 unless allow_signal_left: x_T would not be noise, yet sampling starts from noise.
    """
    alpha_bar = on_cpu(alpha_bar)
    left = float(alpha_bar[-1].clamp(min=0).sqrt())
    if left > MAX_SIGNAL_LEFT and not allow_signal_left:
        raise ValueError(f"√ᾱ_T = {left:.3f} > {MAX_SIGNAL_LEFT}: x_T still holds the data, while sampling starts from pure "
                         f"noise. With T = {len(alpha_bar) - 1} steps use larger β (scale them by 1000/T) or the cosine "
                         "schedule; to study the mistake on purpose pass allow_signal_left=True")
    return Schedule(alpha_bar.sqrt(), (1 - alpha_bar).sqrt(), name)


SCHEDULES = {"linear": linear, "cosine": cosine, "sigmoid": sigmoid, "flow": flow}
NAMED = SCHEDULES | {"straight": straight}  # all that a card may name; `straight` is of classes, the others are of numbers, too
