"""The labelled equations of the appendix of derivations, checked in numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from diffusion_utils.denoiser import split, target
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.guidance import guided
from diffusion_utils.noise import SampleNoise
from diffusion_utils.sampling import Sampler, posterior_std, renoise, sample, step_std, update
from diffusion_utils.schedules import Schedule, cosine, flow, linear

COSINE, LINEAR, FLOW = cosine(1000), linear(1000), flow(1000)
BUMPS = GaussianMixture([[-0.9], [0.9]], [0.2, 0.2])
ZERO, ONE = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
steps = pytest.mark.parametrize(("schedule", "t", "s"), [(COSINE, 500, 499), (COSINE, 900, 300), (LINEAR, 40, 10),
                                                         (FLOW, 700, 200)])


def numbers(schedule: Schedule, t: int, s: int) -> tuple[float, float, float, float, float, float]:
    """a_t, b_t, a_s, b_s, r, g² as the appendix defines them."""
    a_t, b_t, a_s, b_s = (float(c[k]) for k in (t, s) for c in (schedule.signal, schedule.noise))
    r = a_t / a_s
    return a_t, b_t, a_s, b_s, r, b_t**2 - r**2 * b_s**2


def coefficients(schedule: Schedule, t: int, s: int, u) -> tuple[float, float]:
    """What `update` multiplies x_t and D by."""
    return (float(update(schedule, ONE, t, s, ZERO, u=u, z=ZERO)), float(update(schedule, ZERO, t, s, ONE, u=u, z=ZERO)))


def pair(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.randn((2, 30, 1), generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def test_eq_app_closed_form() -> None:
    """The induction, step by step: signal and variance after t single steps."""
    signal, variance = 1.0, 0.0
    for t in range(1, 1001):
        alpha = float(LINEAR.alpha[t])
        signal, variance = math.sqrt(alpha) * signal, alpha * variance + 1 - alpha
        assert (signal, variance) == pytest.approx((float(LINEAR.signal[t]), float(LINEAR.noise[t]) ** 2), rel=1e-10)


@steps
def test_eq_app_kernel(schedule, t, s) -> None:
    a_t, b_t, a_s, b_s, r, g2 = numbers(schedule, t, s)
    (x0, eps), (_, z) = pair(), pair(1)
    x_s = schedule.add_noise(x0, s, eps)
    torch.testing.assert_close(renoise(schedule, x_s, s, t, z), r * x_s + math.sqrt(g2) * z)
    assert float(step_std(schedule, t, s)) ** 2 == pytest.approx(b_t**2 * float(1 - schedule.snr[t] / schedule.snr[s]))
    assert (r * a_s, r**2 * b_s**2 + g2) == pytest.approx((a_t, b_t**2))


@steps
def test_eq_app_posterior(schedule, t, s) -> None:
    a_t, b_t, a_s, b_s, r, g2 = numbers(schedule, t, s)
    u = posterior_std(schedule, t, s)
    assert float(u) ** 2 == pytest.approx(g2 * b_s**2 / b_t**2, rel=1e-9)
    assert coefficients(schedule, t, s, u) == pytest.approx((r * b_s**2 / b_t**2, a_s * g2 / b_t**2), rel=1e-9)


def test_eq_app_ddpm_posterior() -> None:
    for t in (2, 50, 1000):
        bar, before, alpha = (float(x) for x in (LINEAR.alpha_bar[t], LINEAR.alpha_bar[t - 1], LINEAR.alpha[t]))
        beta, u = 1 - alpha, posterior_std(LINEAR, t, t - 1)
        textbook = math.sqrt(alpha) * (1 - before) / (1 - bar), math.sqrt(before) * beta / (1 - bar)
        assert coefficients(LINEAR, t, t - 1, u) == pytest.approx(textbook, rel=1e-10)
        assert float(u) ** 2 == pytest.approx((1 - before) / (1 - bar) * beta, rel=1e-10)


@steps
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_eq_app_update(schedule, t, s, share) -> None:
    a_t, b_t, a_s, b_s, *_ = numbers(schedule, t, s)
    (x_t, D), (_, z) = pair(), pair(1)
    u = share * b_s
    d = math.sqrt(b_s**2 - u**2)
    x_s = update(schedule, x_t, t, s, D, u=u, z=z)
    torch.testing.assert_close(x_s, d / b_t * x_t + (a_s - a_t * d / b_t) * D + u * z, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(x_s, a_s * D + d * (x_t - a_t * D) / b_t + u * z, rtol=1e-11, atol=1e-11)


@steps
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_eq_app_ddim(schedule, t, s, share) -> None:
    """From a right x_t and D = x_0, x_s holds signal_s of x_0 and noise of variance noise_s², whatever u."""
    *_, b_s, _, _ = numbers(schedule, t, s)
    (x0, eps), (_, z) = pair(), pair(1)
    u = share * b_s
    x_s = update(schedule, schedule.add_noise(x0, t, eps), t, s, x0, u=u, z=z)
    d = math.sqrt(b_s**2 - u**2)
    torch.testing.assert_close(x_s, float(schedule.signal[s]) * x0 + d * eps + u * z, rtol=1e-11, atol=1e-11)


def test_eq_app_eta() -> None:
    """The sampler's step at η = 0.3, redone with the same noise."""
    denoiser = BUMPS.denoiser(COSINE)
    first, second, _ = sample(denoiser, COSINE, (5, 1), Sampler("ddim", eta=0.3), times=[700, 400, 0], seed=3)
    draw = SampleNoise(3, range(5), (1,))
    draw()  # the first draw is x_700 itself
    u = 0.3 * posterior_std(COSINE, 700, 400)
    expected = update(COSINE, first.x_t, 700, 400, first.x0_hat, u=u, z=draw())
    torch.testing.assert_close(second.x_t, expected, rtol=0, atol=0)
    assert float(u) == pytest.approx(0.3 * float(COSINE.noise[400] * (1 - COSINE.snr[700] / COSINE.snr[400]).sqrt()))


@steps
def test_eq_app_true_step(schedule, t, s) -> None:
    x_t = torch.tensor([0.4], dtype=torch.float64)
    true_mean, true_variance = BUMPS.step_back(schedule, x_t, t, s).moments()
    mean, variance = BUMPS.step_back(schedule, x_t, t, 0).moments()
    u = posterior_std(schedule, t, s)
    of_x_t, c = coefficients(schedule, t, s, u)
    assert float(true_mean) == pytest.approx(of_x_t * 0.4 + c * float(mean), abs=1e-10)
    assert float(true_variance) == pytest.approx(float(u) ** 2 + c**2 * float(variance), rel=1e-8)


@pytest.mark.parametrize(("t", "s"), [(500, 499), (900, 300), (40, 10)])
def test_eq_app_variance_range(t, s) -> None:
    """At any skip. For a Gaussian N(0, τ²) the variance does not depend on x_t, so no average is needed."""
    low, high = float(posterior_std(COSINE, t, s)) ** 2, float(step_std(COSINE, t, s)) ** 2
    for tau, expected in ((1e-7, low), (1.0, high), (0.6, None)):
        _, variance = GaussianMixture([[0.0]], [tau]).step_back(COSINE, torch.tensor([0.3]), t, s).moments()
        if expected is None:
            assert low < float(variance) < high
        else:
            assert float(variance) == pytest.approx(expected, rel=1e-9)


def test_eq_app_tweedie() -> None:
    """Both halves, with the mean of x_0 from Bayes' rule and the score by a difference quotient."""
    a, b, h = float(COSINE.signal[600]), float(COSINE.noise[600]), 1e-4
    for x in (-1.1, 0.05, 0.7):
        mean = float(BUMPS.step_back(COSINE, torch.tensor([x], dtype=torch.float64), 600, 0).moments()[0])
        up, down = (float(BUMPS.marginal(a, b).log_density(torch.tensor([[x + m]], dtype=torch.float64))) for m in (h, -h))
        score = (up - down) / (2 * h)  # its error is h² times a third derivative of order one
        assert score == pytest.approx((a * mean - x) / b**2, abs=1e-6)
        assert mean == pytest.approx((x + b**2 * score) / a, abs=1e-6)


def test_eq_app_mean_score() -> None:
    for t in (2, 300, 900):
        x = torch.tensor([0.4], dtype=torch.float64)
        mean = float(BUMPS.step_back(LINEAR, x, t, t - 1).moments()[0])
        beta, alpha, b = float(LINEAR.beta[t]), float(LINEAR.alpha[t]), float(LINEAR.noise[t])
        score = float(BUMPS.marginal(float(LINEAR.signal[t]), b).score(x[None]))
        eps_hat = float(BUMPS.denoiser(LINEAR)(x[None], t).eps_hat)
        assert mean == pytest.approx((0.4 + beta * score) / math.sqrt(alpha), abs=1e-9)
        assert mean == pytest.approx((0.4 - beta / b * eps_hat) / math.sqrt(alpha), abs=1e-9)


@pytest.mark.parametrize("schedule", [COSINE, FLOW], ids=["cosine", "flow"])
def test_eq_app_v(schedule) -> None:
    x0, eps = pair()
    a, b = schedule.at(600, like=x0)
    v, x_t = target("v", x0, eps, a, b), a * x0 + b * eps
    torch.testing.assert_close(v, a * eps - b * x0)
    torch.testing.assert_close((a * x_t - b * v) / (a**2 + b**2), x0)
    torch.testing.assert_close((b * x_t + a * v) / (a**2 + b**2), eps)


@pytest.mark.parametrize("schedule", [COSINE, FLOW], ids=["cosine", "flow"])
def test_eq_app_flow(schedule) -> None:
    x0, eps = pair()
    a, b = schedule.at(600, like=x0)
    f, x_t = target("flow", x0, eps, a, b), a * x0 + b * eps
    torch.testing.assert_close(f, eps - x0)
    torch.testing.assert_close((x_t - b * f) / (a + b), x0)
    torch.testing.assert_close((x_t + a * f) / (a + b), eps)


@pytest.mark.parametrize("schedule", [COSINE, FLOW], ids=["cosine", "flow"])
def test_eq_app_losses(schedule) -> None:
    (x0, eps), (guess, _) = pair(), pair(1)
    a, b = schedule.at(600, like=x0)
    x_t = a * x0 + b * eps
    _, eps_hat = split("x0", guess, x_t, a, b)
    error = float((x0 - guess).square().sum())
    factors = {"eps": (a / b) ** 2, "v": (a**2 + b**2) ** 2 / b**2, "flow": (a + b) ** 2 / b**2}
    for name, factor in factors.items():
        difference = target(name, x0, eps, a, b) - target(name, guess, eps_hat, a, b)
        assert float(difference.square().sum()) == pytest.approx(float(factor) * error, rel=1e-10)
    if schedule is COSINE:
        assert float(factors["v"]) == pytest.approx(float(schedule.snr[600]) + 1, rel=1e-10)


def test_eq_app_elbo() -> None:
    """Along any path the logarithms are the same, sorted in two ways; and the bound holds on average."""
    schedule = linear(5, 0.2, 0.9, allow_signal_left=True)
    generator = torch.Generator().manual_seed(0)
    x0 = torch.full((50_000,), 0.6, dtype=torch.float64)

    def model(t: int, x: torch.Tensor) -> Normal:
        """Any p_θ(x_{t−1} | x_t) will do."""
        return Normal(0.7 * x + 0.1, 0.5 + 0.05 * t)

    path, plain = [x0], 0.0
    for t in range(1, 6):
        forward = Normal(schedule.alpha[t].sqrt() * path[-1], schedule.beta[t].sqrt())
        path.append(forward.mean + forward.stddev * torch.randn(x0.shape, generator=generator, dtype=torch.float64))
        plain = plain + forward.log_prob(path[t]) - model(t, path[t]).log_prob(path[t - 1])
    prior = Normal(0.0, 1.0)
    plain = plain - prior.log_prob(path[5])
    chain = Normal(schedule.signal[5] * x0, schedule.noise[5]).log_prob(path[5]) - prior.log_prob(path[5])
    for t in range(2, 6):
        u = posterior_std(schedule, t, t - 1)
        mean = update(schedule, path[t][:, None], t, t - 1, x0[:, None], u=u, z=ZERO.expand(len(x0), 1))[:, 0]
        chain = chain + Normal(mean, u).log_prob(path[t - 1]) - model(t, path[t]).log_prob(path[t - 1])
    chain = chain - model(1, path[1]).log_prob(x0)
    torch.testing.assert_close(chain, plain, rtol=0, atol=1e-9)

    mean, variance = 0.0, 1.0  # p_θ(x_0) itself is Gaussian: push the prior through the model
    for t in range(5, 0, -1):
        mean, variance = 0.7 * mean + 0.1, 0.49 * variance + (0.5 + 0.05 * t) ** 2
    surprise = -float(Normal(mean, math.sqrt(variance)).log_prob(x0[0]))
    assert surprise < float(plain.mean()) + 4 * float(plain.std()) / math.sqrt(len(x0))


@steps
def test_eq_app_kl_snr(schedule, t, s) -> None:
    u = float(posterior_std(schedule, t, s))
    _, c = coefficients(schedule, t, s, u)
    divergence = float(kl_divergence(Normal(0.8 * c * ONE, u * ONE), Normal(0.5 * c * ONE, u * ONE)))
    assert divergence == pytest.approx(float(schedule.snr[s] - schedule.snr[t]) / 2 * 0.3**2, rel=1e-8)


def test_eq_app_kl_eps() -> None:
    for t in (2, 100, 900):
        bar_before, alpha, beta = (float(x) for x in (LINEAR.alpha_bar[t - 1], LINEAR.alpha[t], LINEAR.beta[t]))
        u = float(posterior_std(LINEAR, t, t - 1))
        _, c = coefficients(LINEAR, t, t - 1, u)
        x0_error = 0.3 * float(LINEAR.noise[t] / LINEAR.signal[t])  # of an error 0.3 in ε̂
        divergence = float(kl_divergence(Normal(c * x0_error * ONE, u * ONE), Normal(ZERO, u * ONE)))
        assert divergence == pytest.approx(beta / (2 * alpha * (1 - bar_before)) * 0.3**2, rel=1e-8)
        assert divergence == pytest.approx(float(LINEAR.snr[t - 1] / LINEAR.snr[t] - 1) / 2 * 0.3**2, rel=1e-8)


def test_eq_app_exponential_integrator() -> None:
    """For data N(0, τ²) the deterministic walk only rescales x, x ∝ √(a²τ² + b²): the integral must give the same."""
    tau2, t, s, x_t = 0.3, 800, 200, 1.7

    def spread(a, b):
        return (a**2 * tau2 + b**2) ** 0.5

    a_t, b_t, a_s, b_s, *_ = numbers(COSINE, t, s)
    lam = torch.linspace(math.log(a_t / b_t), math.log(a_s / b_s), 20_001, dtype=torch.float64)
    a, b = (1 + (-2 * lam).exp()) ** -0.5, (1 + (2 * lam).exp()) ** -0.5  # variance preserving
    x = x_t * spread(a, b) / spread(a_t, b_t)
    x0_hat = a * tau2 * x / spread(a, b) ** 2
    x_s = b_s / b_t * x_t + b_s * float(torch.trapezoid(lam.exp() * x0_hat, lam))
    assert x_s == pytest.approx(x_t * spread(a_s, b_s) / spread(a_t, b_t), rel=1e-7)


def test_eq_app_2m() -> None:
    """The second step of the sampler, redone by hand."""
    times = [800, 500, 300, 0]
    states = list(sample(BUMPS.denoiser(COSINE), COSINE, (4, 1), Sampler("dpmpp_2m"), times=times))
    lam = COSINE.log_snr
    r = float((lam[500] - lam[800]) / (lam[300] - lam[500]))
    D = states[1].x0_hat + (states[1].x0_hat - states[0].x0_hat) / (2 * r)
    # The states are float32, of size 1: a few roundings of 10⁻⁷ each, in another order here and there.
    torch.testing.assert_close(states[2].x_t, update(COSINE, states[1].x_t, 500, 300, D), rtol=0, atol=1e-6)
    torch.testing.assert_close(states[1].x_t, update(COSINE, states[0].x_t, 800, 500, states[0].x0_hat), rtol=0, atol=0)


def one_bump_or_all(x_t, t, cond=None):
    return (BUMPS if cond is None else GaussianMixture([[0.9]], [0.2])).denoiser(COSINE)(x_t, t)


@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_eq_app_guidance_score(weight) -> None:
    """The score of p(x)^(1−w)·p(x | c)^w at a time t, by automatic differentiation."""
    a, b = float(COSINE.signal[600]), float(COSINE.noise[600])
    x_t = torch.tensor([[-0.5], [0.2], [1.0]], dtype=torch.float64, requires_grad=True)
    free, given = BUMPS.marginal(a, b), GaussianMixture([[0.9]], [0.2]).marginal(a, b)
    log_p = (1 - weight) * free.log_density(x_t) + weight * given.log_density(x_t)
    gradient, = torch.autograd.grad(log_p.sum(), x_t)
    eps_hat = guided(one_bump_or_all, COSINE, weight)(x_t.detach(), 600, "right").eps_hat
    torch.testing.assert_close(-eps_hat / b, gradient, rtol=1e-9, atol=1e-9)


def test_eq_app_guidance() -> None:
    x_t = torch.tensor([[-0.5], [0.2], [1.0]], dtype=torch.float64)
    free, given = (one_bump_or_all(x_t, 600, cond).eps_hat for cond in (None, "right"))
    for w in (0.0, 1.0, 3.0):
        eps_hat = guided(one_bump_or_all, COSINE, w)(x_t, 600, "right").eps_hat
        torch.testing.assert_close(eps_hat, free + w * (given - free), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(eps_hat, (1 + (w - 1)) * given - (w - 1) * free, rtol=1e-10, atol=1e-10)
