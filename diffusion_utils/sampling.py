"""One update, one loop: every Gaussian sampler of the book is `update` with another estimate D of x_0 or another noise u.

Sources: Ho et al. 2020 (DDPM), Song et al. 2021 (DDIM), Karras et al. 2022 (Heun), Lu et al. 2022b (DPM-Solver++ 2M
and its SDE form, which is the same estimate with the fresh noise of DDPM).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .checks import clean_state, on_cpu, same_shape, whole_number
from .conditions import Condition
from .denoiser import DenoiserFn
from .errors import unknown_name
from .noise import SampleNoise, sample_indices
from .schedules import Schedule

SAMPLERS = ("ddpm", "ddim", "dpmpp_2m", "dpmpp_2m_sde", "heun")
STOCHASTIC = ("ddpm", "dpmpp_2m_sde")  # η = 1 where nothing else is asked for
SPACINGS = ("uniform", "late", "log_snr")
MUCH_NOISE = 2.0  # SNR below which the first of two η holds unless another is given


class State(NamedTuple):
    """One point of a trajectory: time t, x_t (B, …), and the estimate x0_hat (B, …) that the next step uses."""

    t: int
    x_t: Tensor
    x0_hat: Tensor


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


def timesteps(schedule: Schedule, steps: int, spacing: str | float = "uniform", start: int | None = None) -> list[int]:
    """steps + 1 falling times from `start` (T unless given) to 0: the walk of a sampler is their consecutive pairs.

    uniform: equal strides of t; a number p above 1: t_i = start·(1 − (i/steps)^p), short strides where there is much noise
    and what to draw is decided; late: p = 2; log_snr: equal strides of λ, the natural clock of the solvers (Lu et al. 2022,
    section 3.4). Always begins at `start` itself and ends at 0. Raises ValueError for steps outside 1…start, or p < 1.
    """
    start = schedule.T if start is None else whole_number("start", start, 1, schedule.T)
    steps = whole_number("steps", steps, 1, start)
    if spacing == "uniform":
        return [round(start * (steps - i) / steps) for i in range(steps + 1)]
    power = 2 if spacing == "late" else spacing
    if isinstance(power, Real):  # NumPy's numbers, too
        if not 1 <= power < math.inf:
            raise ValueError(f"spacing as a number must be finite and at least 1, got {power}")
        return _apart([round(start * (1 - (i / steps) ** power)) for i in range(steps + 1)])
    if spacing != "log_snr":
        raise unknown_name("spacing", spacing, SPACINGS)
    if steps == 1:
        return [start, 0]
    lam = schedule.log_snr
    first = lam[start] if torch.isfinite(lam[start]) else lam[start - 1]
    wanted = torch.linspace(float(first), float(lam[1]), steps, dtype=torch.float64)  # the last step goes to the data
    return _apart([start] + [int((lam[1:start] - w).abs().argmin()) + 1 for w in wanted[1:]] + [0])


def _apart(times: list[int]) -> list[int]:
    """The walk with its inner times, where whole t rounded to the same one, pushed apart."""
    steps = len(times) - 1
    for i in range(steps - 1, 0, -1):
        times[i] = max(times[i], times[i + 1] + 1)
    for i in range(1, steps):
        times[i] = min(times[i], times[i - 1] - 1)
    return times


@dataclass(frozen=True)
class Sampler:
    """How to walk from noise to data: what a checkpoint's card says under "sampling".

    sampler: 'ddpm' (η = 1), 'ddim' (η = 0), 'dpmpp_2m_sde' (η = 1), 'dpmpp_2m' (η = 0) or 'heun'
    steps: of the walk, 1…T
    spacing: of its times, see `timesteps`
    eta: replaces the η of 'ddpm', 'ddim' and 'dpmpp_2m_sde'; one number, or two for much noise and for little
    eta_border: the first of two η holds where SNR_t lies below it
    variance: of the fresh noise where η > 0, 'posterior' (β̃_t) or 'large' (β_t)

    The defaults are those of the plainest walk. Raises ValueError for what is not as said here.
    """

    sampler: str = "ddim"
    steps: int = 20
    spacing: str | float = "uniform"
    eta: float | Sequence[float] | None = None
    eta_border: float = MUCH_NOISE
    variance: str = "posterior"

    def __post_init__(self):
        object.__setattr__(self, "steps", whole_number("steps", self.steps, 1))
        self._check()

    @property
    def shares(self) -> tuple[float, float]:
        """η of the steps from where there is much noise, and of the others."""
        eta = self.eta
        if eta is None:
            eta = 1.0 if self.sampler in STOCHASTIC else 0.0
        eta = eta.tolist() if hasattr(eta, "tolist") else eta  # NumPy's numbers and tensors
        return tuple(float(share) for share in (eta if isinstance(eta, Sequence) else (eta, eta)))

    def times(self, schedule: Schedule) -> list[int]:
        """The walk from T to 0."""
        return timesteps(schedule, self.steps, self.spacing)

    def calls(self, weight: float | Tensor = 1.0) -> int:
        """Network evaluations for one sample from T: steps × (2 for Heun, 1 at its two ends) × (2 when guided, w not 0 or 1).

        weight: one w, or one for each sample (B,), which is always guided.
        """
        solver = max(self.steps, 2 * self.steps - 2) if self.sampler == "heun" else self.steps
        weight = on_cpu(weight)
        return solver * (1 if weight.ndim == 0 and weight in (0, 1) else 2)

    def changed(self, **given) -> Sampler:
        """Another one, with what is given and not None; η and its border belong to the sampler that they were chosen for."""
        given = {name: value for name, value in given.items() if value is not None}
        own = {} if given.get("sampler", self.sampler) == self.sampler else {"eta": None, "eta_border": MUCH_NOISE}
        return replace(self, **own | given)

    def _check(self) -> None:
        if self.sampler not in SAMPLERS:
            raise unknown_name("sampler", self.sampler, SAMPLERS)
        if self.variance not in ("posterior", "large"):
            raise unknown_name("variance", self.variance, ("posterior", "large"))
        shares = self.shares
        if len(shares) != 2 or not all(0 <= share < math.inf for share in shares):
            raise ValueError(f"eta must be a finite number of at least 0, or two of them, got {self.eta}")
        if not 0 <= self.eta_border < math.inf:
            raise ValueError(f"eta_border must be an SNR, a finite number of at least 0, got {self.eta_border}")
        if self.sampler in ("dpmpp_2m", "heun") and any(shares):
            raise ValueError(f"{self.sampler} solves the deterministic equation: eta must be 0, got {self.eta}")
        if self.variance == "large" and max(shares) > 1:
            raise ValueError(f"eta must lie in 0…1 with the variance 'large', which is DDPM's own, got {self.eta}")


class Step(Protocol):
    """What a walk does at each pair of times (t, s). `draw()` gives the next noise."""

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        """What is believed of x_0, given x_t."""

    def down(self, now: State, s: int, before: State | None,
             draw: Callable[[], Tensor]) -> Tensor:
        """x_s for s < t. before: the state of the step before, where that went down, too."""

    def up(self, x_t: Tensor, t: int, s: int, draw: Callable[[], Tensor]) -> Tensor:
        """x_s for s > t: the forward kernel."""


class GaussianStep(NamedTuple):
    """A step of `update`: the sampler chooses its estimate D of x_0 and its fresh noise u."""

    denoiser: DenoiserFn
    schedule: Schedule
    sampler: Sampler
    cond: Condition = None

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        """x̂₀ (B, …)."""
        return self.denoiser(x_t, t, self.cond).x0_hat

    def down(self, now: State, s: int, before: State | None,
             draw: Callable[[], Tensor]) -> Tensor:
        """x_s with the sampler's D, u and variance."""
        (t, x_t, D), schedule, how = now, self.schedule, self.sampler
        if how.sampler.startswith("dpmpp_2m"):
            D = _two_step(schedule, now, s, before)
        elif how.sampler == "heun":
            D = _heun(self, now, s)
        much, little = how.shares
        share = much if schedule.snr[t] < how.eta_border else little
        u = fresh_std(schedule, t, s, share) if share > 0 else 0.0
        std = u
        if how.variance == "large":
            std = share * step_std(schedule, t, s) * (s > 0)
        z = draw() if float(std) > 0 else None
        return update(schedule, x_t, t, s, D, u=u, std=std, z=z)

    def up(self, x_t: Tensor, t: int, s: int, draw: Callable[[], Tensor]) -> Tensor:
        """The forward kernel."""
        return renoise(self.schedule, x_t, t, s, draw())


def walk(
        step: Step, x: Tensor, times: Sequence[int],
        draw: Callable[[], Tensor],
        after_step: Callable[[Tensor, int], Tensor] | None = None
) -> Iterator[State]:
    """Follow the pairs (t, s) of the times from x at times[0]: a step down, or the forward kernel where they go up.

    Yields State(t, x_t, estimate) before each step down, and (0, x_0, x_0) last. after_step(x_s, s): returns x_s with what is
    known written in.
    """
    before = None
    for t, s in pairwise(times):
        if s > t:
            x, before = step.up(x, t, s, draw), None
            continue
        now = State(t, x, step.estimate(x, t))
        yield now
        x, before = step.down(now, s, before, draw), now
        if after_step is not None:
            x = after_step(x, s)
    yield State(0, x, x)


@torch.no_grad()
def sample(
        denoiser: DenoiserFn, schedule: Schedule,
        shape: Sequence[int] | None = None, sampler: Sampler | None = None,
        *, cond: Condition = None, seed: int = 0,
        indices: Sequence[int] | None = None,
        device: torch.device | str | None = None,
        x_start: Tensor | None = None, times: Sequence[int] | None = None,
        after_step: Callable[[Tensor, int], Tensor] | None = None
) -> Iterator[State]:
    """Walk from noise to data; yields State(t, x_t, x0_hat) before each step and (0, x_0, x_0) last.

    shape: (B, …) of the samples; or x_start (B, …) at times[0], and the shape is its own. Steps are taken in float32, or in
    float64 where x_start is that; on `device`, which is that of x_start, or else the CPU, unless given.
    sampler: how to walk. What suits a trained network is for a measurement to say (chapter 4), and stands in its card.
    times: the walk itself, in place of the sampler's; where it goes up the forward kernel is applied (RePaint).
    cond: what the network is told, for each of the B samples. after_step: see `walk`; after_step.begin(), where there is one,
    is called first and gives the after_step of this walk.
    seed, indices: sample i's noise depends on (seed, indices[i]) and not on the batch it is in; indices default to 0…B−1.
    `*_, last = sample(...)` gives the result; last.x_t is x_0.
    Raises ValueError or TypeError, at the first state, for what is not as said here, and for an x_start that is not finite.
    """
    sampler = sampler or Sampler()
    if (shape is None) == (x_start is None):
        raise ValueError("give either shape, to start from noise, or x_start")
    x_start = None if x_start is None else clean_state("x_start", x_start)
    device = device or ("cpu" if x_start is None else x_start.device)
    shape = _check_shape(shape) if x_start is None else x_start.shape
    times = sampler.times(schedule) if times is None else times
    times = _check_walk(schedule, times)
    if hasattr(after_step, "begin"):
        after_step = after_step.begin()
    indices = sample_indices(indices, shape[0])
    draw = SampleNoise(seed, indices, shape[1:], device)
    # x_T = noise_T·ε: for variance-preserving tables noise_T is 1
    # to within √(1 − ᾱ_T)
    x = (float(schedule.noise[times[0]]) * draw() if x_start is None
         else x_start.to(device))
    step = GaussianStep(denoiser, schedule, sampler, cond)
    yield from walk(step, x, times, draw, after_step)


def _two_step(schedule: Schedule, now: State, s: int,
              before: State | None) -> Tensor:
    """D = x̂₀ + (x̂₀ − x̂₀_prev)/(2r), r = h_prev/h, h = λ_s − λ_t; first order at both ends (Lu et al. 2022b, alg. 2)."""
    t, _, x0_hat = now
    if before is None or s == 0:
        return x0_hat
    lam = schedule.log_snr
    # zero terminal SNR: the first step is infinitely long in λ
    if not torch.isfinite(lam[before.t]):
        return x0_hat
    r = float((lam[t] - lam[before.t]) / (lam[s] - lam[t]))
    return x0_hat + (x0_hat - before.x0_hat) / (2 * r)


def _heun(step: GaussianStep, now: State, s: int) -> Tensor:
    """D + (σ_t/2σ_s)·(D′ − D), D′ the estimate after an Euler step, σ = noise/signal (Karras et al. 2022, alg. 1).

    Euler at both ends: σ_0 = 0 divides by zero, and σ_T is infinite or nearly so (20,000 for `cosine`; theirs begins at
    80), so that σ_T/σ_s would blow up the smallest error of D, while out there Euler is as good as exact.
    """
    t, x_t, x0_hat = now
    schedule = step.schedule
    if s == 0 or t == schedule.T:
        return x0_hat
    sigma_t, sigma_s = (float(schedule.noise[k] / schedule.signal[k])
                        for k in (t, s))
    euler = update(schedule, x_t, t, s, x0_hat)
    half = sigma_t / (2 * sigma_s)
    return x0_hat + half * (step.estimate(euler, s) - x0_hat)


def _check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(shape, Sequence) or len(shape) == 0:
        raise ValueError(f"shape must be that of all samples, (B, …), got {shape!r}")
    return tuple(whole_number("each number of shape", n, 1) for n in shape)


def _check_walk(schedule: Schedule, times: Sequence[int]) -> list[int]:
    times = schedule.check_t(torch.as_tensor(times)).tolist()
    if len(times) < 2 or times[-1] != 0 or any(a == b for a, b in pairwise(times)):
        raise ValueError(f"a walk has at least two times, no two the same in a row, and ends at 0, got {times}")
    return times
