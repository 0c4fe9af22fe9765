"""The training loss, the mean squared error of whatever the network predicts, and the variational bound behind it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .checks import same_shape, whole_number
from .conditions import Condition
from .denoiser import PREDICTS, DenoiserFn, as_weights, network_time, target
from .errors import unknown_name
from .schedules import Schedule


def diffusion_loss(net: Callable, schedule: Schedule, predicts: str,
                   x0: Tensor, t: Tensor, eps: Tensor,
                   cond: Condition = None,
                   weight: Tensor | None = None) -> Tensor:
    """E‖target − net(x_t, t)‖², averaged over pixels and batch: L_simple for ε-prediction (Ho et al. 2020, eq. 14).

    x0, eps: (B, …); t: int64 (B,), 1…T; cond: what the network takes. Returns a scalar.
    weight: None for 1; (B,), a factor of each sample; or a mask shaped like x0, ≥ 0, and the mean is over what it counts:
    Σ mask·error/Σ mask.
    Raises ValueError for t = 0, no samples, a mask that counts nothing, or shapes that differ: broadcasting hides mistakes.
    """
    t = _training_times(schedule, t)
    x_t = as_weights(net, schedule.add_noise(x0, t, eps))
    wanted = target(predicts, x0, eps, *schedule.at(t, like=x0))
    output = net(x_t, network_time(t, schedule.T, x_t), cond).float()
    same_shape(target=wanted, output=output)
    error = (output - wanted) ** 2
    if weight is not None and weight.shape == x0.shape and x0.ndim > 1:
        return masked_mean(error, weight)
    per_sample = error.flatten(1).mean(1)  # (B,)
    if weight is not None and weight.shape != per_sample.shape:
        raise ValueError(f"weight must be one number a sample, ({len(x0)},), or a mask {tuple(x0.shape)}, "
                         f"got {tuple(weight.shape)}")
    if weight is not None:
        per_sample = weight.to(per_sample) * per_sample
    return per_sample.mean()


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Σ mask·error/Σ mask over all entries: a scalar. Raises ValueError for a mask below 0, or one that counts nothing."""
    mask = mask.to(error)
    if mask.device.type == "cpu":  # to look at it would make a GPU wait
        if not bool((mask >= 0).all()):
            raise ValueError(f"a mask must be ≥ 0, got {float(mask.min()):g}")
        if not float(mask.sum()) > 0:
            raise ValueError("the mask counts nothing: it must be above 0 somewhere")
    return (mask * error).sum() / mask.sum()


def distillation_loss(net: Callable, teacher: Callable, schedule: Schedule,
                      x0: Tensor, t: Tensor, eps: Tensor,
                      label: Tensor) -> Tensor:
    """E‖teacher(x_t, t, y) − net(x_t, t)‖²: learn from a model that knows the label, without being told it.

    The best net is E[teacher(x_t, t, y) given x_t], the mean over the labels that fit x_t. A perfect teacher is
    E[target given x_t, y], so that mean is E[target given x_t], what diffusion_loss leads to as well; but the target
    no longer carries the chance of one ε and one x_0 (to learn from a model's output: Hinton et al. 2015, section 2).
    x0, eps: (B, …); t: int64 (B,), 1…T; label: int64 (B,). Returns a scalar. Raises ValueError as `diffusion_loss` does.
    """
    t = _training_times(schedule, t)
    x_t = as_weights(net, schedule.add_noise(x0, t, eps))
    time = network_time(t, schedule.T, x_t)
    with torch.no_grad():
        wanted = teacher(x_t, time, label).float()
    output = net(x_t, time, None).float()
    same_shape(teacher=wanted, student=output)
    return (output - wanted).square().mean()


def spread_times(n: int, T: int, generator: torch.Generator,
                 power: float = 1.0) -> Tensor:
    """n times in 1…T, one from each of n equally likely parts of the range, in random order: int64 (n,) on the CPU.

    Each t is uniform on its own, but the batch covers all noise levels, so the loss is less noisy from step to step
    (Kingma et al. 2021, appendix I.1). power: P(t ≤ τ) = (τ/T)^power, so that 2 draws t about in proportion to t.
    Raises ValueError for a power that is not positive, or n < 1.
    """
    n = whole_number("n", n, 1)
    if not power > 0:
        raise ValueError(f"power must be positive, got {power}")
    part = torch.randperm(n, generator=generator)
    u = (part + torch.rand(n, generator=generator)) / n
    u = u ** (1 / power)  # if u is uniform, P(u^(1/power) ≤ x) = x^power
    return (u * T).floor().long().clamp(max=T - 1) + 1


def x0_factor(schedule: Schedule, predicts: str, t: int | Tensor) -> Tensor:
    """c_t in ‖x̂₀ − x_0‖² = c_t·‖output − target‖²: what an error of the output is worth as an error of x̂₀.

    eps: 1/SNR_t; x0: 1; v: noise²/(signal² + noise²)², which is noise² when variance is preserved; flow:
    noise²/(signal + noise)². So L_simple, which weighs all t alike, weighs the error of x̂₀ by 1/c_t
    (Salimans & Ho 2022, section 4: SNR for ε, SNR + 1 for v). t: integer or int64 (B,), 1…T. Returns float64, shape of t.
    """
    t = _training_times(schedule, t)
    signal, noise = schedule.signal[t], schedule.noise[t]
    if predicts == "eps":
        return (noise / signal) ** 2
    if predicts == "x0":
        return torch.ones_like(noise)
    if predicts == "v":
        return (noise / (signal**2 + noise**2)) ** 2
    if predicts == "flow":
        return (noise / (signal + noise)) ** 2
    raise unknown_name("prediction target", predicts, PREDICTS)


def min_snr_weight(schedule: Schedule, predicts: str, t: int | Tensor, cap: float = 5.0) -> Tensor:
    """w_t in w_t·‖output − target‖² = min(SNR_t, cap)·‖x̂₀ − x_0‖²: for ε min(SNR, cap)/SNR, for v min(SNR, cap)/(SNR + 1).

    Keeps the easy small t from dominating, whatever the network predicts (Hang et al. 2023, section 3.4); for
    `diffusion_loss(weight=…)`. cap: their γ, above 0. t: integer or int64 (B,), 1…T. Returns float64, shape of t.
    """
    if not 0 < cap < math.inf:
        raise ValueError(f"cap must be a finite number above 0, got {cap}")
    factor = x0_factor(schedule, predicts, t)
    # Where no signal is left the ε-weight is 0·∞; it is SNR·(1/SNR) = 1 at every SNR below the cap, and so there.
    return (schedule.snr[schedule.check_t(t)].clamp(max=cap) * factor).nan_to_num(nan=1.0)


def bound_weight(schedule: Schedule, t: int | Tensor,
                 predicts: str = "x0") -> Tensor:
    """w_t in L_{t−1} = w_t·‖output − target‖²: the exact weight of the variational bound; ½(SNR_{t−1} − SNR_t) for x_0.

    It holds where p_θ has the variance β̃_t of the posterior. For ε this is β_t²/(2β̃_t·α_t·(1 − ᾱ_t)) (Ho et al. 2020,
    eq. 12). t: integer or int64 (B,), 2…T, since L_0 is no such term. Returns float64, shape of t.
    """
    t = schedule.check_t(t)
    if int(t.min()) < 2:
        raise ValueError(f"the weighted terms L_(t−1) are those of t in 2…{schedule.T}, got t = {int(t.min())}; "
                         "the step from 1 to 0 is reconstruction_term's")
    gained = 0.5 * (schedule.snr[t - 1] - schedule.snr[t])
    return gained * x0_factor(schedule, predicts, t)


def prior_term(schedule: Schedule, x0: Tensor) -> Tensor:
    """L_T = KL(q(x_T given x_0) ‖ N(0, I)) = ½Σ(signal²·x_0² + noise² − 1 − ln noise²) over pixels, in nats.

    What is lost by starting from pure noise; nothing in it can be trained (Ho et al. 2020, eq. 5).
    x0: (B, …). Returns float64 (B,) on the CPU.
    """
    signal, noise = schedule.signal[-1], schedule.noise[-1]
    per_pixel = (signal**2 * x0.cpu().double() ** 2
                 + noise**2 - 1 - 2 * noise.log())
    return 0.5 * per_pixel.flatten(1).sum(1)


@torch.no_grad()
def bound_term(denoiser: DenoiserFn, schedule: Schedule, x0: Tensor,
               t: Tensor, eps: Tensor, cond=None) -> Tensor:
    """L_{t−1} = ½(SNR_{t−1} − SNR_t)·‖x_0 − x̂₀‖², one draw of ε, summed over pixels, in nats (Kingma et al. 2021).

    It is KL(q(x_{t−1} given x_t, x_0) ‖ p_θ(x_{t−1} given x_t)). x0, eps: (B, …); t: int64 (B,), 2…T.
    Returns float64 (B,) on the CPU.
    """
    x0_hat = denoiser(schedule.add_noise(x0, t, eps), t, cond).x0_hat
    same_shape(x0=x0, x0_hat=x0_hat)
    squares = (x0_hat - x0).cpu().double().square()
    return bound_weight(schedule, t) * squares.flatten(1).sum(1)


@torch.no_grad()
def reconstruction_term(denoiser: DenoiserFn, schedule: Schedule, x0: Tensor, eps: Tensor, cond=None,
                        levels: int = 256) -> Tensor:
    """L_0 = −ln p_θ(x_0 given x_1), one draw of ε, summed over pixels, in nats (Ho et al. 2020, eq. 13).

    p_θ gives each of the `levels` grey values in [−1, 1] the mass that N(x̂₀, noise_1²) has in the bin around it; the
    outermost bins are open, so that the masses sum to 1. x0, eps: (B, …), x0 on the grey values.
    Returns float64 (B,) on the CPU.
    """
    t = torch.ones(len(x0), dtype=torch.int64)
    x0_hat = denoiser(schedule.add_noise(x0, t, eps), t, cond).x0_hat.cpu().double()
    same_shape(x0=x0, x0_hat=x0_hat)
    x0 = x0.cpu().double()
    std, half = float(schedule.noise[1]), 1 / (levels - 1)
    upper = torch.where(x0 > 1 - half, math.inf, (x0 + half - x0_hat) / std)
    lower = torch.where(x0 < half - 1, -math.inf, (x0 - half - x0_hat) / std)
    # Φ(upper) − Φ(lower), with both moved to the left tail, where the logarithm of Φ keeps its digits
    flip = lower > 0
    upper, lower = torch.where(flip, -lower, upper), torch.where(flip, -upper, lower)
    high, low = torch.special.log_ndtr(upper), torch.special.log_ndtr(lower)
    return -(high + torch.log1p(-torch.exp(low - high))).flatten(1).sum(1)


def _training_times(schedule: Schedule, t: int | Tensor) -> Tensor:
    t = schedule.check_t(t)
    if t.numel() == 0:
        raise ValueError("t is empty: a loss needs at least one sample")
    if int(t.min()) < 1:
        raise ValueError("t = 0 is the data itself: train on t in 1…T")
    return t
