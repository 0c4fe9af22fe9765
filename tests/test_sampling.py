"""The update, the walk and the samplers against the papers' own formulas and against data whose diffusion is known."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import ExactDenoiser, GaussianMixture
from diffusion_utils.sampling import (
    SAMPLERS,
    SPACINGS,
    calls_per_sample,
    posterior_std,
    renoise,
    sample,
    step_std,
    timesteps,
    update,
)
from diffusion_utils.schedules import Schedule, cosine, flow, from_alpha_bar, linear, sigmoid

VP = [cosine(1000), linear(1000), sigmoid(1000)]
ZERO_SNR = from_alpha_bar(torch.cat([cosine(1000).alpha_bar[:-1], torch.zeros(1, dtype=torch.float64)]), "zero-snr")
ALL = [*VP, flow(1000), ZERO_SNR]
name = lambda schedule: schedule.name  # noqa: E731 (the id of a parameter)
STEPS_TAKEN = [(1, 0), (2, 1), (500, 499), (1000, 999), (1000, 500), (730, 11), (40, 0), (1000, 0)]
EXACT = {"rtol": 1e-12, "atol": 1e-12}  # a few float64 roundings (1e-16) of numbers of order 1


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def last_of(*args, **kwargs) -> Tensor:
    *_, last = sample(*args, **kwargs)
    return last.x_t


def coefficients(schedule: Schedule, t: int, s: int, **settings) -> tuple[float, float, float]:
    """What `update` multiplies x_t, D and z by: it is linear in them, so unit vectors tell."""
    x, d, z = torch.eye(3, dtype=torch.float64)
    return tuple(update(schedule, x, t, s, d, z=z, **settings).tolist())


# The update against the papers


@pytest.mark.parametrize("schedule", VP, ids=name)
@pytest.mark.parametrize("t", [1, 2, 10, 500, 999, 1000])
def test_one_step_back_is_the_textbook_posterior(schedule: Schedule, t: int) -> None:
    """Ho et al. 2020, eq. 7, from β, α and ᾱ."""
    beta, alpha, bar, bar_before = (float(a) for a in (
        schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t], schedule.alpha_bar[t - 1]))
    of_x0 = bar_before**0.5 * beta / (1 - bar)
    of_xt = alpha**0.5 * (1 - bar_before) / (1 - bar)
    variance = (1 - bar_before) / (1 - bar) * beta
    u = posterior_std(schedule, t, t - 1)
    assert coefficients(schedule, t, t - 1, u=u) == pytest.approx((of_xt, of_x0, variance**0.5), rel=1e-10, abs=1e-12)
    # Ho et al.'s other variance, β_t, keeps the mean.
    large = step_std(schedule, t, t - 1)
    assert float(large) == pytest.approx(beta**0.5, rel=1e-10)
    assert coefficients(schedule, t, t - 1, u=u, std=large)[:2] == coefficients(schedule, t, t - 1, u=u)[:2]


@pytest.mark.parametrize("schedule", VP, ids=name)
@pytest.mark.parametrize(("t", "s"), STEPS_TAKEN)
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_any_skip_and_eta_is_ddim(schedule: Schedule, t: int, s: int, eta: float) -> None:
    """Song et al. 2021, eqs 12 and 16, in ᾱ and ε̂."""
    bar_t, bar_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])
    x_t, x0_hat, z = random(3, 50)
    eps_hat = (x_t - bar_t**0.5 * x0_hat) / (1 - bar_t) ** 0.5
    sigma = eta * ((1 - bar_s) / (1 - bar_t)) ** 0.5 * (1 - bar_t / bar_s) ** 0.5
    expected = bar_s**0.5 * x0_hat + max(1 - bar_s - sigma**2, 0) ** 0.5 * eps_hat + sigma * z
    given = update(schedule, x_t, t, s, x0_hat, u=eta * posterior_std(schedule, t, s), z=z)
    # 1 − ᾱ_t and 1 − ᾱ_t/ᾱ_s cancel: they lose a factor 1/β_1 = 10⁴ of float64's 16 digits near t = 0.
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("t", "s"), STEPS_TAKEN)
def test_the_flow_schedule_gives_eulers_straight_step(t: int, s: int) -> None:
    """x_s = x_t + (s − t)/T·(ε̂ − x̂₀) (Lipman et al. 2023, with time from data to noise)."""
    x_t, x0_hat = random(2, 50)
    eps_hat = (x_t - (1 - t / 1000) * x0_hat) / (t / 1000)
    # ε̂ divides by t/T ≥ 1/1000, so that it is 1000 times as wrong as a rounding of x_t.
    torch.testing.assert_close(update(flow(1000), x_t, t, s, x0_hat), x_t + (s - t) / 1000 * (eps_hat - x0_hat), **EXACT)


@pytest.mark.parametrize("schedule", ALL, ids=name)
@pytest.mark.parametrize(("t", "s"), [(t, s) for t, s in STEPS_TAKEN if s > 0])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_given_the_truth_every_u_lands_on_the_marginal(schedule: Schedule, t: int, s: int, share: float) -> None:
    """With D = x_0, x_s is signal_s·x_0 plus independent noises whose variances add up to noise_s²."""
    of_xt, of_x0, of_z = coefficients(schedule, t, s, u=share * schedule.noise[s])
    signal_t, noise_t = float(schedule.signal[t]), float(schedule.noise[t])
    assert of_xt * signal_t + of_x0 == pytest.approx(float(schedule.signal[s]), abs=1e-12)
    assert (of_xt * noise_t) ** 2 + of_z**2 == pytest.approx(float(schedule.noise[s] ** 2), abs=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=name)
@pytest.mark.parametrize(("t", "s"), [(t, s) for t, s in STEPS_TAKEN if s > 0])
def test_the_step_back_undoes_the_step_up(schedule: Schedule, t: int, s: int) -> None:
    """Noising s → t by `renoise` and stepping t → s by the posterior describe one joint distribution of (x_s, x_t)."""
    kept, added = renoise(schedule, torch.tensor([1.0, 0.0]).double(), s, t, torch.tensor([0.0, 1.0]).double()).tolist()
    of_xt, _, of_z = coefficients(schedule, t, s, u=posterior_std(schedule, t, s))
    noise_t, noise_s = float(schedule.noise[t]), float(schedule.noise[s])
    assert kept * schedule.signal[s] == pytest.approx(float(schedule.signal[t]), abs=1e-12)
    assert (kept * noise_s) ** 2 + added**2 == pytest.approx(noise_t**2, abs=1e-12)      # variance of x_t, going up
    assert of_xt * noise_t**2 == pytest.approx(kept * noise_s**2, abs=1e-12)             # covariance, down and up
    assert (of_xt * noise_t) ** 2 + of_z**2 == pytest.approx(noise_s**2, abs=1e-12)      # variance of x_s, going down


def test_two_small_steps_up_are_one_large() -> None:
    for schedule in VP:
        std = step_std(schedule, 700, 200)
        kept = schedule.signal[700] / schedule.signal[400]
        assert float((kept * step_std(schedule, 400, 200)) ** 2 + step_std(schedule, 700, 400) ** 2) == pytest.approx(
            float(std**2), abs=1e-12)


def test_arriving_at_the_data_returns_the_estimate() -> None:
    x_t, x0_hat = random(2, 3, 4)
    for schedule in ALL:
        for t in (1, 400, 1000):
            assert torch.equal(update(schedule, x_t, t, 0, x0_hat), x0_hat)


def test_each_sample_may_have_its_own_pair() -> None:
    x_t, x0_hat, z = random(3, 4, 1, 2, 2)
    t, s = torch.tensor([5, 300, 900, 1000]), torch.tensor([0, 200, 100, 999])
    u = posterior_std(VP[0], t, s)
    together = update(VP[0], x_t, t, s, x0_hat, u=u, z=z)
    for i in range(4):
        one = slice(i, i + 1)
        alone = update(VP[0], x_t[one], int(t[i]), int(s[i]), x0_hat[one], u=float(u[i]), z=z[one])
        torch.testing.assert_close(together[one], alone, rtol=0, atol=1e-15)


# The solvers against their papers, written down anew


MIXTURE = GaussianMixture(torch.tensor([[-1.0, 0.3], [0.6, 0.6], [0.2, -0.9]]), torch.tensor([0.2, 0.3, 0.25]))


def test_heun_is_edms_algorithm_1() -> None:
    """Karras et al. 2022, algorithm 1, in x̄ = x/signal and σ = noise/signal."""
    schedule, times = linear(1000), [950, 700, 420, 150, 30, 0]
    denoise = MIXTURE.denoiser(schedule)
    x_start = random(6, 2) * schedule.noise[times[0]]
    sigmas = (schedule.noise / schedule.signal)[times]
    x = x_start / schedule.signal[times[0]]
    for i, t in enumerate(times[:-1]):
        slope = (x - denoise(schedule.signal[t] * x, t).x0_hat) / sigmas[i]
        following = x + (sigmas[i + 1] - sigmas[i]) * slope
        if sigmas[i + 1] > 0:
            s = times[i + 1]
            slope_there = (following - denoise(schedule.signal[s] * following, s).x0_hat) / sigmas[i + 1]
            following = x + (sigmas[i + 1] - sigmas[i]) * (slope + slope_there) / 2
        x = following
    # σ up to 60 multiplies roundings of x̂₀ by as much before they are divided out again.
    found = last_of(denoise, schedule, x_start=x_start, times=times, sampler="heun")
    torch.testing.assert_close(found, x, rtol=0, atol=1e-12)


def test_two_step_is_dpm_solver_pp_algorithm_2() -> None:
    """Lu et al. 2022b, algorithm 2, with α, σ, h; first order in the first step and, where λ is infinite, in the last."""
    schedule, times = cosine(1000), [1000, 800, 610, 333, 90, 0]
    denoise = MIXTURE.denoiser(schedule)
    x_start = random(6, 2)
    alpha, sigma, lam = schedule.signal[times], schedule.noise[times], schedule.log_snr[times]
    estimates, x = [], x_start
    for i in range(1, len(times)):
        estimates.append(denoise(x, times[i - 1]).x0_hat)
        D = estimates[-1]
        h = lam[i] - lam[i - 1]
        if 1 < i < len(times) - 1:
            r = (lam[i - 1] - lam[i - 2]) / h
            D = (1 + 1 / (2 * r)) * estimates[-1] - 1 / (2 * r) * estimates[-2]
        x = sigma[i] / sigma[i - 1] * x - alpha[i] * (torch.exp(-h) - 1) * D
    found = last_of(denoise, schedule, x_start=x_start, times=times, sampler="dpmpp_2m")
    torch.testing.assert_close(found, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("schedule", VP[:2], ids=name)
def test_heun_survives_its_first_step_from_pure_noise(schedule: Schedule) -> None:
    """σ_T of `cosine` is 20,000: the corrector of a step from there multiplies the smallest error of D by thousands."""
    denoise = MIXTURE.denoiser(schedule)
    truth = last_of(denoise, schedule, (32, 2), sampler="heun", steps=100)
    heun, euler = (last_of(denoise, schedule, (32, 2), sampler=sampler, steps=20) for sampler in ("heun", "ddim"))
    assert (heun - truth).abs().mean() < (euler - truth).abs().mean()


# Gaussian data: every sampler is linear, and what it does to mean and variance is arithmetic


def moments_by_hand(schedule: Schedule, mean: float, std: float, walk: list[int], eta: float,
                    large: bool) -> tuple[float, float]:
    """Mean and variance of x_0 of DDPM/DDIM for N(mean, std²) data, from x̂₀ = mean + k·(x_t − signal_t·mean)."""
    m, v = 0.0, float(schedule.noise[walk[0]] ** 2)
    for t, s in itertools.pairwise(walk):
        (a_t, n_t), (a_s, n_s) = ((float(schedule.signal[i]), float(schedule.noise[i])) for i in (t, s))
        k = a_t * std**2 / (a_t**2 * std**2 + n_t**2)
        u = eta * n_s * max(0.0, 1 - (a_t * n_s / (n_t * a_s)) ** 2) ** 0.5
        d = (n_s**2 - u**2) ** 0.5
        of_x, of_estimate = d / n_t, a_s - a_t * d / n_t
        fresh = eta**2 * max(0.0, n_t**2 - (a_t / a_s * n_s) ** 2) if large and s > 0 else u**2
        m = of_x * m + of_estimate * (mean + k * (m - a_t * mean))
        v = (of_x + of_estimate * k) ** 2 * v + fresh
    return m, v


@pytest.mark.parametrize("settings", [
    {"sampler": "ddpm"}, {"sampler": "ddpm", "variance": "large"}, {"sampler": "ddim"}, {"sampler": "ddim", "eta": 0.5}],
    ids=str)
@pytest.mark.parametrize("steps", [5, 50])
def test_gaussian_data_moments(settings: dict, steps: int) -> None:
    schedule, mean, std, n = cosine(1000), 0.4, 0.5, 40_000
    denoise = elementwise_gaussian(schedule, mean, std)
    found = last_of(denoise, schedule, (10, n // 10), steps=steps, **settings).double()
    eta = settings.get("eta", 1.0 if settings["sampler"] == "ddpm" else 0.0)
    m, v = moments_by_hand(schedule, mean, std, timesteps(schedule, steps), eta, settings.get("variance") == "large")
    # Five standard errors of a mean and of a variance of n Gaussian numbers; float32 rounding is far below.
    assert float(found.mean()) == pytest.approx(m, abs=5 * (v / n) ** 0.5)
    assert float(found.var()) == pytest.approx(v, abs=5 * v * (2 / n) ** 0.5)


def test_gaussian_data_exactly_for_deterministic_samplers() -> None:
    """Two points tell the line x_0 = a·x_T + b; the true flow has a·noise_T = std and b = mean."""
    schedule, mean, std = cosine(1000), 0.4, 0.5
    denoise = GaussianMixture([[mean]], [std]).denoiser(schedule)
    x_start = torch.tensor([[0.0], [1.0]], dtype=torch.float64)

    def error(sampler: str, steps: int) -> float:
        b, a_plus_b = last_of(denoise, schedule, x_start=x_start, sampler=sampler, steps=steps).flatten().tolist()
        return max(abs(b - mean), abs(a_plus_b - b - std))

    assert error("ddim", 40) == pytest.approx(error("ddim", 20) / 2, rel=0.1)  # order 1; the next term is a step's share
    for sampler in ("heun", "dpmpp_2m"):
        assert error(sampler, 20) < error("ddim", 20) / 5  # order 2: smaller by another factor of the size of 1/steps


def test_all_thousand_steps_of_ddpm_reach_the_data() -> None:
    for schedule in VP[:2]:
        for large in (False, True):
            m, v = moments_by_hand(schedule, 0.4, 0.5, list(range(1000, -1, -1)), 1.0, large)
            # First order: the error is of the size of one step's share, about 1/1000 of the noise there is to remove.
            assert m == pytest.approx(0.4, abs=5e-3) and v == pytest.approx(0.25, abs=5e-3)


# Walks


@pytest.mark.parametrize("schedule", [cosine(60), linear(60, 2e-3, 0.3), flow(60), sigmoid(60)], ids=name)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_walk_starts_at_its_start_and_ends_at_the_data(schedule: Schedule, spacing: str) -> None:
    for start in (1, 2, 7, 59, 60):
        for steps in range(1, start + 1):
            walk = timesteps(schedule, steps, spacing, start)
            assert walk[0] == start and walk[-1] == 0 and len(walk) == steps + 1
            assert all(t > s for t, s in itertools.pairwise(walk)), walk


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 30, 999, 1000])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_walks_of_long_schedules(schedule: Schedule, spacing: str, steps: int) -> None:
    walk = timesteps(schedule, steps, spacing)
    assert walk[0] == 1000 and walk[-1] == 0 and len(set(walk)) == steps + 1


def test_log_snr_spacing_has_equal_strides_of_lambda() -> None:
    schedule = linear(1000)
    lam = schedule.log_snr[timesteps(schedule, 10, "log_snr")[:-1]]
    strides = lam.diff()
    # Whole t: near t = 1 neighbours are up to 0.4 apart in λ, so a stride is off by at most half of that at either end.
    assert float((strides - strides.mean()).abs().max()) < 0.4


def test_the_states_are_those_of_the_walk() -> None:
    states = list(sample(elementwise_gaussian(VP[0]), VP[0], (2, 3), steps=7))
    assert [state.t for state in states] == timesteps(VP[0], 7)
    assert torch.equal(states[-1].x_t, states[-1].x0_hat)
    assert all(state.x_t.shape == state.x0_hat.shape == (2, 3) for state in states)
    torch.testing.assert_close(states[0].x0_hat, elementwise_gaussian(VP[0])(states[0].x_t, 1000).x0_hat)


def test_after_step_is_told_where_it_is_and_has_the_last_word() -> None:
    seen = []

    def write_in(x: Tensor, s: int) -> Tensor:
        seen.append(s)
        return torch.full_like(x, 0.5) if s == 0 else x

    found = last_of(elementwise_gaussian(VP[0]), VP[0], (2, 3), steps=4, after_step=write_in)
    assert torch.equal(found, torch.full((2, 3), 0.5))
    assert seen == [750, 500, 250, 0]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_walk_may_go_up_again(sampler: str) -> None:
    """The forward kernel keeps marginals, so walking up and down again changes the digits, not their distribution."""
    schedule, mean, std, n = cosine(1000), 0.4, 0.5, 10_000
    walk = timesteps(schedule, 50)
    walk = walk[:41] + walk[30:41] + walk[30:]  # down to t = 200, twice up to 400, and on to 0
    found = last_of(elementwise_gaussian(schedule, mean, std), schedule, (10, n // 10), sampler=sampler, times=walk).double()
    # Five standard errors, and 1/50 for fifty first-order steps.
    assert float(found.mean()) == pytest.approx(mean, abs=5 * std / n**0.5 + 0.02)
    assert float(found.var()) == pytest.approx(std**2, abs=5 * std**2 * (2 / n) ** 0.5 + 0.02)


@pytest.mark.parametrize("schedule", [flow(1000), ZERO_SNR], ids=name)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("variance", ["posterior", "large"])
def test_no_signal_at_all_at_the_start(schedule: Schedule, sampler: str, spacing: str, variance: str) -> None:
    points = torch.cartesian_prod(*2 * [torch.tensor([-1.0, 0.0, 1.0])]).double()
    for steps in (1, 2, 5, 50):
        found = last_of(ExactDenoiser(points, schedule), schedule, (8, 2), sampler=sampler, steps=steps, spacing=spacing,
                        variance=variance)
        assert torch.isfinite(found).all()
        assert float(found.abs().max()) < 1 + 1e-5  # the last step returns an average of points


# Randomness


def elementwise_gaussian(schedule: Schedule, mean: float = 0.4, std: float = 0.5):
    """The exact denoiser of independent N(mean, std²) numbers: elementwise, so that its rounding knows no batch."""

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        x0_hat = mean + signal * std**2 / (signal**2 * std**2 + noise**2) * (x_t - signal * mean)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    return denoise


@pytest.mark.parametrize("settings", [{"sampler": sampler} for sampler in SAMPLERS] + [
    {"sampler": "ddim", "eta": 0.5}, {"sampler": "ddpm", "variance": "large"}], ids=str)
def test_a_sample_does_not_depend_on_its_batch(settings: dict) -> None:
    denoise = elementwise_gaussian(VP[0])
    batch = last_of(denoise, VP[0], (8, 1, 4, 4), steps=6, seed=3, **settings)
    for i in (0, 5):
        assert torch.equal(last_of(denoise, VP[0], (1, 1, 4, 4), steps=6, seed=3, indices=[i], **settings), batch[i:i + 1])
    mixed = last_of(denoise, VP[0], (3, 1, 4, 4), steps=6, seed=3, indices=[7, 2, 5], **settings)
    assert torch.equal(mixed, batch[[7, 2, 5]])
    assert not torch.equal(last_of(denoise, VP[0], (8, 1, 4, 4), steps=6, seed=4, **settings), batch)


def test_sampling_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    last_of(elementwise_gaussian(VP[0]), VP[0], (2, 3), sampler="ddpm", steps=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_eta_joins_ddim_to_ddpm() -> None:
    denoise = elementwise_gaussian(VP[0])
    runs = {(sampler, eta): last_of(denoise, VP[0], (4, 9), sampler=sampler, eta=eta, steps=9)
            for sampler in ("ddim", "ddpm") for eta in (None, 0, 1)}
    assert torch.equal(runs["ddim", 1], runs["ddpm", None]) and torch.equal(runs["ddpm", 0], runs["ddim", None])
    assert not torch.equal(runs["ddim", 0], runs["ddim", 1])


def test_all_samplers_begin_with_the_same_noise() -> None:
    denoise = elementwise_gaussian(VP[0])
    starts = [next(sample(denoise, VP[0], (4, 9), sampler=sampler, seed=1)).x_t for sampler in SAMPLERS]
    assert all(torch.equal(start, starts[0]) for start in starts)


@pytest.mark.parametrize("variance", ["posterior", "large"])
def test_no_noise_is_added_in_the_last_step(variance: str) -> None:
    states = list(sample(elementwise_gaussian(VP[0]), VP[0], (4, 9), sampler="ddpm", variance=variance, steps=5))
    assert torch.equal(states[-1].x_t, states[-2].x0_hat)


# Calls


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_calls_are_counted_as_announced(sampler: str) -> None:
    made = []

    def counting(x_t: Tensor, t: int, cond=None) -> Prediction:
        made.append(t)
        return elementwise_gaussian(VP[0])(x_t, t)

    for steps in (1, 2, 3, 10):
        made.clear()
        last_of(counting, VP[0], (2, 3), sampler=sampler, steps=steps)
        assert len(made) == calls_per_sample(sampler, steps)
        assert calls_per_sample(sampler, steps, weight=3.0) == 2 * len(made)
        assert calls_per_sample(sampler, steps, weight=0) == calls_per_sample(sampler, steps, weight=1) == len(made)


def test_cond_reaches_the_denoiser() -> None:
    given = []

    def listening(x_t: Tensor, t: int, cond=None) -> Prediction:
        given.append(cond)
        return elementwise_gaussian(VP[0])(x_t, t)

    last_of(listening, VP[0], (2, 3), sampler="heun", steps=3, cond="label")
    assert given == ["label"] * calls_per_sample("heun", 3)


# Bad input


X = torch.zeros(2, 3)
BAD_UPDATES = [
    (dict(t=10, s=10), "s must lie below t"),
    (dict(t=10, s=11), "s must lie below t"),
    (dict(t=1001, s=0), r"0…1000, got 1001"),
    (dict(t=5, s=-1), r"0…1000, got -1"),
    (dict(D=torch.zeros(2, 1)), "shape of x_t"),
    (dict(u=2.0, z=X), "u must lie in 0…noise_s"),
    (dict(u=0.1), "needs z"),
]


@pytest.mark.parametrize(("change", "message"), BAD_UPDATES, ids=[message for _, message in BAD_UPDATES])
def test_update_refuses(change: dict, message: str) -> None:
    arguments = {"x_t": X, "t": 500, "s": 400, "D": X} | change
    with pytest.raises(ValueError, match=message):
        update(VP[0], **arguments)


def test_a_time_that_is_not_whole_is_refused() -> None:
    with pytest.raises(TypeError, match="integer"):
        update(VP[0], X, 500.0, 400, X)


def test_renoise_refuses_to_go_down() -> None:
    with pytest.raises(ValueError, match="s must lie above t"):
        renoise(VP[0], X, 500, 400, X)


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.5, "20"])
def test_steps_out_of_range(steps: object) -> None:
    with pytest.raises(ValueError, match=r"1…1000"):
        timesteps(VP[0], steps)


BAD_SAMPLES = [
    (dict(sampler="dpmpp2m"), "Did you mean 'dpmpp_2m'"),
    (dict(sampler="DDIM "), "Allowed: ddim, ddpm, dpmpp_2m, heun"),
    (dict(spacing="log-snr"), "Did you mean 'log_snr'"),
    (dict(variance="larg"), "Did you mean 'large'"),
    (dict(eta=1.5), r"eta must lie in 0…1"),
    (dict(eta=-0.1), r"eta must lie in 0…1"),
    (dict(sampler="heun", eta=0.5), "eta must be 0"),
    (dict(steps=1001), r"1…1000"),
    (dict(shape=None), "either shape"),
    (dict(x_start=X), "either shape"),
    (dict(times=[1000, 500]), "ends at 0"),
    (dict(times=[0]), "at least two"),
    (dict(times=[1000, 500, 500, 0]), "no two the same"),
    (dict(times=[1001, 0]), r"0…1000"),
]


@pytest.mark.parametrize(("change", "message"), BAD_SAMPLES, ids=[str(change) for change, _ in BAD_SAMPLES])
def test_sample_refuses(change: dict, message: str) -> None:
    arguments = {"shape": (2, 3)} | change
    with pytest.raises(ValueError, match=message):
        list(sample(elementwise_gaussian(VP[0]), VP[0], **arguments))


def test_calls_of_an_unknown_sampler() -> None:
    with pytest.raises(ValueError, match="unknown sampler 'eular'"):
        calls_per_sample("eular", 10)
