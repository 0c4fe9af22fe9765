"""Schedules: exact values, the constructors against their closed forms, and everything that is refused."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_utils.schedules import (
    MAX_SIGNAL_LEFT,
    NAMED,
    Schedule,
    cosine,
    flow,
    from_alpha_bar,
    from_betas,
    linear,
    sigmoid,
    straight,
)

# Tables are float64. A product or sum over 1000 steps gathers at most about 1000 roundings of 1.1e-16 each.
ROUNDING = 1e-12


def table(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def close(found: torch.Tensor, wanted: torch.Tensor | list[float], tolerance: float = ROUNDING) -> None:
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=torch.float64), rtol=tolerance, atol=tolerance)


every_schedule = pytest.mark.parametrize("make", NAMED.values(), ids=NAMED.keys())


# --- values ----------------------------------------------------------------------------------------------------------

def test_two_steps_by_hand() -> None:
    schedule = from_betas(table(0.1, 0.2), allow_signal_left=True)
    close(schedule.alpha_bar, [1, 0.9, 0.72])
    close(schedule.signal, [1, math.sqrt(0.9), math.sqrt(0.72)])
    close(schedule.noise, [0, math.sqrt(0.1), math.sqrt(0.28)])
    close(schedule.alpha, [1, 0.9, 0.8])
    close(schedule.beta, [0, 0.1, 0.2])
    close(schedule.snr[1:], [9, 18 / 7])
    close(schedule.log_snr[1:], [math.log(3), math.log(18 / 7) / 2])
    assert schedule.snr[0] == schedule.log_snr[0] == math.inf


def test_linear_is_the_product_of_its_alphas() -> None:
    """Ho et al. 2020, section 4: β from 1e-4 to 0.02; ᾱ multiplied up one step after the other."""
    schedule, product = linear(), 1.0
    for t in range(1, 1001):
        beta = 1e-4 + (0.02 - 1e-4) * (t - 1) / 999
        product *= 1 - beta
        assert float(schedule.beta[t]) == pytest.approx(beta, abs=ROUNDING)
        assert float(schedule.alpha_bar[t]) == pytest.approx(product, rel=ROUNDING)


def test_linear_with_other_ends() -> None:
    close(linear(3, 0.5, 0.9999).beta, [0, 0.5, 0.74995, 0.9999])


def test_cosine_against_its_formula() -> None:
    """Nichol & Dhariwal 2021, eq. 17. The last β alone is capped."""
    def f(t: int) -> float:
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    schedule = cosine()
    close(schedule.alpha_bar[:1000], [f(t) / f(0) for t in range(1000)])
    assert float(schedule.beta[1000]) == pytest.approx(0.999, abs=1e-9)  # 1 − α divides two small ᾱ
    assert (schedule.beta[:1000] < 0.999).all()
    assert float(schedule.alpha_bar[1000]) == pytest.approx(f(999) / f(0) * 0.001, rel=ROUNDING)


def test_sigmoid_against_its_formula() -> None:
    """Jabri et al. 2022, algorithm 1, above the floor; symmetric about the middle, where ᾱ = 1/2."""
    def logistic(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    schedule, top, bottom = sigmoid(floor=0.0001), logistic(3), logistic(-3)
    wanted = [0.0001 + 0.9999 * (top - logistic(-3 + 6 * t / 1000)) / (top - bottom) for t in range(1001)]
    close(schedule.alpha_bar, wanted)
    assert float(schedule.alpha_bar[1000]) == pytest.approx(0.0001, rel=1e-9)
    assert float(sigmoid().alpha_bar[500]) == pytest.approx(0.5, abs=1e-6)  # the floor, 1e-6, moves it by half of that


def test_flow_is_the_straight_line() -> None:
    schedule = flow(4)
    assert schedule.signal.tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert schedule.noise.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert schedule.snr.tolist() == [math.inf, 9, 1, 1 / 9, 0]
    assert schedule.log_snr[4] == -math.inf


def test_straight_forgets_the_same_share_in_each_step() -> None:
    schedule = straight(4)
    close(schedule.alpha_bar, [1, 0.75, 0.5, 0.25, 0])
    close(schedule.beta, [0, 1 / 4, 1 / 3, 1 / 2, 1])
    assert schedule.is_variance_preserving and schedule.signal[4] == 0


@every_schedule
@pytest.mark.parametrize("T", [4, 10, 100, 1000])
def test_every_schedule_goes_from_data_to_noise(make, T: int) -> None:
    if make is linear:
        schedule = make(T, *(min(beta * 1000 / T, 0.999) for beta in (1e-4, 0.02)))
    else:
        schedule = make(T)
    assert schedule.T == T and len(schedule.signal) == len(schedule.noise) == T + 1
    assert schedule.signal.dtype == schedule.noise.dtype == torch.float64
    assert schedule.signal[0] == 1 and schedule.noise[0] == 0
    assert (schedule.signal.diff() < 0).all() and (schedule.noise.diff() > 0).all()
    assert (schedule.snr.diff()[1:] < 0).all()
    assert schedule.signal[T] <= MAX_SIGNAL_LEFT


@settings(deadline=None, derandomize=True, database=None)  # the same examples always; a busy machine is no mistake
@given(st.lists(st.floats(1e-6, 0.5), min_size=1, max_size=50))
def test_betas_come_back(betas: list[float]) -> None:
    schedule = from_betas(torch.tensor(betas, dtype=torch.float64), allow_signal_left=True)
    assert schedule.is_variance_preserving
    # √ and its square, and 1 − α with α near 1: a few roundings of 1.1e-16
    close(schedule.beta[1:], betas)


def test_zero_terminal_signal_is_allowed() -> None:
    """The last β may be 1 (Lin et al. 2023): nothing of the data is left, SNR 0."""
    schedule = from_betas(table(0.5, 1.0))
    assert schedule.signal[2] == 0 and schedule.noise[2] == 1 and schedule.snr[2] == 0


# --- the jump --------------------------------------------------------------------------------------------------------

def test_add_noise_for_one_t_and_for_one_t_a_sample() -> None:
    schedule = flow(4)
    x0, eps = torch.full((3, 1, 2, 2), 2.0), torch.full((3, 1, 2, 2), 10.0)
    assert (schedule.add_noise(x0, 1, eps) == 1.5 + 2.5).all()
    x_t = schedule.add_noise(x0, torch.tensor([0, 2, 4]), eps)
    assert x_t.amin((1, 2, 3)).tolist() == x_t.amax((1, 2, 3)).tolist() == [2.0, 6.0, 10.0]


def test_each_sample_gets_its_own_t_where_batch_and_width_agree() -> None:
    """ᾱ_t of shape (B,) against data (B, D) is silently wrong when B = D."""
    x_t = flow(4).add_noise(torch.ones(3, 3), torch.tensor([0, 2, 4]), torch.zeros(3, 3))
    assert x_t.tolist() == [[1.0] * 3, [0.5] * 3, [0.0] * 3]


@every_schedule
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_table_is_cast_after_it_is_read(make, dtype: torch.dtype) -> None:
    """The factors are the float64 ones, rounded once to the data's dtype."""
    schedule, t = make(1000), torch.tensor([0, 1, 500, 1000])
    signal, noise = schedule.at(t, like=torch.zeros(4, 1, 2, 2, dtype=dtype))
    assert signal.dtype == noise.dtype == dtype and signal.shape == noise.shape == (4, 1, 1, 1)
    assert torch.equal(signal.flatten(), schedule.signal[t].to(dtype))
    assert torch.equal(noise.flatten(), schedule.noise[t].to(dtype))
    x = torch.ones(4, 1, 2, 2, dtype=dtype)
    assert schedule.add_noise(x, t, x).dtype == dtype


def test_the_factors_are_where_they_are_needed() -> None:
    """One for each sample moves to the data; a single one stays. The device `meta`, of shapes alone, stands for a GPU."""
    there = torch.zeros((2, 1, 3, 3), device="meta")
    assert [factor.device.type for factor in flow(4).at(torch.tensor([1, 2]), like=there)] == ["meta"] * 2
    assert [(factor.device.type, factor.shape) for factor in flow(4).at(1, like=there)] == [("cpu", ())] * 2
    assert flow(4).add_noise(there, 1, there).device.type == flow(4).add_noise(there, [1, 2], there).device.type == "meta"


@pytest.mark.parametrize(("name", "make"), NAMED.items())
def test_a_schedule_knows_its_name_and_has_a_thousand_steps_unless_told(name: str, make) -> None:
    assert make().name == name and make().T == 1000
    assert torch.equal(make().signal, make(1000).signal)


def test_a_table_of_ones_own_is_called_custom_unless_named_and_is_made_in_float64() -> None:
    betas = torch.tensor([0.3, 0.9, 0.999])  # float32: its digits are taken as they are, and no others are lost
    alpha_bar = torch.cat([torch.ones(1).double(), (1 - betas.double()).cumprod(0)])
    for schedule in (from_betas(betas), from_alpha_bar(alpha_bar.float())):
        assert schedule.name == "custom"
    close(from_betas(betas).signal, alpha_bar.sqrt(), 1e-15)
    close(from_alpha_bar(alpha_bar.float()).noise, (1 - alpha_bar.float().double()).sqrt(), 1e-15)
    assert from_betas(betas, "mine").name == "mine" and flow(1000).noise[1] == 1 / 1000


def test_betas_that_leave_signal_need_permission() -> None:
    with pytest.raises(ValueError, match="x_T still holds the data"):
        from_betas([0.1, 0.2])
    assert from_betas([0.1, 0.2], allow_signal_left=True).T == 2
    assert from_alpha_bar(table(1, 0.5, 0.0004)).signal[2] == MAX_SIGNAL_LEFT  # as much as is allowed


@pytest.mark.parametrize("beta", [0.0, -0.1, 1.5])
def test_a_beta_outside_its_range_is_named_as_such(beta: float) -> None:
    with pytest.raises(ValueError, match=r"betas must be a table \(T,\) with values in \(0, 1\]"):
        from_betas([beta, 0.9999])


@pytest.mark.parametrize("T", [1, 2, 3])
def test_the_shortest_cosine_may_leave_signal(T: int) -> None:
    """Its last β is capped: after one or two steps there is more signal than 0.02, and no larger β to ask for."""
    assert cosine(T).T == T


def test_float32_noise_keeps_its_digits_near_the_data() -> None:
    """√(1 − ᾱ) computed in float32 would lose four digits at t = 1, where 1 − ᾱ is 1e-4; the table does not."""
    noise = linear().at(1, like=torch.zeros(1))[1]
    assert float(noise) == pytest.approx(0.01, rel=1.2e-7)  # one rounding to float32


@pytest.mark.parametrize("t", [torch.tensor(3, dtype=torch.uint8), torch.tensor(3, dtype=torch.int32), 3])
def test_every_kind_of_integer_is_a_t(t) -> None:
    assert float(flow(4).at(t, like=torch.zeros(1))[0]) == 0.25


# --- what is refused -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("t", [-1, 11, torch.tensor([3, 11]), torch.tensor([-1, 3])])
def test_t_outside_the_table_is_refused(t) -> None:
    with pytest.raises(ValueError, match=r"t must lie in 0…10, got"):
        flow(10).add_noise(torch.zeros(2, 3), t, torch.zeros(2, 3))


@pytest.mark.parametrize("t", [0.5, 3.0, True, torch.tensor([1.0, 2.0]), torch.tensor([True, False]), 1j])
def test_t_that_is_no_integer_is_refused(t) -> None:
    with pytest.raises(TypeError, match=r"t must be an integer in 0…10, got dtype"):
        flow(10).check_t(t)


def test_t_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one integer or a tensor \(B,\), got shape \(2, 1\)"):
        flow(10).check_t(torch.ones(2, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match="t has 3 entries for a batch of 2"):
        flow(10).add_noise(torch.zeros(2, 3), torch.tensor([1, 2, 3]), torch.zeros(2, 3))


def test_noise_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"same shape, got \(2, 3\) and \(1, 3\)"):
        flow(10).add_noise(torch.zeros(2, 3), 5, torch.zeros(1, 3))


def test_integer_images_are_refused() -> None:
    with pytest.raises(TypeError, match=r"x0 must be floating point, scaled to \[−1, 1\].*torch.uint8"):
        flow(10).add_noise(torch.zeros(2, 3, dtype=torch.uint8), 5, torch.zeros(2, 3, dtype=torch.uint8))


@every_schedule
@pytest.mark.parametrize("T", [0, -5, 10.0, "10", True, None])
def test_a_number_of_steps_that_is_none_is_refused(make, T) -> None:
    with pytest.raises(ValueError, match=r"T must be an integer ≥ 1, got"):
        make(T)


@pytest.mark.parametrize("T, left", [(50, 0.776), (200, 0.364), (300, 0.219), (400, 0.132), (500, 0.080)])
def test_the_shortened_linear_schedule_is_refused(T: int, left: float) -> None:
    """The mistake of several published tutorials; √ᾱ_T is given to three digits."""
    with pytest.raises(ValueError, match=rf"√ᾱ_T = {left:.3f} > 0.02.*T = {T} .*allow_signal_left=True"):
        linear(T)
    assert float(linear(T, allow_signal_left=True).signal[T]) == pytest.approx(left, abs=0.0005)


@pytest.mark.parametrize("T", [50, 100, 300, 500, 2000])
def test_scaled_betas_are_accepted(T: int) -> None:
    """What the message advises: β scaled by 1000/T. ᾱ_T = Π(1 − β) < exp(−Σβ) = exp(−10.05)."""
    schedule = linear(T, 0.1 / T, 20 / T)
    assert float(schedule.beta.sum()) == pytest.approx(10.05, abs=1e-9)
    assert float(schedule.alpha_bar[T]) < math.exp(-10.05)


def test_the_line_between_accepted_and_refused() -> None:
    just_below = from_alpha_bar(table(1.0, 0.9999 * MAX_SIGNAL_LEFT**2))
    assert float(just_below.signal[1]) < MAX_SIGNAL_LEFT
    with pytest.raises(ValueError, match="still holds the data"):
        from_alpha_bar(table(1.0, 1.0001 * MAX_SIGNAL_LEFT**2))


@pytest.mark.parametrize("first, last", [(0.0, 0.02), (1e-4, 1.0), (-0.1, 0.02), (1e-4, 2.0), (math.nan, 0.02)])
def test_betas_of_linear_outside_their_range_are_refused(first: float, last: float) -> None:
    with pytest.raises(ValueError, match=r"beta_first and beta_last must lie in \(0, 1\), got"):
        linear(1000, first, last)


@pytest.mark.parametrize("betas", [[], [0.1, 0.0], [0.1, 1.1], [-0.1], [math.nan], [[0.1, 0.2]], 0.1])
def test_betas_that_are_none_are_refused(betas) -> None:
    with pytest.raises(ValueError):
        from_betas(torch.tensor(betas), allow_signal_left=True)


def test_a_sigmoid_without_a_slope_is_refused() -> None:
    with pytest.raises(ValueError, match="start must lie below end, got 3 and 3"):
        sigmoid(10, start=3.0, end=3.0)


@pytest.mark.parametrize("signal, noise, message", [
    ([1.0], [0.0], r"T\+1 ≥ 2 rows"),
    ([1.0, 0.5], [0.0, 0.5, 1.0], r"T\+1 ≥ 2 rows, got \(2,\) and \(3,\)"),
    ([[1.0, 0.5]], [[0.0, 0.5]], r"T\+1 ≥ 2 rows"),
    ([1.0, math.nan], [0.0, 0.5], "must be finite"),
    ([1.0, 0.5], [0.0, math.inf], "must be finite"),
    ([0.9, 0.5], [0.0, 0.5], "row 0 is the data"),
    ([1.0, 0.5], [0.1, 0.5], "row 0 is the data"),
    ([1.0, -0.5], [0.0, 0.5], "signal must be ≥ 0"),
    ([1.0, 0.5], [0.0, 0.0], "noise > 0"),
    ([1.0, 0.5, 0.6], [0.0, 0.5, 0.5], "does not at t = 2"),
    ([1.0, 0.5, 0.25], [0.0, 0.5, 0.25], "does not at t = 2"),  # both fall: the ratio stays
])
def test_a_table_that_is_no_schedule_is_refused(signal, noise, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule(torch.tensor(signal), torch.tensor(noise))


@pytest.mark.parametrize("name", ["alpha_bar", "alpha", "beta"])
def test_flow_has_no_alpha_and_no_beta(name: str) -> None:
    assert not flow(10).is_variance_preserving
    with pytest.raises(ValueError, match="the flow schedule does not preserve variance"):
        getattr(flow(10), name)


# --- immutability ----------------------------------------------------------------------------------------------------

def test_a_schedule_cannot_be_reassigned() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        flow(10).signal = torch.zeros(11)


def test_a_schedule_does_not_share_memory_with_what_it_was_made_from() -> None:
    signal, noise = table(1.0, 0.5, 0.0), table(0.0, 0.5, 1.0)
    schedule = Schedule(signal, noise)
    signal.zero_()
    noise.zero_()
    assert schedule.signal.tolist() == [1.0, 0.5, 0.0] and schedule.noise.tolist() == [0.0, 0.5, 1.0]


def test_using_a_schedule_does_not_change_it() -> None:
    schedule = linear()
    before = schedule.signal.clone(), schedule.noise.clone()
    x_t = schedule.add_noise(torch.ones(2, 3), torch.tensor([0, 1000]), torch.zeros(2, 3))
    x_t.zero_()
    signal, noise = schedule.at(0, like=torch.zeros(1, dtype=torch.float64))
    signal.zero_()
    noise.fill_(5.0)
    schedule.alpha_bar.zero_()
    schedule.beta.zero_()
    assert torch.equal(schedule.signal, before[0]) and torch.equal(schedule.noise, before[1])


def test_the_row_where_the_ratio_does_not_fall_is_named() -> None:
    with pytest.raises(ValueError, match="it does not at t = 3"):
        Schedule(table(1.0, 0.9, 0.5, 0.6, 0.1), table(0.0, 0.4, 0.6, 0.6, 1.0))


def test_a_table_given_in_float32_is_kept_in_float64() -> None:
    schedule = Schedule(torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.5]))
    assert schedule.signal.dtype == schedule.noise.dtype == torch.float64


@pytest.mark.parametrize("ends", [(1.0, 0.5), (1.5, 0.5), (0.5, 0.0)])
def test_the_ends_of_linear_are_named_where_they_are_wrong(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="beta_first and beta_last must lie in"):
        linear(20, *ends)
