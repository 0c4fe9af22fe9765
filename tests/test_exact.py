"""The exact denoisers against what they claim to be: sums and integrals done by brute force, and differentiation."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from diffusion_utils.denoiser import score_from_eps
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.sampling import Sampler, posterior_std, sample, step_std, update
from diffusion_utils.schedules import cosine, flow, linear

SCHEDULE = cosine(1000)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def brute_force(points: torch.Tensor, x: torch.Tensor, signal: float, noise: float) -> torch.Tensor:
    """E[x_0 | x_t = x] by Bayes' rule, one point at a time, with densities relative to the likeliest point."""
    logs = [-float((x - signal * point).square().sum()) / (2 * noise**2) for point in points]
    weights = [math.exp(log - max(logs)) for log in logs]
    return sum(weight * point for weight, point in zip(weights, points, strict=True)) / sum(weights)


# ExactDenoiser


@pytest.mark.parametrize("schedule", [cosine(1000), linear(1000), flow(1000)], ids=["cosine", "linear", "flow"])
@pytest.mark.parametrize("t", [1, 50, 500, 999])
def test_the_estimate_is_the_weighted_average(schedule, t: int) -> None:
    points = random(20, 1, 3, 3)
    x_t = schedule.add_noise(points[:6], t, random(6, 1, 3, 3, seed=1))
    prediction = ExactDenoiser(points, schedule)(x_t, t)
    signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
    expected = torch.stack([brute_force(points, x, signal, noise) for x in x_t])
    # The exponents are of size ‖x‖²/noise², so their rounding errors are that many times 2⁻⁵².
    tolerance = 100 * torch.finfo(torch.float64).eps * (1 + float(x_t.flatten(1).square().sum(1).max()) / noise**2)
    torch.testing.assert_close(prediction.x0_hat, expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(signal * prediction.x0_hat + noise * prediction.eps_hat, x_t, rtol=0, atol=1e-12)


def test_each_sample_may_have_its_own_t() -> None:
    denoiser = ExactDenoiser(random(20, 5), SCHEDULE)
    x_t, t = random(3, 5, seed=1), torch.tensor([5, 300, 900])
    together = denoiser(x_t, t).x0_hat
    for i in range(3):
        torch.testing.assert_close(together[i:i + 1], denoiser(x_t[i:i + 1], int(t[i])).x0_hat, rtol=1e-10, atol=1e-12)


def test_pure_noise_gives_the_mean_and_little_noise_the_nearest_point() -> None:
    points = random(20, 5)
    denoiser = ExactDenoiser(points, SCHEDULE)
    noise = random(4, 5, seed=1)
    # signal_T is 5e-5: the exponents differ by at most signal·‖x‖·‖point‖ ~ 1e-3, and so does the average.
    torch.testing.assert_close(denoiser(noise, SCHEDULE.T).x0_hat, points.mean(0).expand(4, 5), rtol=0, atol=5e-3)
    x_1 = SCHEDULE.add_noise(points[:4], 1, noise)
    torch.testing.assert_close(denoiser(x_1, 1).x0_hat, points[:4], rtol=0, atol=1e-12)


def test_a_walk_ends_on_the_points_it_knows() -> None:
    """Memorisation: the exact answer for finite data can only return that data."""
    points = torch.cartesian_prod(*2 * [torch.tensor([-1.0, 0.0, 1.0])])
    *_, last = sample(ExactDenoiser(points, SCHEDULE), SCHEDULE, (30, 2), Sampler("ddpm", steps=100))
    distance = torch.cdist(last.x_t, points).min(1).values
    # The last step starts at t = 10, where noise is 0.02: neighbours, 1 apart, weigh e^(−1/(2·0.02²)) = 0.
    assert float(distance.max()) < 1e-5


def test_blended_counts_the_points_in_the_average() -> None:
    """Equal weights on m points give m; one certain point gives 1."""
    square = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    denoiser, between = ExactDenoiser(square, SCHEDULE), torch.tensor([[0.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(denoiser.blended(between, 100), torch.tensor([4.0, 2.0]).double(), rtol=1e-9, atol=0)
    torch.testing.assert_close(denoiser.blended(square, 1), torch.ones(4).double(), rtol=1e-12, atol=0)


def test_labels_restrict_the_sum() -> None:
    points, labels = random(12, 4), torch.arange(12) % 3
    x_t, cond = random(3, 4, seed=1), torch.tensor([0, 1, 2])
    given = ExactDenoiser(points, SCHEDULE, labels)(x_t, 600, cond).x0_hat
    for i in range(3):
        alone = ExactDenoiser(points[labels == i], SCHEDULE)(x_t[i:i + 1], 600).x0_hat
        torch.testing.assert_close(given[i:i + 1], alone, rtol=1e-12, atol=1e-12)
    free = ExactDenoiser(points, SCHEDULE, labels)(x_t, 600).x0_hat
    torch.testing.assert_close(free, ExactDenoiser(points, SCHEDULE)(x_t, 600).x0_hat, rtol=0, atol=0)


def test_the_estimate_has_the_least_squared_error() -> None:
    """No function of x_t does better on average: moving the estimate in any direction makes it worse."""
    points = random(8, 2)
    which = torch.randint(8, (20_000,), generator=torch.Generator().manual_seed(2))
    x_t = SCHEDULE.add_noise(points[which], 500, random(20_000, 2, seed=3))
    x0_hat = ExactDenoiser(points, SCHEDULE)(x_t, 500).x0_hat
    error = points[which] - x0_hat
    for other in (torch.ones_like(x_t), x_t, x0_hat, x_t**2):  # the error is orthogonal to every function of x_t
        products = (error * other).sum(1)
        assert abs(float(products.mean())) < 4 * float(products.std()) / math.sqrt(len(products))  # 4 standard errors


def test_bad_input_of_the_exact_denoiser() -> None:
    with pytest.raises(ValueError, match="float"):
        ExactDenoiser(torch.zeros((3, 2), dtype=torch.uint8), SCHEDULE)
    with pytest.raises(ValueError, match="N ≥ 1"):
        ExactDenoiser(torch.zeros((0, 2)), SCHEDULE)
    denoiser = ExactDenoiser(random(3, 2), SCHEDULE)
    with pytest.raises(ValueError, match="t in 1…T"):
        denoiser(random(1, 2), 0)
    with pytest.raises(ValueError, match="no labels"):
        denoiser(random(1, 2), 5, torch.tensor([1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("t", [1, 500, 1000])
def test_half_precision_is_widened(dtype: torch.dtype, t: int) -> None:
    """In half precision the exponents, divided by noise_1² = 4e-5, would be infinite, and their difference no number."""
    points, x_t = random(6, 300).to(dtype), random(5, 300, seed=1).to(dtype)
    half, wide = ExactDenoiser(points, SCHEDULE), ExactDenoiser(points.float(), SCHEDULE)
    found, expected = half(x_t, t), wide(x_t.float(), t)
    pairs = zip([*found[:2], half.weights(x_t, t)], [*expected[:2], wide.weights(x_t.float(), t)], strict=True)
    for a, b in pairs:
        assert a.dtype == torch.float32 and torch.equal(a, b)


def test_what_the_exact_denoiser_cannot_know_is_refused() -> None:
    points, labels, x_t = random(4, 3), torch.tensor([0, 1, 1, 5]), random(2, 3)
    denoiser = ExactDenoiser(points, SCHEDULE, labels)
    with pytest.raises(ValueError, match=r"labels of the points, \[0, 1, 5\], got \[1, 2\]"):
        denoiser(x_t, 500, torch.tensor([1, 2]))
    with pytest.raises(ValueError, match=r"cond must be \(2,\), one label for each sample, got \(\)"):
        denoiser(x_t, 500, torch.tensor(1))
    with pytest.raises(ValueError, match=r"like the points \(4, 3\), got \(2, 1\)"):
        denoiser(x_t[:, :1], 500)
    with pytest.raises(ValueError, match="points hold NaN"):
        ExactDenoiser(points / 0, SCHEDULE)
    with pytest.raises(ValueError, match=r"labels must be \(4,\)"):
        ExactDenoiser(points, SCHEDULE, labels[:2])
    with pytest.raises(TypeError, match="floating point"):
        denoiser(torch.ones(2, 3, dtype=torch.int64), 500)


# GaussianMixture

MIXTURE = GaussianMixture([[-1.0, 0.5], [1.0, 0.0], [0.0, 2.0]], [0.3, 0.5, 0.1], [0.5, 0.3, 0.2])
LINE = GaussianMixture([[-1.0], [0.8]], [0.2, 0.3], [0.4, 0.6])  # one-dimensional, so that integrals are sums
GRID = torch.linspace(-12, 12, 48_001, dtype=torch.float64)
CELL = float(GRID[1] - GRID[0])  # 5e-4: much finer than the narrowest bump, so sums are integrals to about 1e-12


def test_density_is_the_mixture_s() -> None:
    parts = Independent(Normal(MIXTURE.means, MIXTURE.stds[:, None].expand(3, 2)), 1)
    reference = MixtureSameFamily(Categorical(MIXTURE.mix), parts)
    x = random(50, 2) * 2
    torch.testing.assert_close(MIXTURE.log_density(x), reference.log_prob(x), rtol=1e-12, atol=1e-12)
    assert float(LINE.log_density(GRID[:, None]).exp().sum() * CELL) == pytest.approx(1, abs=1e-9)


def test_score_is_the_gradient_of_the_log_density() -> None:
    x = (random(50, 2) * 2).requires_grad_()
    gradient, = torch.autograd.grad(MIXTURE.log_density(x).sum(), x)
    torch.testing.assert_close(MIXTURE.score(x.detach()), gradient, rtol=1e-10, atol=1e-10)


def test_score_is_the_difference_quotient() -> None:
    """Independent of automatic differentiation. The error is h²/6 times a third derivative, which 0.1-wide bumps make ~1e4."""
    x, h = random(20, 2), 1e-5
    for axis in range(2):
        move = torch.zeros(2, dtype=torch.float64)
        move[axis] = h
        quotient = (MIXTURE.log_density(x + move) - MIXTURE.log_density(x - move)) / (2 * h)
        torch.testing.assert_close(MIXTURE.score(x)[:, axis], quotient, rtol=1e-6, atol=1e-6)


def test_draws_have_the_mixture_s_moments() -> None:
    x = MIXTURE.draw(100_000, torch.Generator().manual_seed(0))
    mean, variance = MIXTURE.moments()
    standard_error = (variance / len(x)).sqrt()
    assert bool(((x.mean(0) - mean).abs() < 4 * standard_error).all())
    spread = (x - mean) ** 2
    assert bool(((spread.mean(0) - variance).abs() < 4 * spread.std(0) / math.sqrt(len(x))).all())


@pytest.mark.parametrize("t", [100, 500, 900])
def test_marginal_is_the_convolution(t: int) -> None:
    signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
    prior = LINE.log_density(GRID[:, None]).exp()
    for x in (-1.0, 0.1, 1.5):
        summed = float((prior * Normal(signal * GRID, noise).log_prob(torch.tensor(x).double()).exp()).sum() * CELL)
        exact = float(LINE.marginal(signal, noise).log_density(torch.tensor([[x]])).exp())
        assert exact == pytest.approx(summed, rel=1e-6)  # x is rounded to float32 on the way in


@pytest.mark.parametrize("t", [20, 300, 900])
def test_tweedie_is_the_posterior_mean(t: int) -> None:
    """x̂₀ from the score equals ∫ x_0 q(x_0 | x_t) dx_0."""
    signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
    x_t = torch.tensor([[-1.2], [0.05], [0.9]], dtype=torch.float64)
    prediction = LINE.denoiser(SCHEDULE)(x_t, t)
    weights = LINE.log_density(GRID[:, None]).exp() * Normal(signal * GRID, noise).log_prob(x_t).exp()
    torch.testing.assert_close(prediction.x0_hat[:, 0], (weights @ GRID) / weights.sum(1), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(signal * prediction.x0_hat + noise * prediction.eps_hat, x_t, rtol=0, atol=1e-12)
    score = score_from_eps(prediction.eps_hat, torch.tensor(noise, dtype=torch.float64))
    torch.testing.assert_close(score, LINE.marginal(signal, noise).score(x_t), rtol=1e-12, atol=1e-12)


def test_narrow_mixture_agrees_with_the_exact_denoiser() -> None:
    points, t = random(6, 3), 400
    x_t = random(5, 3, seed=1)
    narrow = GaussianMixture(points, torch.full((6,), 1e-6)).denoiser(SCHEDULE)(x_t, t)
    torch.testing.assert_close(narrow.x0_hat, ExactDenoiser(points, SCHEDULE)(x_t, t).x0_hat, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("t", "s"), [(500, 499), (500, 300), (900, 100), (1000, 0), (40, 0)])
def test_step_back_is_bayes_rule(t: int, s: int) -> None:
    """q(x_s | x_t) ∝ q(x_t | x_s)·q(x_s), multiplied and normalised on a grid."""
    x_t = torch.tensor([0.3], dtype=torch.float64)
    kept, step = float(SCHEDULE.signal[t] / SCHEDULE.signal[s]), float(step_std(SCHEDULE, t, s))
    prior = LINE.marginal(float(SCHEDULE.signal[s]), float(SCHEDULE.noise[s])).log_density(GRID[:, None])
    product = (prior + Normal(kept * GRID, step).log_prob(x_t)).exp()
    expected = product / (product.sum() * CELL)
    back = LINE.step_back(SCHEDULE, x_t, t, s)
    torch.testing.assert_close(back.log_density(GRID[:, None]).exp(), expected, rtol=0, atol=1e-8 * float(expected.max()))


@pytest.mark.parametrize(("t", "s"), [(500, 499), (900, 100), (300, 200)])
def test_the_true_step_has_ddpm_s_mean_and_a_larger_variance(t: int, s: int) -> None:
    """E[x_s | x_t] is `update` with the exact x̂₀; Var(x_s | x_t) = u² + c²·Var(x_0 | x_t) (total variance)."""
    x_t = torch.tensor([[0.3]], dtype=torch.float64)
    mean, variance = LINE.step_back(SCHEDULE, x_t[0], t, s).moments()
    x0_hat = LINE.denoiser(SCHEDULE)(x_t, t).x0_hat
    u = posterior_std(SCHEDULE, t, s)
    zero = torch.zeros_like(x_t)
    torch.testing.assert_close(mean, update(SCHEDULE, x_t, t, s, x0_hat, u=u, z=zero)[0], rtol=1e-9, atol=1e-9)
    weight = update(SCHEDULE, zero, t, s, torch.ones_like(x_t), u=u, z=zero)[0]  # c, the coefficient of x_0
    uncertainty = LINE.step_back(SCHEDULE, x_t[0], t, 0).moments()[1]
    torch.testing.assert_close(variance, u**2 + weight**2 * uncertainty, rtol=1e-9, atol=1e-12)


def test_bad_input_of_the_mixture() -> None:
    with pytest.raises(ValueError, match=r"means \(K ≥ 1, D\)"):
        GaussianMixture([0.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="positive"):
        GaussianMixture([[0.0], [1.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match="sum to 1"):
        GaussianMixture([[0.0], [1.0]], [1.0, 1.0], [0.5, 0.4])
    with pytest.raises(ValueError, match="one point"):
        LINE.step_back(SCHEDULE, torch.zeros(2, 1), 5, 4)
    with pytest.raises(ValueError, match="t = 4, s = 5"):
        LINE.step_back(SCHEDULE, torch.zeros(1), 4, 5)
    with pytest.raises(ValueError, match="signal, which is 0"):
        LINE.denoiser(flow(10))(torch.zeros(1, 1), 10)
    with pytest.raises(ValueError, match="one t for the whole batch"):
        LINE.denoiser(SCHEDULE)(torch.zeros(2, 1), torch.tensor([1, 2]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_mixture_computes_in_float64_whatever_it_is_given(dtype: torch.dtype) -> None:
    x = random(5, 2).to(dtype)
    for name in ("log_density", "score"):
        assert torch.equal(getattr(MIXTURE, name)(x), getattr(MIXTURE, name)(x.double()))
    found, expected = (MIXTURE.denoiser(SCHEDULE)(y, 300) for y in (x, x.double()))
    assert found.x0_hat.dtype == torch.float32 and torch.equal(found.x0_hat, expected.x0_hat.float())


def test_what_the_mixture_cannot_take_is_refused() -> None:
    for x in (random(5, 1), random(5, 3), random(2)):  # the first and the last would be stretched to fit, without a word
        with pytest.raises(ValueError, match=r"points must be \(B, 2\), got"):
            MIXTURE.log_density(x)
    with pytest.raises(ValueError, match=r"means \(K ≥ 1, D\)"):
        GaussianMixture(torch.zeros(0, 2), torch.zeros(0))
    with pytest.raises(ValueError, match="finite"):
        GaussianMixture([[math.nan], [1.0]], [1.0, 1.0])
    with pytest.raises(ValueError, match="sum to 1"):
        GaussianMixture([[0.0], [1.0]], [1.0, 1.0], [math.nan, 0.5])
    with pytest.raises(ValueError, match="none below 0"):
        GaussianMixture([[0.0], [1.0]], [1.0, 1.0], [1.5, -0.5])
    with pytest.raises(ValueError, match="p must lie strictly between 0 and 1"):
        LINE.quantile(torch.tensor([0.5, math.nan]))
