"""One step of diffusion over classes, upwards or downwards, by the limit's vector m alone: without a matrix K × K.

s < t; r = ᾱ_t/ᾱ_s, what a step keeps; f: what the other positions say of x_0. All in logarithms, where ln 0 = −∞ is
an honest number, and nothing is divided by a probability that could be 0.

Source: Austin et al. 2021, section 3, whose matrices are ᾱ·I + (1 − ᾱ)·1mᵀ for all three limits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import on_cpu
from ..schedules import Schedule
from .limits import Limit


def corrupt(limit: Limit, schedule: Schedule, x0: Tensor, t: int | Tensor,
            u: Tensor) -> Tensor:
    """x_t from q(x_t given x_0) = ᾱ_t·δ(x_t, x_0) + (1 − ᾱ_t)·m(x_t).

    eq-discrete-forward. x0: int64 (B, …); u: uniform float64 (B, …).
    """
    kept = schedule.alpha_bar[schedule.check_t(t)]
    return _forget(limit, x0, kept, u)


def renoise(limit: Limit, schedule: Schedule, x_s: Tensor,
            s: int | Tensor, t: int | Tensor, u: Tensor) -> Tensor:
    """x_t from q(x_t given x_s) = r·δ(x_t, x_s) + (1 − r)·m(x_t), s < t.

    eq-discrete-step, upwards from s to t. x_s: int64 (B, …); u: uniform
    float64 (B, …).
    """
    t, s = _ordered(schedule, t, s)
    kept = schedule.alpha_bar[t] / schedule.alpha_bar[s]
    return _forget(limit, x_s, kept, u)


def belief(limit: Limit, schedule: Schedule, x_t: Tensor,
           t: int | Tensor, log_f: Tensor) -> Tensor:
    """ln π(x_0), π ∝ f(x_0)·[ᾱ_t·δ(x_t, x_0) + (1 − ᾱ_t)·m(x_t)].

    eq-discrete-belief: what the others say, times what x_t itself says.
    x_t: int64 (B, …); log_f: (B, …, classes). Returns (B, …, S).
    """
    kept = schedule.alpha_bar[schedule.check_t(t)]
    seen = came_from(limit, x_t, kept, like=log_f)
    return (_on_states(limit, log_f) + seen).log_softmax(-1)


def reverse(limit: Limit, schedule: Schedule, x_t: Tensor,
            t: int | Tensor, s: int | Tensor, log_f: Tensor) -> Tensor:
    """ln p(x_s given x_t), the product of two factors, normalised:
    [r·δ(x_s, x_t) + (1 − r)·m(x_t)]·[ᾱ_s·f(x_s) + (1 − ᾱ_s)·m(x_s)].

    eq-discrete-reverse: Bayes in one line. The second factor is x_s as the
    other positions see it, the first what x_t says of it. With f = δ it is
    q(x_s given x_t, x_0). x_t: int64 (B, …); log_f: (B, …, classes).
    Returns (B, …, S).
    """
    t, s = _ordered(schedule, t, s)
    r = schedule.alpha_bar[t] / schedule.alpha_bar[s]
    seen = came_from(limit, x_t, r, like=log_f)
    before = _spread(limit, log_f, schedule.alpha_bar[s])
    return (seen + before).log_softmax(-1)


def fresh(limit: Limit, schedule: Schedule, x_t: Tensor,
          t: int | Tensor, s: int | Tensor, log_f: Tensor,
          kappa: float) -> Tensor:
    """ln p_κ, p_κ = (1 − κ)·p + κ·[ᾱ_s·π + (1 − ᾱ_s)·m], p of `reverse`.

    eq-discrete-fresh: with probability κ x_t is forgotten and x_s drawn
    from the belief π instead, as u draws fresh noise in diffusion over
    numbers. With masks it hides again what was shown: Wang et al. 2025
    (ReMDM), whose σ is κ·(1 − ᾱ_s).
    """
    if not 0 <= kappa <= 1:
        raise ValueError(f"kappa must lie in 0…1, got {kappa}")
    plain = reverse(limit, schedule, x_t, t, s, log_f)
    if kappa == 0:
        return plain
    pi = belief(limit, schedule, x_t, t, log_f)
    kept = schedule.alpha_bar[schedule.check_t(s)]
    anew = _spread(limit, pi, kept)
    keep = math.log1p(-kappa) if kappa < 1 else -math.inf
    return torch.logaddexp(keep + plain, math.log(kappa) + anew)


def draw(log_p: Tensor, u: Tensor) -> Tensor:
    """A class from each distribution: the first whose cumulated probability lies above u.

    log_p: (…, S); u: uniform float64 (…). Returns int64 (…). In float64, since uniform numbers of float32 come in steps of
    6·10⁻⁸, and Gumbel's noise made of them never exceeds 16.6: rare classes would not be drawn at all (Zheng et al. 2024).
    """
    sums = on_cpu(log_p).exp().cumsum(-1)
    # the sum is 1 only up to rounding; times u < 1 it stays below itself
    level = (on_cpu(u) * sums[..., -1])[..., None]
    return torch.searchsorted(sums, level, right=True)[..., 0]


def came_from(limit: Limit, x: Tensor, kept: Tensor, like: Tensor) -> Tensor:
    """ln[kept·δ(x, y) + (1 − kept)·m(x)] for each state y that x may have come from, up to a constant: (B, …, S).

    A state that noise never makes (m(x) = 0) has come from itself, whatever is kept: in the limit kept → 0, too.
    """
    same = F.one_hot(x, limit.states).to(like)
    chance = limit.m.to(like)[x][..., None]
    kept = level_of(kept, same)
    seen = kept * same + (1 - kept) * chance
    return torch.where(chance == 0, same, seen).log()


def level_of(kept: Tensor, like: Tensor) -> Tensor:
    """kept, float64 () or (B,), as it multiplies (B, …): its dtype and device, and ones for the other axes."""
    return kept.reshape(kept.shape + (1,) * (like.ndim - 1) * kept.ndim).to(like)


def _spread(limit: Limit, log_f: Tensor, kept: Tensor) -> Tensor:
    """ln[kept·f(y) + (1 − kept)·m(y)] of each state y: (B, …, S)."""
    kept = level_of(kept, log_f)
    return torch.logaddexp(kept.log() + _on_states(limit, log_f), (1 - kept).log() + limit.m.to(log_f).log())


def _on_states(limit: Limit, log_f: Tensor) -> Tensor:
    """ln f of all states: that of a mask is −∞, no data have it."""
    return F.pad(log_f, (0, limit.states - log_f.shape[-1]), value=-math.inf)


def _forget(limit: Limit, x: Tensor, kept: Tensor, u: Tensor) -> Tensor:
    """x where u lies below what is kept; else a class from m, by what is left of u."""
    kept = level_of(kept, u)
    left = (u - kept) / (1 - kept)  # uniform in 0…1 where x is forgotten
    sums = limit.m.cumsum(0).to(u)
    return torch.where(u < kept, x, torch.searchsorted(sums, left * sums[-1], right=True))


def _ordered(schedule: Schedule, t: int | Tensor, s: int | Tensor) -> tuple[Tensor, Tensor]:
    t, s = schedule.check_t(t), schedule.check_t(s)
    if not bool((s < t).all()):
        raise ValueError(f"s must lie below t, got t = {t.tolist()}, s = {s.tolist()}")
    return t, s
