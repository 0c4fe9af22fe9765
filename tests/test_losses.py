"""The training loss against a computation by hand, and each term of the variational bound against exact Gaussians."""

from __future__ import annotations

import math

import pytest
import torch
from cases import constant, generator, pair
from scipy import stats

from diffusion_utils.denoiser import PREDICTS, split, target
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.losses import (
    bound_term,
    bound_weight,
    diffusion_loss,
    distillation_loss,
    masked_mean,
    min_snr_weight,
    reconstruction_term,
    spread_times,
    x0_factor,
)
from diffusion_utils.networks import MLP
from diffusion_utils.sampling import posterior_std, update
from diffusion_utils.schedules import SCHEDULES, Schedule, cosine, linear

schedules = pytest.mark.parametrize("schedule", [make(1000) for make in SCHEDULES.values()], ids=list(SCHEDULES))
targets = pytest.mark.parametrize("predicts", PREDICTS)
COSINE = cosine(1000)


# The training loss

@targets
def test_eq_l_simple(predicts: str) -> None:
    """Pixel by pixel in plain Python, with a network whose output is known: half of its input plus its clock."""
    x0, eps = pair()
    t = torch.tensor([1, 500, 1000])
    loss = diffusion_loss(lambda x, time, cond: 0.5 * x + time[:, None, None, None] / 1000, COSINE, predicts, x0, t, eps)
    by_hand = []
    for i in range(3):
        a, b = float(COSINE.signal[t[i]]), float(COSINE.noise[t[i]])
        for x, e in zip(x0[i].flatten().tolist(), eps[i].flatten().tolist(), strict=True):
            wanted = {"eps": e, "x0": x, "v": a * e - b * x, "flow": e - x}[predicts]
            by_hand.append((0.5 * (a * x + b * e) + int(t[i]) / 1000 - wanted) ** 2)
    # The loss is taken in float32: 48 squares of numbers up to about 5, each rounded to 6e-8 of itself.
    assert float(loss) == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-6)


def test_the_weight_multiplies_each_sample() -> None:
    x0, eps = pair()
    t, weight = torch.tensor([3, 400, 900]), torch.tensor([0.0, 2.0, 5.0])
    each = [float(diffusion_loss(lambda x, *_: x, COSINE, "v", x0[i:i + 1], t[i:i + 1], eps[i:i + 1])) for i in range(3)]
    loss = float(diffusion_loss(lambda x, *_: x, COSINE, "v", x0, t, eps, weight=weight))
    assert loss == pytest.approx((2 * each[1] + 5 * each[2]) / 3, rel=1e-6)
    x0, eps = pair(dtype=torch.float32)
    single = diffusion_loss(lambda x, *_: x, COSINE, "v", x0, t, eps, weight=weight.double())
    assert single.dtype == torch.float32  # a weight from the float64 table does not make the loss one


def test_the_condition_reaches_the_network() -> None:
    x0, eps = pair()
    seen = []
    diffusion_loss(lambda x, time, cond: seen.append(cond) or x, COSINE, "v", x0, torch.tensor([1, 2, 3]), eps, cond="label")
    assert seen == ["label"]


def test_a_mask_says_what_counts() -> None:
    """Pixel by pixel in plain Python: the squared errors that count, by their mask, over the sum of the mask."""
    x0, eps = pair()
    mask, t = torch.zeros(x0.shape), torch.tensor([1, 500, 900])
    mask[0, 0, 1, 2], mask[2, 0, 3] = 1 / 4, 1 / 16  # five pixels, none of the second sample; together 1/2
    found = diffusion_loss(lambda x, *_: 0.5 * x, COSINE, "v", x0, t, eps, weight=mask)
    total = 0.0
    for i, row, column in [(0, 1, 2), *((2, 3, column) for column in range(4))]:
        a, b = float(COSINE.signal[t[i]]), float(COSINE.noise[t[i]])
        x, e = float(x0[i, 0, row, column]), float(eps[i, 0, row, column])
        total += float(mask[i, 0, row, column]) * (0.5 * (a * x + b * e) - (a * e - b * x)) ** 2
    # the output is rounded to float32, 2⁻²⁴ of numbers of the size of 1
    assert float(found) == pytest.approx(total / 0.5, rel=1e-6)
    everything = diffusion_loss(lambda x, *_: 0.5 * x, COSINE, "v", x0, t, eps, weight=torch.ones(x0.shape).bool())
    torch.testing.assert_close(everything, diffusion_loss(lambda x, *_: 0.5 * x, COSINE, "v", x0, t, eps), rtol=1e-6, atol=0)


def test_what_a_mask_hides_teaches_nothing() -> None:
    x0, eps = pair()
    hidden, scale = torch.ones(x0.shape, dtype=torch.bool), torch.ones(x0.shape, dtype=torch.float64, requires_grad=True)
    hidden[:, :, :2] = False
    diffusion_loss(lambda x, *_: scale * x, COSINE, "v", x0, torch.tensor([1, 2, 3]), eps, weight=hidden).backward()
    assert torch.equal(scale.grad != 0, hidden)


def test_a_mask_below_zero_is_refused() -> None:
    x0, eps = pair()
    mask = torch.ones(x0.shape)
    mask[0, 0, 0] = -1
    with pytest.raises(ValueError, match="a mask must be ≥ 0, got -1"):
        diffusion_loss(lambda x, *_: x, COSINE, "v", x0, torch.tensor([1, 2, 3]), eps, weight=mask)


def test_a_mask_that_counts_nothing_is_refused() -> None:
    """The mean over nothing is 0/0, and the weights would be NaN after one step."""
    x0, eps = pair()
    with pytest.raises(ValueError, match="the mask counts nothing: it must be above 0 somewhere"):
        diffusion_loss(lambda x, *_: x, COSINE, "v", x0, torch.tensor([1, 2, 3]), eps, weight=torch.zeros(x0.shape))


def test_a_mask_on_a_device_is_not_looked_at() -> None:
    """To look would make a GPU wait. The device `meta`, of shapes alone, stands for one: nothing there can be looked at."""
    there = torch.zeros((3, 1, 4, 4), device="meta")
    assert masked_mean(there, there).device.type == "meta"


def test_points_as_many_as_they_have_coordinates_may_have_a_mask() -> None:
    """(B, B) is a mask of B points, and (B,) a factor of each."""
    x0, eps = torch.randn((2, 3, 3), generator=generator(), dtype=torch.float64)
    t, net = torch.tensor([100, 500, 900]), lambda x, *_: 0.5 * x
    row = torch.tensor([3.0, 0.0, 0.0])  # 3 of the first sample's, over 3 samples
    mask = torch.zeros(3, 3)
    mask[0] = 1
    by_row, by_mask = (diffusion_loss(net, COSINE, "v", x0, t, eps, weight=weight) for weight in (row, mask))
    torch.testing.assert_close(by_row, by_mask, rtol=1e-6, atol=0)
    torch.testing.assert_close(by_mask, diffusion_loss(net, COSINE, "v", x0[:1], t[:1], eps[:1]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("shape", [(3, 1), (1,), (), (3, 1, 1, 1), (1, 1, 4, 4), (4,)])
def test_a_weight_is_one_number_a_sample(shape: tuple[int, ...]) -> None:
    """(3, 1) against (3,) is (3, 3): the mean of all the products, which is no weighted mean."""
    x0, eps = pair()
    with pytest.raises(ValueError, match=r"weight must be one number a sample, \(3,\), or a mask \(3, 1, 4, 4\), got \("):
        diffusion_loss(lambda x, *_: x, COSINE, "v", x0, torch.tensor([1, 2, 3]), eps, weight=torch.ones(shape))


def test_a_network_of_another_shape_is_refused() -> None:
    """Its output would be stretched to the target's, and be trained to be the same in every channel."""
    x0, eps = (a.expand(3, 2, 4, 4) for a in pair(dtype=torch.float32))
    t, label = torch.tensor([1, 2, 3]), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"output must have the shape of target \(3, 2, 4, 4\), got \(3, 1, 4, 4\)"):
        diffusion_loss(lambda x, *_: x[:, :1], COSINE, "v", x0, t, eps)
    with pytest.raises(ValueError, match=r"student must have the shape of teacher \(3, 2, 4, 4\), got \(3, 1, 4, 4\)"):
        distillation_loss(lambda x, *_: x[:, :1], lambda x, *_: x, COSINE, x0, t, eps, label)
    for term in (bound_term, lambda *args: reconstruction_term(*args[:3], args[4])):
        with pytest.raises(ValueError, match=r"x0_hat must have the shape of x0 \(3, 2, 4, 4\), got \(3, 1, 4, 4\)"):
            term(constant(x0[:, :1]), COSINE, x0, torch.tensor([2, 3, 4]), eps)


def test_a_batch_of_none_is_refused() -> None:
    x0, t = torch.zeros(0, 1, 4, 4), torch.zeros(0, dtype=torch.int64)
    for loss in (lambda: diffusion_loss(lambda x, *_: x, COSINE, "v", x0, t, x0),
                 lambda: distillation_loss(lambda x, *_: x, lambda x, *_: x, COSINE, x0, t, x0, t)):
        with pytest.raises(ValueError, match="t is empty: a loss needs at least one sample"):
            loss()
    with pytest.raises(ValueError, match="n must be an integer ≥ 1, got 0"):
        spread_times(0, 10, generator())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_in_another_precision_is_asked_in_its_own(dtype: torch.dtype) -> None:
    x0, eps = (a.flatten(1) for a in pair(dtype=torch.float32))
    net, t = MLP(dim=16, width=8, num_classes=3), torch.tensor([1, 500, 1000])
    wanted = diffusion_loss(net, COSINE, "v", x0, t, eps, torch.tensor([0, 1, 2]))
    loss = diffusion_loss(net.to(dtype), COSINE, "v", x0, t, eps, torch.tensor([0, 1, 2]))
    assert loss.dtype == torch.float32
    # The network's output is of the size of the target, and bfloat16 rounds it to 2⁻⁸ of itself a few times over.
    torch.testing.assert_close(loss, wanted, rtol=0.1, atol=0)
    same = distillation_loss(net, net, COSINE, x0, t, eps, torch.tensor([3, 3, 3]))  # 3 is what no label is
    assert same.item() == 0


def test_t_zero_is_refused() -> None:
    x0, eps = pair()
    with pytest.raises(ValueError, match="t = 0 is the data itself"):
        diffusion_loss(lambda x, *_: x, COSINE, "v", x0, torch.tensor([5, 0, 7]), eps)


# Learning from a teacher

def test_the_best_student_of_an_exact_teacher_is_the_exact_unlabelled_model() -> None:
    """There the loss is flat whichever way the student is bent: here, along its own output and along its input."""
    n, t = 40_000, 600
    labels = torch.arange(60) % 6
    points = torch.randn(6, 2, generator=generator(1))[labels] + 0.3 * torch.randn(60, 2, generator=generator(2))
    exact = ExactDenoiser(points, COSINE, labels)
    rows = torch.randint(60, (n,), generator=generator(3))
    eps = torch.randn(n, 2, generator=generator(4))

    def slopes(scale: float) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss's slope along both directions at scale·(exact model), and the standard error of each."""
        x_t = COSINE.add_noise(points[rows], t, eps)
        bend = torch.zeros(2, requires_grad=True)

        def student(x, time, cond):
            assert cond is None
            return (scale + bend[0]) * exact(x, t).x0_hat + bend[1] * x

        loss = distillation_loss(student, lambda x, time, label: exact(x, t, label).x0_hat, COSINE, points[rows],
                                 torch.full((n,), t), eps, labels[rows])
        error = scale * exact(x_t, t).x0_hat - exact(x_t, t, labels[rows]).x0_hat
        each = torch.stack([2 * (error * direction).mean(1) for direction in (exact(x_t, t).x0_hat, x_t)])
        return torch.autograd.grad(loss, bend)[0], each.std(1) / math.sqrt(n)

    slope, std_error = slopes(1.0)
    assert (slope.abs() < 4 * std_error).all()  # a right loss fails one seed in 8,000; this one is fixed
    slope, std_error = slopes(0.97)
    assert (slope.abs() > 8 * std_error).any()  # the test would see a student that is off by 3 %


def test_nothing_is_learnt_by_the_teacher() -> None:
    x0, eps = pair(dtype=torch.float32)
    strength, share = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    loss = distillation_loss(lambda x, *_: share * x, lambda x, *_: 0.5 * strength * x, COSINE, x0,
                             torch.tensor([1, 2, 3]), eps, torch.zeros(3, dtype=torch.int64))
    loss.backward()
    assert strength.grad is None and share.grad is not None


def test_teacher_and_student_are_asked_about_x_t_at_the_networks_clock() -> None:
    """Both learn with the clock of every network, 1000·t/T, and only the teacher is told the label."""
    x0, eps = pair()
    t, label, seen = torch.tensor([1, 20, 50]), torch.tensor([3, 1, 4]), []

    def net(x: torch.Tensor, time: torch.Tensor, cond: torch.Tensor | None) -> torch.Tensor:
        seen.append((x, time.tolist(), cond))
        return x

    distillation_loss(net, net, cosine(50), x0, t, eps, label)
    for x, time, _ in seen:
        assert torch.equal(x, cosine(50).add_noise(x0, t, eps)) and time == [20.0, 400.0, 1000.0]
    assert [cond for *_, cond in seen] == [label, None]


# The times of a batch

@pytest.mark.parametrize("n", [1, 8, 50, 1000])
def test_a_batch_has_one_time_in_each_of_n_equal_parts(n: int) -> None:
    for seed in range(5):
        t = spread_times(n, 1000, generator(seed))
        assert t.dtype == torch.int64 and t.shape == (n,)
        assert sorted(((t - 1) * n // 1000).tolist()) == list(range(n))


def test_the_generator_alone_decides_the_times() -> None:
    """Otherwise a run that is resumed, or repeated, would train on other times."""
    assert torch.equal(spread_times(50, 1000, generator(3)), spread_times(50, 1000, generator(3)))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_each_time_on_its_own_has_the_distribution_asked_for(power: float) -> None:
    """χ² of the first time of 20,000 batches over 1…10 against P(t ≤ k) = (k/10)^power; uniform at 1."""
    first = torch.tensor([int(spread_times(4, 10, generator(seed), power)[0]) for seed in range(20_000)])
    counts = torch.bincount(first, minlength=11)
    assert counts[0] == 0 and len(counts) == 11
    expected = 20_000 * (torch.arange(11) / 10).double().pow(power).diff()
    # a right sampler fails one seed in 10,000; this one is fixed
    assert stats.chisquare(counts[1:].numpy(), expected.numpy()).pvalue > 1e-4


def test_a_power_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="power must be positive, got 0"):
        spread_times(4, 10, generator(0), power=0)


# The weights of the bound

@schedules
@targets
def test_eq_error_factors(schedule: Schedule, predicts: str) -> None:
    """An output that is off by a known amount moves x̂₀ by that amount times √c_t."""
    x0, eps = pair()
    t = torch.tensor([1, 500, 999])
    signal, noise = schedule.at(t, like=x0)
    error = torch.randn(x0.shape, generator=generator(3), dtype=x0.dtype)
    output = target(predicts, x0, eps, signal, noise) + error
    x0_hat, _ = split(predicts, output, schedule.add_noise(x0, t, eps), signal, noise)
    moved = (x0_hat - x0).square().flatten(1).sum(1)
    wanted = x0_factor(schedule, predicts, t) * error.square().flatten(1).sum(1)
    # x̂₀ − x_0 is a difference of numbers of size 1, so it keeps an absolute error of about 1e-16·(1/signal or 1/noise);
    # the smallest √c_t here is 1e-3 (flow at t = 1): 1e-9 of the square is ample.
    torch.testing.assert_close(moved, wanted, rtol=1e-9, atol=0)


@schedules
def test_eq_bound_x0(schedule: Schedule) -> None:
    """½(SNR_s − SNR_t) is (distance of the means)²/(2u²), with the means and u of the sampler's own update."""
    t = torch.arange(2, 1000)
    s, one = t - 1, torch.ones(len(t), dtype=torch.float64)
    u = posterior_std(schedule, t, s)
    means = [update(schedule, one, t, s, D, u=u, std=0.0) for D in (one, 0 * one)]
    # SNR_s − SNR_t and 1 − SNR_t/SNR_s lose as many digits as the two agree in: at most 4 of 16 over one of 1,000 steps,
    # and the means lose as many again.
    torch.testing.assert_close(bound_weight(schedule, t), (means[0] - means[1]) ** 2 / (2 * u**2), rtol=1e-7, atol=0)


@pytest.mark.parametrize("schedule", [linear(1000), COSINE], ids=["linear", "cosine"])
def test_eq_bound_eps(schedule: Schedule) -> None:
    """The weight on ε in Ho et al. 2020, eq. 12, with σ_t² = β̃_t."""
    t = torch.arange(2, 1001)
    beta, alpha, alpha_bar = schedule.beta, schedule.alpha, schedule.alpha_bar
    posterior = beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])
    wanted = beta[t] ** 2 / (2 * posterior * alpha[t] * (1 - alpha_bar[t]))
    # β_t is about 1e-4 at the start and is a difference of numbers of size 1: 12 digits left, 10 asked for
    torch.testing.assert_close(bound_weight(schedule, t, "eps"), wanted, rtol=1e-10, atol=0)


@schedules
@targets
def test_eq_min_snr(schedule: Schedule, predicts: str) -> None:
    """An output that is off by a known amount costs min(SNR, γ) times what that is as an error of x̂₀, on either side of γ."""
    x0, eps = pair()
    t = torch.tensor([100, 500, 950])
    assert (schedule.snr[t[0]] > 5) and (schedule.snr[t[2]] < 1)
    signal, noise = schedule.at(t, like=x0)
    error = torch.randn(x0.shape, generator=generator(3), dtype=x0.dtype)
    output = target(predicts, x0, eps, signal, noise) + error
    x0_hat, _ = split(predicts, output, schedule.add_noise(x0, t, eps), signal, noise)
    for settings in ({}, {"cap": 1.5}, {"cap": 0.5}):
        cost = min_snr_weight(schedule, predicts, t, **settings) * error.square().flatten(1).sum(1)
        wanted = schedule.snr[t].clamp(max=settings.get("cap", 5.0)) * (x0_hat - x0).square().flatten(1).sum(1)
        torch.testing.assert_close(cost, wanted, rtol=1e-9, atol=0)  # as in test_eq_error_factors


def test_min_snr_where_no_signal_is_left() -> None:
    """The SNR is 0, and of the targets ε alone, which is no error of x_0 there, keeps a weight: SNR/SNR."""
    schedule = SCHEDULES["flow"](10)
    weights = {predicts: float(min_snr_weight(schedule, predicts, 10)) for predicts in PREDICTS}
    assert weights == {"eps": 1, "x0": 0, "v": 0, "flow": 0}


@pytest.mark.parametrize("cap", [0.0, -1.0, math.inf, math.nan])
def test_a_cap_that_is_none_is_refused(cap: float) -> None:
    with pytest.raises(ValueError, match="cap must be a finite number above 0, got"):
        min_snr_weight(COSINE, "v", 5, cap)


@targets
def test_one_bound_whatever_the_network_predicts(predicts: str) -> None:
    t = torch.arange(2, 1001)
    per_x0 = bound_weight(COSINE, t, predicts) / x0_factor(COSINE, predicts, t)
    torch.testing.assert_close(per_x0, bound_weight(COSINE, t), rtol=1e-12, atol=0)


def test_weights_refuse_what_has_none() -> None:
    with pytest.raises(ValueError, match="2…1000, got t = 1"):
        bound_weight(COSINE, torch.tensor([1, 5]))
    with pytest.raises(ValueError, match="t = 0 is the data itself"):
        x0_factor(COSINE, "v", 0)
    with pytest.raises(ValueError, match="Did you mean 'eps'"):
        x0_factor(COSINE, "epsilon", 3)


def test_eq_mean_difference() -> None:
    """The two means of the sampler's update differ by √ᾱ_s·(1 − SNR_t/SNR_s) times the difference of the estimates."""
    t = torch.arange(2, 1001)
    alpha_bar, one = COSINE.alpha_bar, torch.ones(999, dtype=torch.float64)
    shrink = 1 - COSINE.snr[t] / COSINE.snr[t - 1]
    u = posterior_std(COSINE, t, t - 1)
    torch.testing.assert_close(u**2, (1 - alpha_bar[t - 1]) * shrink, rtol=1e-9, atol=0)
    difference = update(COSINE, one, t, t - 1, one, u=u, std=0.0) - update(COSINE, one, t, t - 1, 0 * one, u=u, std=0.0)
    # the two means are of size 1 and their difference is as small as 1e-3 at the noisy end: 1e-16/1e-3, and some more
    torch.testing.assert_close(difference, alpha_bar[t - 1].sqrt() * shrink, rtol=1e-9, atol=1e-12)


def test_eq_v_target() -> None:
    x0, eps = pair()
    signal, noise = COSINE.at(300, like=x0)
    a, b = math.sqrt(float(COSINE.alpha_bar[300])), math.sqrt(1 - float(COSINE.alpha_bar[300]))
    torch.testing.assert_close(target("v", x0, eps, signal, noise), a * eps - b * x0, rtol=0, atol=1e-14)
