"""What holds for every schedule, time and number, looked for by hypothesis: it tries to find a case where it does not."""

from __future__ import annotations

import math

import pytest
import torch
from cases import states_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from diffusion_utils.denoiser import PREDICTS, Prediction, eps_from_x0, score_from_eps, split, target
from diffusion_utils.guidance import guided
from diffusion_utils.sampling import SAMPLERS, SPACINGS, posterior_std, renoise, timesteps, update
from diffusion_utils.schedules import SCHEDULES, Schedule, from_betas

EPS = torch.finfo(torch.float64).eps
# Always the same examples, so that a run can be repeated; no deadline, since a busy machine is no mistake.
settings.register_profile("book", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("book")


@st.composite
def schedules(draw) -> Schedule:
    """Any schedule of the package, of 4 to 60 steps, or any list of β."""
    kind = draw(st.sampled_from(["betas", "cosine", "sigmoid", "flow"]))
    if kind == "betas":
        betas = draw(st.lists(st.floats(1e-6, 0.999), min_size=2, max_size=60))
        return from_betas(torch.tensor(betas, dtype=torch.float64), "random", allow_signal_left=True)
    return SCHEDULES[kind](draw(st.integers(4, 60)))


@st.composite
def tensors(draw, count: int = 1) -> Tensor:
    """`count` rows of five numbers, of the size of data and noise."""
    rows = draw(st.lists(st.lists(st.floats(-4, 4), min_size=5, max_size=5), min_size=count, max_size=count))
    return torch.tensor(rows, dtype=torch.float64)


def close(found: Tensor, wanted: Tensor, divisor: float = 1.0) -> None:
    """Equal up to 100 roundings of numbers up to 10, enlarged by what was divided by."""
    torch.testing.assert_close(found, wanted, rtol=0, atol=1000 * EPS / min(divisor, 1.0))


# Conversions


@given(schedules(), st.data(), tensors(2), st.sampled_from(PREDICTS), st.sampled_from(PREDICTS))
def test_conversions_are_inverse_to_each_other(schedule: Schedule, data, pair: Tensor, one: str, other: str) -> None:
    """x_0, ε → one target → estimates → another target → estimates: the x_0 and ε that one began with."""
    t = data.draw(st.integers(1, schedule.T))
    x0, eps = pair[:1], pair[1:]
    signal, noise = schedule.at(t, like=x0)
    x_t = signal * x0 + noise * eps
    if "eps" in (one, other) and signal == 0:
        with pytest.raises(ValueError, match="signal = 0"):
            split("eps", eps, x_t, signal, noise)
        return
    first = split(one, target(one, x0, eps, signal, noise), x_t, signal, noise)
    second = split(other, target(other, *first, signal, noise), x_t, signal, noise)
    divisor = float(min(signal if "eps" in (one, other) else 1.0, noise if "x0" in (one, other) else 1.0))
    for found, wanted in ((first[0], x0), (second[0], x0), (first[1], eps), (second[1], eps)):
        close(found, wanted, divisor)
    close(-noise * score_from_eps(second[1], noise), eps, divisor)


@given(tensors(2), st.floats(0, 1))
def test_without_noise_there_is_no_eps_and_no_score(pair: Tensor, signal: float) -> None:
    zero, signal = torch.zeros((), dtype=torch.float64), torch.tensor(signal, dtype=torch.float64)
    for convert in (lambda: eps_from_x0(pair[:1], pair[1:], signal, zero), lambda: score_from_eps(pair[1:], zero),
                    lambda: split("x0", pair[:1], pair[1:], signal, zero)):
        with pytest.raises(ValueError, match="noise = 0"):
            convert()


# Steps


@st.composite
def three_times(draw) -> tuple[Schedule, int, int, int]:
    """A schedule and t > m > s ≥ 0."""
    schedule = draw(schedules())
    s, m, t = sorted(draw(st.lists(st.integers(0, schedule.T), min_size=3, max_size=3, unique=True)))
    return schedule, t, m, s


@given(three_times(), tensors(2))
def test_a_split_step_is_one_step_for_a_fixed_estimate(times, pair: Tensor) -> None:
    """At η = 0, t → m → s is t → s exactly, as x̂₀ stays the same."""
    schedule, t, m, s = times
    x_t, x0_hat = pair[:1], pair[1:]
    halfway = update(schedule, x_t, t, m, x0_hat)
    close(update(schedule, halfway, m, s, x0_hat), update(schedule, x_t, t, s, x0_hat), float(schedule.noise[m]))


@given(three_times(), st.floats(0, 1))
def test_a_split_step_has_the_distribution_of_one_step(times, eta: float) -> None:
    """At η = 1 the posterior steps compose: with D the true x_0, the same factors of x_t and x_0, the same variance.

    At any η the mean of x_s given x_0 and its variance, x_t being drawn from its marginal, are the same too."""
    schedule, t, m, s = times
    unit_x, unit_D, unit_z = torch.eye(3, dtype=torch.float64)

    def factors(t: int, s: int, eta: float) -> list[float]:
        return update(schedule, unit_x, t, s, unit_D, u=eta * posterior_std(schedule, t, s), z=unit_z).tolist()

    # 1 − SNR_t/SNR_s cancels where the two are alike: the roundings it leaves are under a square root.
    tolerance = 1e-7
    first, second, whole = factors(t, m, 1.0), factors(m, s, 1.0), factors(t, s, 1.0)
    assert second[0] * first[0] == pytest.approx(whole[0], abs=tolerance)
    assert second[0] * first[1] + second[1] == pytest.approx(whole[1], abs=tolerance)
    assert math.hypot(second[0] * first[2], second[2]) == pytest.approx(whole[2], abs=tolerance)
    of_x, of_D, of_z = factors(t, s, eta)
    signal_t, noise_t, signal_s, noise_s = (float(a[k]) for k in (t, s) for a in (schedule.signal, schedule.noise))
    assert of_x * signal_t + of_D == pytest.approx(signal_s, abs=1e-12)
    assert math.hypot(of_x * noise_t, of_z) == pytest.approx(noise_s, abs=tolerance)


@given(three_times(), tensors(1))
def test_a_split_step_up_has_the_distribution_of_one_step_up(times, row: Tensor) -> None:
    schedule, t, m, s = times
    assume(float(schedule.signal[m]) > 1e-3)
    zero, one = torch.zeros_like(row), torch.ones_like(row)
    mean = renoise(schedule, renoise(schedule, row, s, m, zero), m, t, zero)
    close(mean, renoise(schedule, row, s, t, zero), float(schedule.signal[m]))
    kept = renoise(schedule, renoise(schedule, zero, s, m, one), m, t, zero)
    fresh = renoise(schedule, zero, m, t, one)
    # Variances, as differences of squares, are known to rounding/signal²; their roots to the root of that.
    torch.testing.assert_close((kept**2 + fresh**2).sqrt(), renoise(schedule, zero, s, t, one), rtol=0, atol=1e-7)


@given(three_times(), tensors(3))
def test_the_truth_as_estimate_gives_back_the_closed_form(times, three: Tensor) -> None:
    """With D = x_0 and no fresh noise, x_s is signal_s·x_0 + noise_s·ε with the ε that x_t was made with."""
    schedule, t, _, s = times
    x0, eps = three[:1], three[1:2]
    found = update(schedule, schedule.add_noise(x0, t, eps), t, s, x0)
    close(found, schedule.add_noise(x0, s, eps), float(schedule.noise[t]))


@given(schedules(), st.data(), st.sampled_from(SPACINGS))
def test_every_walk_falls_from_its_start_to_the_data(schedule: Schedule, data, spacing: str) -> None:
    start = data.draw(st.integers(1, schedule.T))
    steps = data.draw(st.integers(1, start))
    walk = timesteps(schedule, steps, spacing, start)
    assert len(walk) == steps + 1 and walk[0] == start and walk[-1] == 0
    assert sorted(set(walk), reverse=True) == walk


# Guidance


def two_models(schedule: Schedule):
    """A denoiser that says one thing with a label and another without."""

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        x0_hat = torch.sin(x_t) if cond is None else torch.cos(3 * x_t)
        return Prediction(x0_hat, eps_from_x0(x0_hat, x_t, *schedule.at(t, like=x_t)))

    return denoise


@given(schedules(), st.data(), tensors(2), st.sampled_from([None, (-1.0, 1.0)]))
def test_weight_one_is_the_conditional_model_to_the_bit(schedule: Schedule, data, x: Tensor, clip) -> None:
    t, model = data.draw(st.integers(1, schedule.T)), two_models(schedule)
    for weight, cond, plain in ((1, "label", "label"), (1, None, None), (0, "label", None), (7.5, None, None)):
        found, wanted = guided(model, schedule, weight, clip)(x, t, cond), model(x, t, plain)
        assert torch.equal(found.x0_hat, wanted.x0_hat) and torch.equal(found.eps_hat, wanted.eps_hat)


@given(schedules(), st.data(), tensors(2), st.floats(0, 10))
def test_guidance_is_a_straight_line_in_its_weight(schedule: Schedule, data, x: Tensor, weight: float) -> None:
    t, model = data.draw(st.integers(1, schedule.T)), two_models(schedule)
    low, high = (model(x, t, cond).x0_hat for cond in (None, "label"))
    found = guided(model, schedule, weight)(x, t, "label")
    close(found.x0_hat, (1 - weight) * low + weight * high)
    signal, noise = schedule.at(t, like=x)
    close(signal * found.x0_hat + noise * found.eps_hat, x)


# Randomness


def elementwise(schedule: Schedule):
    """A denoiser that treats each number alone, so that it rounds the same whatever the batch."""

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        return Prediction(x_t * float(schedule.signal[t]), x_t * float(schedule.noise[t]))

    return denoise


@given(schedules(), st.data(), st.sampled_from(SAMPLERS), st.integers(0, 2**64))
def test_a_sample_depends_on_its_seed_and_index_alone(schedule: Schedule, data, sampler: str, seed: int) -> None:
    """To the bit here, since the denoiser rounds each number alone; a network's sums differ by its rounding."""
    assume(schedule.signal[-1] > 0 or sampler != "heun")
    indices = data.draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
    steps = data.draw(st.integers(1, min(5, schedule.T)))

    def run(rows: list[int]) -> Tensor:
        how = {"sampler": sampler, "steps": steps, "seed": seed, "indices": rows}
        last = states_of(elementwise(schedule), schedule, (len(rows), 2), **how)[-1]
        return last.x_t

    together = run(indices)
    for row, index in enumerate(indices):
        assert torch.equal(together[row:row + 1], run([index]))
    assert torch.equal(together, run(indices)), "and twice the same"
