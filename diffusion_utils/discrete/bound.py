"""What is minimised and what is measured: losses for any limit, the variational bound, and, for masks, the bound that
knows no schedule.

Source: Austin et al. 2021, section 3.3; Shi et al. 2024 and Sahoo et al. 2024 (the weighted cross-entropy of masks);
Ou et al. 2025 (any order). A network is told 1000·t/T, and gives logits of the classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..conditions import Condition
from ..denoiser import network_time
from ..losses import masked_mean, spread_times
from ..schedules import Schedule
from .laws import belief, corrupt, reverse
from .limits import Limit, Parts


def belief_loss(answer: Sequence[Tensor], limits: Sequence[Limit],
                schedule: Schedule, x0: Parts, x_t: Parts, t: Tensor,
                exists: Parts | None = None) -> Tensor:
    """E[−ln π(x_0)]: the cross-entropy of the belief, mean over positions.

    answer: the network's logits of each part, (B, …, classes); x0, x_t:
    the parts, int64 (B, …); t: int64 (B,), 1…T; exists: bool masks where a
    sample has fewer positions than others. A scalar, for any limit.
    """
    total, count = 0.0, 0
    for k, (limit, logits) in enumerate(zip(limits, answer, strict=True)):
        log_f = logits.float().log_softmax(-1)
        pi = belief(limit, schedule, x_t[k], t, log_f)
        lost = -pi.gather(-1, x0[k][..., None])[..., 0]
        real = None if exists is None else exists[k]
        total = total + (lost if real is None else lost[real]).sum()
        count += lost.numel() if real is None else int(real.sum())
    return total / count


def hide(x0: Tensor, n: Tensor, mask: int,
         u: Tensor) -> tuple[Tensor, Tensor]:
    """(x_t, hidden): n of the L positions of each sample at random, where u is smallest, replaced by the mask.

    x0: int64 (B, L); n: int64 (B,), 0…L; u: uniform (B, L). hidden: bool (B, L).
    """
    hidden = u.argsort(1).argsort(1) < n[:, None]
    return torch.where(hidden, mask, x0), hidden


def masked_loss(net: Callable, limit: Limit, x0: Tensor, n: Tensor,
                u: Tensor, cond: Condition = None) -> Tensor:
    """E over n = 1…L of the mean of −ln f(x_0) over the n hidden positions.

    eq-any-order, as a loss: with n uniform its mean is the bound per
    position, whatever the schedule. x0: int64 (B, L); u: uniform (B, L);
    n: int64 (B,), 1…L, on the CPU as all times. A scalar.
    """
    L = x0.shape[1]
    time, n = network_time(n, L, x0), n.to(x0.device)
    x_t, hidden = hide(x0, n, limit.states - 1, u)
    logits = net(x_t, time, cond).float()
    lost = F.cross_entropy(logits.flatten(0, 1), x0.flatten(),
                           reduction="none").view_as(x0)
    return masked_mean(lost, hidden / n[:, None])


@torch.no_grad()
def any_order(denoiser: Callable, x0: Parts, limit: Limit, T: int, draws: int = 8, *, cond: Condition = None,
              seed: int = 0) -> Tensor:
    """The bound of each sample in nats, for masks: L times the mean over n of −ln f(x_0) over n hidden positions.

    eq-any-order: the mean, over all orders, of −ln p(x_0) when positions are shown one at a time. x0: (int64 (B, L),);
    the n of the draws are spread over 1…L; the denoiser is told the t of `straight`, T·n/L. Returns float64 (B,).
    """
    (x,), generator = x0, torch.Generator().manual_seed(seed)
    B, L = x.shape
    total = torch.zeros(B, dtype=torch.float64)
    for k in range(draws):  # the n of one sample lie one in each of `draws` parts of the range, which draws take in turn
        part = (torch.arange(B) + k) % draws
        n = ((part + torch.rand(B, generator=generator, dtype=torch.float64)) / draws * L).floor().long().clamp(max=L - 1) + 1
        x_t, hidden = hide(x, n, limit.states - 1, torch.rand((B, L), generator=generator, dtype=torch.float64))
        t = (T * n / L).round().long().clamp(min=1)
        (log_f,) = denoiser((x_t,), t, cond)
        lost = -log_f.gather(-1, x[..., None])[..., 0]
        total += L * (lost * hidden).sum(1) / n
    return total / draws


def masked_weight(schedule: Schedule, t: int | Tensor) -> Tensor:
    """(ᾱ_s − ᾱ_t)/(1 − ᾱ_t), s = t − 1: the chance that what is hidden at t is shown by the step to s. Float64, shape of t.

    eq-masked-bound: with masks a term of `bound` is this times Σ −ln f(x_0) over the hidden positions.
    """
    t, kept = schedule.check_t(t), schedule.alpha_bar
    return (kept[t - 1] - kept[t]) / (1 - kept[t])


def prior_term(limit: Limit, schedule: Schedule, x0: Tensor) -> Tensor:
    """KL(q(x_T given x_0) ‖ m) summed over positions, nats: float64 (B,). What is lost by starting from noise alone.

    Raises ValueError where it is infinite: m has a zero, and ᾱ_T is not zero, so that x_T can be what m never is.
    """
    left = float(schedule.alpha_bar[-1])
    if left > 0 and bool((limit.m[: limit.classes] == 0).any()):
        raise ValueError(f"the bound is infinite: the {limit.name} limit never makes some classes, and ᾱ_T = {left:.2g} of "
                         "them is left at T. A schedule with ᾱ_T = 0, such as straight, leaves nothing")
    m = limit.m[x0]
    kept = left + (1 - left) * m  # of the class itself; of others (1 − ᾱ_T)·m is left
    lost = torch.special.xlogy(kept, kept / m) if left > 0 else torch.zeros_like(m)
    others = (1 - left) * (1 - m) * math.log1p(-left) if left < 1 else 0.0
    return (lost + others).flatten(1).sum(1)


def bound_term(limit: Limit, schedule: Schedule, x0: Tensor, x_t: Tensor,
               t: Tensor, log_f: Tensor) -> Tensor:
    """KL(q(x_s given x_t, x_0) ‖ p(x_s given x_t)), s = t − 1, in nats.

    eq-discrete-bound, one term, summed over positions; at t = 1 it is
    −ln p(x_0 given x_1). x0, x_t: int64 (B, …); t: int64 (B,), 1…T;
    log_f: float64 (B, …, classes). Returns float64 (B,).
    """
    known = F.one_hot(x0, log_f.shape[-1]).to(log_f).log()  # ln δ
    q = reverse(limit, schedule, x_t, t, t - 1, known)
    p = reverse(limit, schedule, x_t, t, t - 1, log_f)
    lost = torch.where(q > -math.inf, q.exp() * (q - p), 0.0)
    return lost.sum(-1).flatten(1).sum(1)


@torch.no_grad()
def bound(denoiser: Callable, limits: Sequence[Limit], schedule: Schedule, x0: Parts, draws: int = 8, *,
          cond: Condition = None, seed: int = 0) -> Tensor:
    """The variational bound of −ln p(x_0) of each sample in nats, float64 (B,), by `draws` random t of the sum over t.

    eq-discrete-bound: KL(q(x_T given x_0) ‖ m) + Σ_t E[bound_term]. x0: int64 (B, …) each; the t of a draw are spread over
    the samples. Raises ValueError where it is infinite (see `prior_term`).
    """
    B, generator = len(x0[0]), torch.Generator().manual_seed(seed)
    total = torch.zeros(B, dtype=torch.float64)
    for _ in range(draws):
        t = spread_times(B, schedule.T, generator)
        x_t = tuple(corrupt(limit, schedule, x, t, torch.rand(x.shape, generator=generator, dtype=torch.float64))
                    for limit, x in zip(limits, x0, strict=True))
        for limit, x, now, log_f in zip(limits, x0, x_t, denoiser(x_t, t, cond), strict=True):
            total += bound_term(limit, schedule, x, now, t, log_f)
    first = sum(prior_term(limit, schedule, x) for limit, x in zip(limits, x0, strict=True))
    return first + schedule.T * total / draws
