"""Denoisers that need no training, because the data distribution is known: the exact answer to compare a network with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import on_cpu, widened
from .denoiser import Prediction, eps_from_x0
from .sampling import step_std
from .schedules import Schedule


class ExactDenoiser:
    """E[x_0 | x_t] for data that is one of finitely many points, each equally likely.

    x̂₀ = Σ_i w_i·x_i,  w = softmax_i(−‖x_t − signal·x_i‖²/(2·noise²)): Bayes' rule with the Gaussian q(x_t given x_0 = x_i)
    (Karras et al. 2022, eq. 57). points: (N, …) float; labels: int64 (N,) or None: with labels, cond = (B,) labels
    restricts the sum to the points of that label. Called as (x_t, t, cond), x_t (B, …) float, t in 1…T. It computes on
    x_t's device, in float32 or wider. Raises ValueError for points that are not finite, for an x_t of another shape than
    the points', and for a label that no point has.
    """

    def __init__(self, points: Tensor, schedule: Schedule, labels: Tensor | None = None):
        if points.ndim < 1 or len(points) < 1 or not points.is_floating_point():
            raise ValueError(f"points must be (N ≥ 1, …) float, got {tuple(points.shape)} {points.dtype}")
        if not bool(points.isfinite().all()):
            raise ValueError("points hold NaN or infinite values")
        if labels is not None and labels.shape != points.shape[:1]:
            raise ValueError(f"labels must be ({len(points)},), one for each point, got {tuple(labels.shape)}")
        self.points, self.schedule, self.labels = points, schedule, labels

    def weights(self, x_t: Tensor, t: int | Tensor,
                cond: Tensor | None = None) -> Tensor:
        """Posterior probability of each point given x_t: (B, …) → (B, N), rows sum to 1."""
        x_t = widened("x_t", x_t)
        if x_t.shape[1:] != self.points.shape[1:]:
            raise ValueError(f"x_t must be (B, …) like the points {tuple(self.points.shape)}, got {tuple(x_t.shape)}")
        flat = self.points.flatten(1).to(x_t)  # (N, D)
        signal, noise = self.schedule.at(t, like=x_t.flatten(1))
        if (noise == 0).any():
            raise ValueError("at t = 0 the data is given: call denoisers for t in 1…T")
        # ‖x − s·p‖² without its ‖x‖² part, which all points share
        # and the softmax cancels
        score = (signal * x_t.flatten(1) @ flat.T
                 - signal**2 * flat.square().sum(1) / 2) / noise**2
        if cond is not None:
            score = score.masked_fill(~self._allowed(cond, x_t), -math.inf)
        return score.softmax(dim=1)

    def _allowed(self, cond: Tensor, x_t: Tensor) -> Tensor:
        """Which points have the label asked for: bool (B, N), on x_t's device, at least one in each row."""
        if self.labels is None:
            raise ValueError("cond was given, but the points have no labels")
        if cond.shape != x_t.shape[:1]:
            raise ValueError(f"cond must be ({len(x_t)},), one label for each sample, got {tuple(cond.shape)}")
        allowed = cond.to(x_t.device)[:, None] == self.labels.to(x_t.device)[None, :]
        if not bool(allowed.any(1).all()):
            raise ValueError(f"cond must hold labels of the points, {self.labels.unique().tolist()}, "
                             f"got {cond.unique().tolist()}")
        return allowed

    def blended(self, x_t: Tensor, t: int | Tensor, cond: Tensor | None = None) -> Tensor:
        """How many points x̂₀ is an average of: exp(−Σ_i w_i ln w_i), from 1 (a single one) to N (all alike): (B,)."""
        w = self.weights(x_t, t, cond)
        return (-torch.xlogy(w, w).sum(1)).exp()

    def __call__(self, x_t: Tensor, t: int | Tensor,
                 cond: Tensor | None = None) -> Prediction:
        x_t = widened("x_t", x_t)
        flat = self.points.flatten(1).to(x_t)
        x0_hat = (self.weights(x_t, t, cond) @ flat).reshape(x_t.shape)
        eps_hat = eps_from_x0(x0_hat, x_t, *self.schedule.at(t, like=x_t))
        return Prediction(x0_hat, eps_hat)


class GaussianMixture:
    """Σ_k weight_k·N(mean_k, std_k²·I) in D dimensions, with everything about its diffusion in closed form.

    means: (K, D); stds: (K,) > 0; weights: (K,) ≥ 0, summing to 1 (equal if not given). Data may lie on any device and be of
    any float type; all is computed in float64 on the CPU and stays there, but what a denoiser returns. Raises ValueError for
    values that are not finite, and for points of another dimension.
    """

    def __init__(self, means: Tensor, stds: Tensor, weights: Tensor | None = None):
        self.means, self.stds = on_cpu(means), on_cpu(stds)
        count = len(self.means) if self.means.ndim else 0
        self.mix = torch.full((count,), 1 / max(count, 1), dtype=torch.float64) if weights is None else on_cpu(weights)
        if self.means.ndim != 2 or count < 1 or self.stds.shape != (count,) or self.mix.shape != (count,):
            raise ValueError(f"means (K ≥ 1, D), stds (K,) and weights (K,) are needed, got {tuple(self.means.shape)}, "
                             f"{tuple(self.stds.shape)} and {tuple(self.mix.shape)}")
        if not (self.means.isfinite().all() and self.stds.isfinite().all()):
            raise ValueError("means and stds must be finite, got NaN or infinity")
        if not ((self.stds > 0).all() and (self.mix >= 0).all() and abs(float(self.mix.sum()) - 1) <= 1e-6):
            raise ValueError("stds must be positive and weights must sum to 1, none below 0")

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n samples, float64 (n, D)."""
        which = torch.multinomial(self.mix, n, replacement=True, generator=generator)
        z = torch.randn((n, self.means.shape[1]), generator=generator, dtype=torch.float64)
        return self.means[which] + self.stds[which, None] * z

    def given(self, components: Sequence[int]) -> GaussianMixture:
        """The mixture of these components alone, reweighted to sum to 1: p(x given a class made of them)."""
        chosen = torch.as_tensor(components, dtype=torch.int64).cpu()
        if chosen.ndim != 1 or len(chosen) < 1 or not ((chosen >= 0) & (chosen < len(self.means))).all():
            raise ValueError(f"components must be numbers in 0…{len(self.means) - 1}, got {components}")
        return GaussianMixture(self.means[chosen], self.stds[chosen], self.mix[chosen] / self.mix[chosen].sum())

    def marginal(self, signal: float, noise: float) -> GaussianMixture:
        """The distribution of x_t = signal·x_0 + noise·ε: again a mixture, means scaled, variances signal²·std² + noise²."""
        return GaussianMixture(signal * self.means, (signal**2 * self.stds**2 + noise**2).sqrt(), self.mix)

    def step_back(self, schedule: Schedule, x_t: Tensor, t: int, s: int) -> GaussianMixture:
        """q(x_s given x_t), s < t, by Bayes' rule and without approximation: again a mixture. x_t: one point (D,).

        Each component is a Gaussian N(m, V) of x_s seen through x_t = kept·x_s + step·z: its precision becomes
        1/V + kept²/step² and its weight the posterior probability of the component (Bishop 2006, eqs 2.113-2.117).
        """
        if x_t.shape != self.means.shape[1:]:
            raise ValueError(f"x_t must be one point ({self.means.shape[1]},), got {tuple(x_t.shape)}")
        if not 0 <= s < t <= schedule.T:
            raise ValueError(f"a step back goes from t down to s, 0 ≤ s < t ≤ {schedule.T}; got t = {t}, s = {s}")
        kept, step = float(schedule.signal[t] / schedule.signal[s]), float(step_std(schedule, t, s))
        now = self.marginal(float(schedule.signal[t]), float(schedule.noise[t]))
        before = self.marginal(float(schedule.signal[s]), float(schedule.noise[s]))
        variance = 1 / (1 / before.stds**2 + kept**2 / step**2)
        means = variance[:, None] * (before.means / before.stds[:, None] ** 2 + kept * on_cpu(x_t) / step**2)
        return GaussianMixture(means, variance.sqrt(), now._log_joint(x_t[None]).softmax(1)[0])

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each coordinate, float64 (D,) each: the Gaussian that fits the mixture best."""
        mean = self.mix @ self.means
        return mean, self.mix @ (self.stds[:, None] ** 2 + (self.means - mean) ** 2)

    def _log_joint(self, x: Tensor) -> Tensor:
        """ln weight_k + ln N(x; mean_k, std_k²·I): (B, D) → (B, K)."""
        squared = (self._checked(x)[:, None] - self.means).square().sum(-1) / self.stds**2
        return self.mix.log() - 0.5 * squared - self.means.shape[1] * (self.stds.log() + 0.5 * math.log(2 * math.pi))

    def _checked(self, x: Tensor) -> Tensor:
        """x (B, D) in float64 on the CPU: of another shape it would be stretched to fit, without a word."""
        if x.ndim != 2 or x.shape[1] != self.means.shape[1]:
            raise ValueError(f"points must be (B, {self.means.shape[1]}), got {tuple(x.shape)}")
        return on_cpu(x)

    def log_density(self, x: Tensor) -> Tensor:
        """ln p(x): (B, D) → float64 (B,)."""
        return self._log_joint(x).logsumexp(1)

    def cdf(self, x: Tensor) -> Tensor:
        """P(X ≤ x) for D = 1: (B, 1) → float64 (B,). Raises ValueError for D > 1."""
        if self.means.shape[1] != 1:
            raise ValueError(f"cdf and quantile need one dimension, this mixture has {self.means.shape[1]}")
        return (self.mix * torch.special.ndtr((self._checked(x) - self.means[:, 0]) / self.stds)).sum(1)

    def quantile(self, p: Tensor) -> Tensor:
        """The x with P(X ≤ x) = p, by bisection: float64 (B,) in (0, 1) → (B, 1). Raises ValueError for D > 1.

        In one dimension the probability-flow ODE cannot let two points overtake each other, so it keeps their quantiles:
        data.quantile(data.marginal(signal_t, noise_t).cdf(x_t)) is its exact solution at t = 0.
        """
        p = on_cpu(p)
        if not bool(((p > 0) & (p < 1)).all()):
            raise ValueError("p must lie strictly between 0 and 1")
        low = torch.full((len(p), 1), float((self.means - 40 * self.stds[:, None]).min()), dtype=torch.float64)
        high = torch.full((len(p), 1), float((self.means + 40 * self.stds[:, None]).max()), dtype=torch.float64)
        for _ in range(64):  # each halves the interval: more than the 53 bits of float64
            middle = (low + high) / 2
            below = (self.cdf(middle) < p)[:, None]
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2

    def score(self, x: Tensor) -> Tensor:
        """∇_x ln p(x) = Σ_k r_k·(mean_k − x)/std_k², r = the posterior of the components: (B, D) → float64 (B, D)."""
        r = self._log_joint(x).softmax(1)
        return (r[:, :, None] * (self.means - on_cpu(x)[:, None]) / self.stds[:, None] ** 2).sum(1)

    def denoiser(self, schedule: Schedule):
        """The exact denoiser x̂₀ = (x_t + noise²·score_t(x_t))/signal (Tweedie's formula; Efron 2011, eq. 1.4)."""

        def denoise(x_t: Tensor, t: int | Tensor, cond=None) -> Prediction:
            t = schedule.check_t(t)
            if t.ndim:
                raise ValueError("this denoiser takes one t for the whole batch")
            signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
            if signal == 0:
                raise ValueError("Tweedie's formula divides by signal, which is 0 at this t")
            x_t = widened("x_t", x_t)
            score = self.marginal(signal, noise).score(x_t)
            x0_hat = (on_cpu(x_t) + noise**2 * score) / signal
            return Prediction(x0_hat.to(x_t), (-noise * score).to(x_t))

        return denoise
