"""From a network's output to an estimate of the clean data.

x_t = signal·x_0 + noise·ε ties four quantities together, so a network may predict any one of them: ε, x_0, v or the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .checks import levels_fit, same_shape, widened
from .conditions import Condition
from .errors import unknown_name
from .schedules import Schedule

PREDICTS = ("eps", "x0", "v", "flow")


class Prediction(NamedTuple):
    """What a denoiser returns: x0_hat and eps_hat (B, …), tied by x_t = signal·x̂₀ + noise·ε̂; log_var (B, …) or None."""

    x0_hat: Tensor
    eps_hat: Tensor
    log_var: Tensor | None = None


DenoiserFn = Callable[..., Prediction]  # (x_t, t, cond) -> Prediction; guidance maps one such function to another


def target(predicts: str, x0: Tensor, eps: Tensor, signal: Tensor,
           noise: Tensor) -> Tensor:
    """What the network should output at x_t = signal·x_0 + noise·ε; all (B, …), signal and noise broadcastable.

    eps: ε (Ho et al. 2020, eq. 14); x0: x_0; v: signal·ε − noise·x_0 (Salimans & Ho 2022, appendix D);
    flow: ε − x_0 (Lipman et al. 2023, eq. 23, with time running from data to noise).
    """
    same_shape(x0=x0, eps=eps)
    levels_fit(x0, signal=signal, noise=noise)
    if predicts == "eps":
        return eps
    if predicts == "x0":
        return x0
    if predicts == "v":
        return signal * eps - noise * x0
    if predicts == "flow":
        return eps - x0
    raise unknown_name("prediction target", predicts, PREDICTS)


def split(predicts: str, output: Tensor, x_t: Tensor, signal: Tensor,
          noise: Tensor) -> tuple[Tensor, Tensor]:
    """(x̂₀, ε̂) from a network's output: the inverse of `target`, given x_t. Shapes as in `target`.

    Raises ValueError where the division is by zero: ε-prediction with signal = 0, x_0-prediction with noise = 0; and where
    shapes differ.
    """
    same_shape(x_t=x_t, output=output)
    levels_fit(x_t, signal=signal, noise=noise)
    if predicts == "eps":
        if (signal == 0).any():
            raise ValueError("ε says nothing of x_0 where signal = 0 (zero terminal SNR): predict v, x0 or flow instead")
        return (x_t - noise * output) / signal, output
    if predicts == "x0":
        return output, eps_from_x0(output, x_t, signal, noise)
    if predicts == "v":  # the rotation (x_0, ε) -> (x_t, v), undone
        norm = signal**2 + noise**2
        return ((signal * x_t - noise * output) / norm,
                (noise * x_t + signal * output) / norm)
    if predicts == "flow":
        norm = signal + noise
        return (x_t - noise * output) / norm, (x_t + signal * output) / norm
    raise unknown_name("prediction target", predicts, PREDICTS)


def eps_from_x0(x0_hat: Tensor, x_t: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """ε̂ = (x_t − signal·x̂₀)/noise, the noise that explains x_t given x̂₀. Raises ValueError where noise = 0 (t = 0)."""
    same_shape(x_t=x_t, x0_hat=x0_hat)
    levels_fit(x_t, signal=signal, noise=noise)
    if (noise == 0).any():
        raise ValueError("at t = 0 there is no noise to predict (noise = 0): call denoisers for t in 1…T")
    return (x_t - signal * x0_hat) / noise


def score_from_eps(eps_hat: Tensor, noise: Tensor) -> Tensor:
    """∇ ln q(x_t) = −ε̂/noise: the direction in which x_t becomes more likely (Vincent 2011; Song et al. 2021b, sec. 3.3).

    eps_hat: (B, …); noise: () or (B, 1, …, 1). Raises ValueError where noise = 0 (t = 0).
    """
    levels_fit(eps_hat, noise=noise)
    if (noise == 0).any():
        raise ValueError("the score of the data itself is unknown (noise = 0 at t = 0): call denoisers for t in 1…T")
    return -eps_hat / noise


class Denoiser:
    """Network + schedule + what the network predicts = a function (x_t, t, cond) → Prediction.

    net: called as net(x_t, 1000·t/T, cond), x_t in the precision of its weights, time float32 (B,). Where it has a
    check_condition, as a `Network` has, that is asked once for each condition; predicts: 'eps', 'x0', 'v' or 'flow';
    clip: (low, high) to which x̂₀ is clipped, or None. After clipping ε̂ is derived again, so that the two still
    explain x_t together (Ho et al. 2020's released code does so by way of the posterior mean).
    """

    def __init__(self, net: nn.Module | Callable, schedule: Schedule, predicts: str = "eps",
                 clip: tuple[float, float] | None = None):
        if predicts not in PREDICTS:
            raise unknown_name("prediction target", predicts, PREDICTS)
        check_clip(clip)
        self.net, self.schedule, self.predicts, self.clip = net, schedule, predicts, clip
        self._looked_at: Condition = None

    def __call__(self, x_t: Tensor, t: int | Tensor, cond: Condition = None) -> Prediction:
        """x_t (B, …) float; t an integer or int64 (B,), 1…T; cond whatever the network takes. Returns float32 (or wider)."""
        t, x_t = self.schedule.check_t(t), widened("x_t", x_t)
        if int(t.min()) < 1:
            raise ValueError("at t = 0 there is no noise to predict: call denoisers for t in 1…T")
        self._check_condition(cond, len(x_t))
        signal, noise = self.schedule.at(t, like=x_t)
        output = self.net(as_weights(self.net, x_t), network_time(t, self.schedule.T, x_t), cond)
        if output.shape != x_t.shape:
            raise ValueError(f"the network returned {tuple(output.shape)} for x_t of shape {tuple(x_t.shape)}")
        x0_hat, eps_hat = split(self.predicts, output.to(x_t.dtype), x_t, signal, noise)
        if self.clip is not None:
            x0_hat = x0_hat.clamp(*self.clip)
            eps_hat = eps_from_x0(x0_hat, x_t, signal, noise)
        return Prediction(x0_hat, eps_hat)

    def _check_condition(self, cond: Condition, batch: int) -> None:
        """Once for each condition, and so once in a walk, not in each of its steps: to look at labels makes a GPU wait."""
        check = getattr(self.net, "check_condition", None)  # a plain function has none
        if check is not None and cond is not self._looked_at:
            check(cond, batch)
            self._looked_at = cond


def as_weights(net: nn.Module | Callable, x: Tensor) -> Tensor:
    """x in the precision of the network's weights; as it is where `net` has none, as plain functions do."""
    first = next(net.parameters(), None) if isinstance(net, nn.Module) else None
    return x if first is None or not first.is_floating_point() else x.to(first.dtype)


def check_clip(clip: tuple[float, float] | None) -> None:
    """Raises ValueError unless clip is None or (low, high): turned round, PyTorch makes every number `high`."""
    if clip is not None and not (len(clip) == 2 and clip[0] < clip[1]):
        raise ValueError(f"clip must be None or (low, high) with low < high, got {clip}")


def network_time(t: Tensor, T: int, like: Tensor) -> Tensor:
    """1000·t/T as float32 (B,) on `like`'s device: networks see the same clock whatever T is."""
    time = 1000.0 * t.to(torch.float64) / T
    if t.ndim == 0:  # made where it is needed: a copy to a GPU would wait for it
        return torch.full((len(like),), float(time), dtype=torch.float32, device=like.device)
    return time.to(torch.float32).to(like.device)
