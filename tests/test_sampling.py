"""The samplers and their walks against the papers' own formulas and against data whose diffusion is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from cases import VP, elementwise_gaussian, last_of, name, random, states_of
from torch import Tensor

from diffusion_utils.denoiser import Denoiser, Prediction
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.sampling import (
    SAMPLERS,
    Sampler,
    fresh_std,
    sample,
    timesteps,
)
from diffusion_utils.schedules import Schedule, cosine, linear

EXACT = {"rtol": 1e-12, "atol": 1e-12}  # a few float64 roundings (1e-16) of numbers of order 1


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


def moments_by_hand(schedule: Schedule, mean: float, std: float, walk: list[int], etas: tuple[float, float],
                    border: float, large: bool) -> tuple[float, float]:
    """Mean and variance of x_0 of DDPM/DDIM for N(mean, std²) data, from x̂₀ = mean + k·(x_t − signal_t·mean)."""
    m, v = 0.0, float(schedule.noise[walk[0]] ** 2)
    for t, s in itertools.pairwise(walk):
        (a_t, n_t), (a_s, n_s) = ((float(schedule.signal[i]), float(schedule.noise[i])) for i in (t, s))
        k = a_t * std**2 / (a_t**2 * std**2 + n_t**2)
        eta = etas[0] if a_t**2 < border * n_t**2 else etas[1]
        u = min(eta * n_s * max(0.0, 1 - (a_t * n_s / (n_t * a_s)) ** 2) ** 0.5, n_s)
        d = (n_s**2 - u**2) ** 0.5
        of_x, of_estimate = d / n_t, a_s - a_t * d / n_t
        fresh = eta**2 * max(0.0, n_t**2 - (a_t / a_s * n_s) ** 2) if large and s > 0 else u**2
        m = of_x * m + of_estimate * (mean + k * (m - a_t * mean))
        v = (of_x + of_estimate * k) ** 2 * v + fresh
    return m, v


@pytest.mark.parametrize("settings", [
    {"sampler": "ddpm"}, {"sampler": "ddpm", "variance": "large"}, {"sampler": "ddim"}, {"sampler": "ddim", "eta": 0.5},
    {"sampler": "ddpm", "eta": 1.5}, {"sampler": "ddpm", "eta": (1.4, 0.5)},
    {"sampler": "ddpm", "eta": (0.5, 1.8), "eta_border": 0.3}], ids=str)
@pytest.mark.parametrize("steps", [5, 50])
def test_gaussian_data_moments(settings: dict, steps: int) -> None:
    schedule, mean, std, n = cosine(1000), 0.4, 0.5, 40_000
    denoise = elementwise_gaussian(schedule, mean, std)
    found = last_of(denoise, schedule, (10, n // 10), steps=steps, **settings).double()
    eta = settings.get("eta", 1.0 if settings["sampler"] == "ddpm" else 0.0)
    etas = eta if isinstance(eta, tuple) else (eta, eta)
    m, v = moments_by_hand(schedule, mean, std, timesteps(schedule, steps), etas, settings.get("eta_border", 2.0),
                           settings.get("variance") == "large")
    # Five standard errors of a mean and of a variance of n Gaussian numbers; float32 rounding is far below.
    assert float(found.mean()) == pytest.approx(m, abs=5 * (v / n) ** 0.5)
    assert float(found.var()) == pytest.approx(v, abs=5 * v * (2 / n) ** 0.5)


def test_2m_with_fresh_noise_is_ddpm_for_an_estimate_that_stands_still() -> None:
    """D = x̂₀ + (x̂₀ − x̂₀_prev)/2r has nothing to add; the draws are the same."""
    schedule, known = cosine(1000), torch.tensor([0.3, -0.7])

    def denoise(x_t, t, cond=None):
        signal, noise = schedule.at(t, like=x_t)
        return Prediction(known.expand_as(x_t), (x_t - signal * known) / noise)

    one, other = (list(sample(denoise, schedule, (3, 2), Sampler(name, steps=7))) for name in ("ddpm", "dpmpp_2m_sde"))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.x_t, b.x_t)


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
            m, v = moments_by_hand(schedule, 0.4, 0.5, list(range(1000, -1, -1)), (1.0, 1.0), 2.0, large)
            # First order: the error is of the size of one step's share, about 1/1000 of the noise there is to remove.
            assert m == pytest.approx(0.4, abs=5e-3) and v == pytest.approx(0.25, abs=5e-3)



# Randomness


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


def test_fresh_noise_never_exceeds_the_noise_there_is() -> None:
    """η of the posterior's, and where that is more than noise_s, noise_s: then nothing of x_t but its estimate is kept."""
    schedule = cosine(1000)
    t, s = torch.tensor([999, 500, 20]), torch.tensor([900, 450, 0])
    wanted = 1.3 * schedule.noise[s] * (1 - schedule.snr[t] / schedule.snr[s]).sqrt()
    assert float(wanted[0]) > float(schedule.noise[900]) and float(wanted[1]) < float(schedule.noise[450])
    found = fresh_std(schedule, t, s, 1.3)
    torch.testing.assert_close(found, torch.stack([schedule.noise[900], wanted[1], torch.zeros((), dtype=torch.float64)]),
                               rtol=1e-12, atol=0)


def test_all_samplers_begin_with_the_same_noise() -> None:
    denoise = elementwise_gaussian(VP[0])
    starts = [next(sample(denoise, VP[0], (4, 9), Sampler(sampler), seed=1)).x_t for sampler in SAMPLERS]
    assert all(torch.equal(start, starts[0]) for start in starts)


@pytest.mark.parametrize("variance", ["posterior", "large"])
def test_no_noise_is_added_in_the_last_step(variance: str) -> None:
    states = list(sample(elementwise_gaussian(VP[0]), VP[0], (4, 9), Sampler("ddpm", steps=5, variance=variance)))
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
        assert len(made) == Sampler(sampler, steps).calls()
        assert Sampler(sampler, steps).calls(3.0) == 2 * len(made)
        assert Sampler(sampler, steps).calls(0) == Sampler(sampler, steps).calls(1) == len(made)


def test_cond_reaches_the_denoiser() -> None:
    given = []

    def listening(x_t: Tensor, t: int, cond=None) -> Prediction:
        given.append(cond)
        return elementwise_gaussian(VP[0])(x_t, t)

    last_of(listening, VP[0], (2, 3), sampler="heun", steps=3, cond="label")
    assert given == ["label"] * Sampler("heun", 3).calls()


# Bad input


X = torch.zeros(2, 3)


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.5, "20"])
def test_steps_out_of_range(steps: object) -> None:
    with pytest.raises(ValueError, match=r"1…1000"):
        timesteps(VP[0], steps)


@pytest.mark.parametrize("start", [0, -1, 1001, 500.0])
def test_a_walk_that_starts_nowhere_is_refused(start: float) -> None:
    with pytest.raises(ValueError, match="start must be an integer in 1…1000, got "):
        timesteps(VP[0], 1, start=start)


BAD_SAMPLES = [
    (dict(sampler="dpmpp2m"), "Did you mean 'dpmpp_2m'"),
    (dict(sampler="DDIM "), "Allowed: ddim, ddpm, dpmpp_2m, dpmpp_2m_sde, heun"),
    (dict(spacing="log-snr"), "Did you mean 'log_snr'"),
    (dict(spacing=0.5), "spacing as a number must be finite and at least 1, got 0.5"),
    (dict(spacing=math.inf), "spacing as a number must be finite and at least 1, got inf"),
    (dict(variance="larg"), "Did you mean 'large'"),
    (dict(eta=math.inf), "eta must be a finite number of at least 0, or two of them, got inf"),
    (dict(eta=-0.1), "eta must be a finite number of at least 0, or two of them, got -0.1"),
    (dict(eta=(1, 1, 1)), r"or two of them, got \(1, 1, 1\)"),
    (dict(eta=1.5, variance="large"), "eta must lie in 0…1 with the variance 'large'"),
    (dict(eta_border=-0.1), "eta_border must be an SNR, a finite number of at least 0, got -0.1"),
    (dict(eta_border=math.inf), "eta_border must be an SNR, a finite number of at least 0, got inf"),
    (dict(sampler="heun", eta=0.5), "eta must be 0"),
    (dict(sampler="dpmpp_2m", eta=(0, 0.5)), "dpmpp_2m solves the deterministic equation: eta must be 0"),
    (dict(steps=1001), r"1…1000"),
    (dict(shape=None), "either shape"),
    (dict(x_start=X), "either shape"),
    (dict(times=[1000, 500]), "ends at 0"),
    (dict(times=[0]), "at least two"),
    (dict(times=[1000, 500, 500, 0]), "no two the same"),
    (dict(times=[1001, 0]), r"0…1000"),
    (dict(steps=2.5), "steps must be an integer ≥ 1, got 2.5"),
    (dict(steps=True), "steps must be an integer ≥ 1, got True"),
    (dict(seed=0.5), "a seed or index must be an integer, got 0.5"),  # was seed 0
    (dict(shape=(0, 3)), "each number of shape must be an integer ≥ 1, got 0"),
    (dict(shape=(2, 2.0)), "each number of shape must be an integer ≥ 1, got 2.0"),
    (dict(shape=()), r"shape must be that of all samples, \(B, …\), got \(\)"),
    (dict(shape=4), r"shape must be that of all samples, \(B, …\), got 4"),
    (dict(indices=[5]), "indices must be one for each of 2 samples, got 1"),  # one sample was drawn
    (dict(shape=None, x_start=X, indices=[5], sampler="ddpm"), "indices must be one for each of 2 samples, got 1"),  # one noise
    (dict(indices=[0, 1.5]), "a seed or index must be an integer, got 1.5"),
    (dict(shape=None, x_start=X * math.nan), "x_start must be finite, got NaN or infinity in 6 of 6 numbers"),
    (dict(shape=None, x_start=X[:0]), r"x_start must be \(B, …\) with B ≥ 1, got \(0, 3\)"),
]


@pytest.mark.parametrize(("change", "message"), BAD_SAMPLES, ids=[str(change) for change, _ in BAD_SAMPLES])
def test_sample_refuses(change: dict, message: str) -> None:
    arguments = {"shape": (2, 3)} | change
    with pytest.raises(ValueError, match=message):
        states_of(elementwise_gaussian(VP[0]), VP[0], **arguments)


def test_a_start_of_whole_numbers_is_refused() -> None:
    """Pictures as they are stored, 0…255: cast to their type, all of the schedule is 0."""
    with pytest.raises(TypeError, match=r"x_start must be floating point, scaled to \[−1, 1\] for images, got torch.uint8"):
        next(sample(elementwise_gaussian(VP[0]), VP[0], x_start=X.to(torch.uint8)))


@pytest.mark.parametrize("number", [np.int64, torch.tensor], ids=["NumPy", "tensor"])
def test_numbers_may_come_from_numpy_or_a_tensor(number) -> None:
    denoise, settings = elementwise_gaussian(VP[0]), {"sampler": "ddpm", "seed": 3}
    wanted = last_of(denoise, VP[0], (2, 3), steps=4, eta=(1.0, 0.5), indices=[4, 6], **settings)
    found = last_of(denoise, VP[0], [number(2), number(3)], steps=number(4), eta=torch.tensor([1.0, 0.5]),
                    indices=torch.tensor([4, 6]), **(settings | {"seed": number(3)}))
    assert torch.equal(found, wanted)
    states = list(sample(denoise, VP[0], (2, 3), times=torch.tensor([1000, 500, 0]), sampler=Sampler(eta=np.float64(0.5))))
    assert [type(state.t) for state in states] == [int] * 3


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("given", "kept"), [(torch.float16, torch.float32), (torch.bfloat16, torch.float32),
                                             (torch.float64, torch.float64)])
def test_a_walk_keeps_single_precision_at_least(sampler: str, given: torch.dtype, kept: torch.dtype) -> None:
    start, denoise, settings = random(2, 3).to(given), elementwise_gaussian(VP[0]), {"sampler": sampler, "steps": 4}
    states = states_of(denoise, VP[0], x_start=start, **settings)
    assert {state.x_t.dtype for state in states} == {kept} and torch.equal(states[0].x_t, start.to(kept))
    assert torch.equal(states[-1].x_t, last_of(denoise, VP[0], x_start=start.to(kept), **settings))


def test_a_walk_stays_where_it_starts_unless_told_otherwise() -> None:
    """The device `meta` stands for a GPU; moved to the CPU, the state would meet a network that is not there."""
    start = torch.empty(2, 3, device="meta")
    for given, found in ((None, "meta"), ("meta", "meta")):
        assert next(sample(elementwise_gaussian(VP[0]), VP[0], x_start=start, device=given)).x_t.device.type == found
    assert next(sample(elementwise_gaussian(VP[0]), VP[0], x_start=X, device="meta")).x_t.device.type == "meta"


@pytest.mark.parametrize("steps", [0, -3, 2.5])
def test_calls_of_no_steps_are_refused(steps: float) -> None:
    with pytest.raises(ValueError, match="steps must be an integer ≥ 1"):
        Sampler("heun", steps).calls()


def test_weights_of_each_sample_cost_two_calls_a_step() -> None:
    assert Sampler("ddim", 5).calls(torch.tensor([1.0, 1.0])) == 10
    assert Sampler("ddim", np.int64(5)).calls(torch.tensor(1.0)) == 5


def test_calls_of_an_unknown_sampler() -> None:
    with pytest.raises(ValueError, match="unknown sampler 'eular'"):
        Sampler("eular", 10).calls()


@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "flow"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_walk_never_waits_for_the_device(sampler: str, predicts: str) -> None:
    """A tensor on the device `meta` has no values, so that a step that read one back, as `if (noise == 0).any()` does on a
    GPU and waits there, would raise an error here."""
    denoiser = Denoiser(lambda x, time, cond: x * time[:, None], cosine(1000), predicts)
    start = torch.empty(2, 3, device="meta")
    *_, last = sample(denoiser, cosine(1000), x_start=start, sampler=Sampler(sampler, steps=5), device="meta")
    assert last.x_t.device.type == "meta" and last.x_t.shape == (2, 3)
