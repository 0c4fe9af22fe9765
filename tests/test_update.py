"""The update, from which every sampler is made, against the papers' own formulas."""

from __future__ import annotations

import math

import pytest
import torch
from cases import ALL, VP, name, random

from diffusion_utils.sampling import posterior_std, renoise, step_std, update
from diffusion_utils.schedules import Schedule, flow

STEPS_TAKEN = [(1, 0), (2, 1), (500, 499), (1000, 999), (1000, 500), (730, 11), (40, 0), (1000, 0)]
EXACT = {"rtol": 1e-12, "atol": 1e-12}  # a few float64 roundings (1e-16) of numbers of order 1


def coefficients(schedule: Schedule, t: int, s: int, **settings) -> tuple[float, float, float]:
    """What `update` multiplies x_t, D and z by: it is linear in them, so unit vectors tell."""
    x, d, z = torch.eye(3, dtype=torch.float64)
    return tuple(update(schedule, x, t, s, d, z=z, **settings).tolist())


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


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_a_step_up_is_the_formula_of_its_docstring(schedule: Schedule) -> None:
    x_t, z = random(2, 50)
    kept, noise_t, noise_s = schedule.signal[900] / schedule.signal[300], schedule.noise[300], schedule.noise[900]
    wanted = kept * x_t + (noise_s**2 - kept**2 * noise_t**2).sqrt() * z
    torch.testing.assert_close(renoise(schedule, x_t, 300, 900, z), wanted, **EXACT)


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("t", "s"), [(500, 400), (torch.tensor([300, 900]), torch.tensor([200, 100]))], ids=["one t", "two"])
def test_a_step_keeps_the_type_and_the_device_of_the_data(t: int | torch.Tensor, s: int | torch.Tensor,
                                                          dtype: torch.dtype) -> None:
    """Its coefficients are float64 numbers on the CPU. The device `meta` stands for any other: it computes nothing."""
    x = torch.empty(2, 3, dtype=dtype, device="meta")
    for stepped in (update(VP[0], x, t, s, x, u=posterior_std(VP[0], t, s), z=x), renoise(VP[0], x, s, t, x)):
        assert (stepped.dtype, stepped.device.type) == (dtype, "meta")


# Bad input


X = torch.zeros(2, 3)
BAD_UPDATES = [
    (dict(t=10, s=10), "s must lie below t"),
    (dict(t=10, s=11), "s must lie below t"),
    (dict(t=1001, s=0), r"0…1000, got 1001"),
    (dict(t=5, s=-1), r"0…1000, got -1"),
    (dict(D=torch.zeros(2, 1)), "shape of x_t"),
    (dict(u=2.0, z=X), "u must lie in 0…noise_s"),
    (dict(u=1.001 * float(VP[0].noise[400]), z=X), "u must lie in 0…noise_s"),
    (dict(u=0.1), "needs z"),
    (dict(u=-0.1, z=X), "u must lie in 0…noise_s"),
    (dict(u=math.nan, std=0.0), "u must lie in 0…noise_s"),
    (dict(std=-0.1, z=X), "std must be ≥ 0, got -0.1"),  # a negative scale was taken for no noise
    (dict(std=math.nan, z=X), "std must be ≥ 0, got nan"),
    (dict(std=0.1, z=torch.zeros(1, 3)), r"z must have the shape of x_t \(2, 3\), got \(1, 3\)"),
    (dict(t=torch.tensor([500])), r"must each be one number or \(2,\) for data of shape \(2, 3\); .* shape \(1,\)"),
    (dict(u=torch.full((2, 1), 0.1), z=X), r"must each be one number or \(2,\) .* shape \(2, 1\)"),
    (dict(std=torch.full((3,), 0.1), z=X), r"must each be one number or \(2,\) .* shape \(3,\)"),
]


@pytest.mark.parametrize(("change", "message"), BAD_UPDATES, ids=[message for _, message in BAD_UPDATES])
def test_update_refuses(change: dict, message: str) -> None:
    arguments = {"x_t": X, "t": 500, "s": 400, "D": X} | change
    with pytest.raises(ValueError, match=message):
        update(VP[0], **arguments)


def test_a_time_that_is_not_whole_is_refused() -> None:
    with pytest.raises(TypeError, match="integer"):
        update(VP[0], X, 500.0, 400, X)


def test_a_standard_deviation_is_that_of_a_step_down() -> None:
    """Of a step up the formulas give 0, and of one from 0 to 0 NaN."""
    for std in (posterior_std, step_std):
        for t, s in ((400, 500), (400, 400), (0, 0)):
            with pytest.raises(ValueError, match="s must lie below t"):
                std(VP[0], t, s)


def test_renoise_refuses_noise_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"z must have the shape of x_t \(2, 3\), got \(1, 3\)"):
        renoise(VP[0], X, 400, 500, torch.zeros(1, 3))


@pytest.mark.parametrize("s", [400, 500])
def test_renoise_refuses_to_go_down_or_nowhere(s: int) -> None:
    with pytest.raises(ValueError, match="s must lie above t"):
        renoise(VP[0], X, 500, s, X)
