"""How much of the answer float32 and bfloat16 keep, and schedules at the edges of what they may be.

The tables are float64 and are cast after they are read, so that what is lost is lost in the arithmetic on x alone.
Rounding to the nearest number changes a number by a share of at most 2⁻²⁴ = 6e-8 in float32 and 2⁻⁹ = 2e-3 in bfloat16.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.denoiser import PREDICTS, Denoiser, Prediction, split, target
from diffusion_utils.devices import pick_device
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.losses import diffusion_loss
from diffusion_utils.sampling import SAMPLERS, Sampler, posterior_std, renoise, sample, step_std, timesteps, update
from diffusion_utils.schedules import Schedule, cosine, flow, from_betas, linear, sigmoid

ROUNDING = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-9}
SCHEDULES = [linear(1000), cosine(1000), sigmoid(1000), flow(1000)]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
every_precision = pytest.mark.parametrize("dtype", ROUNDING, ids=str)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Numbers of a size below 4, float64, that bfloat16 holds exactly: so that only the arithmetic differs."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).clamp(-4, 4)
    return x.to(torch.bfloat16).double()


@every_schedule
@every_precision
def test_the_jump_keeps_its_digits(schedule: Schedule, dtype: torch.dtype) -> None:
    x0, eps = random(2, 1001, 30)
    t = torch.arange(1001)
    found = schedule.add_noise(x0.to(dtype), t, eps.to(dtype))
    assert found.dtype == dtype
    # Five roundings (two factors, two products, the sum) of numbers up to 4 + 4.
    torch.testing.assert_close(found.double(), schedule.add_noise(x0, t, eps), rtol=0, atol=5 * 8 * ROUNDING[dtype])


@every_schedule
@every_precision
@pytest.mark.parametrize(("t", "s"), [(1000, 950), (500, 499), (200, 10), (2, 1), (1, 0)])
def test_a_step_keeps_its_digits(schedule: Schedule, dtype: torch.dtype, t: int, s: int) -> None:
    x_t, D, z = random(3, 200)
    u = posterior_std(schedule, t, s)
    found, wanted = (update(schedule, x_t.to(kind), t, s, D.to(kind), u=u, z=z.to(kind)) for kind in (dtype, torch.float64))
    # Eight roundings of numbers up to 4 + 4 + 4: no factor of x_t, D or z exceeds 1.
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=8 * 12 * ROUNDING[dtype])


@every_schedule
@pytest.mark.parametrize("predicts", PREDICTS)
@pytest.mark.parametrize("t", [1, 300, 900])
def test_conversions_lose_what_they_divide_by(schedule: Schedule, predicts: str, t: int) -> None:
    """In float32: ε-prediction loses digits of x̂₀ where little signal is left, x_0-prediction of ε̂ where little noise is."""
    x0, eps = random(2, 200)
    exact = schedule.at(t, like=x0)
    output, x_t = target(predicts, x0, eps, *exact).float(), schedule.add_noise(x0, t, eps).float()
    x0_hat, eps_hat = split(predicts, output, x_t, *schedule.at(t, like=x_t))
    divisors = {"eps": (exact[0], 1.0), "x0": (1.0, exact[1])}.get(predicts, (0.5, 0.5))
    for found, wanted, divisor in ((x0_hat, x0, divisors[0]), (eps_hat, eps, divisors[1])):
        # Seven roundings of numbers up to 8, the arguments' own included, divided by `divisor`.
        atol = 7 * 8 * ROUNDING[torch.float32] / float(divisor)
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=atol)


DATA = GaussianMixture([[-0.6, 0.2], [0.5, 0.4]], [0.3, 0.4])


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("schedule", SCHEDULES[:3], ids=lambda schedule: schedule.name)
def test_a_walk_in_float32_ends_where_one_in_float64_does(schedule: Schedule, sampler: str) -> None:
    """The denoiser computes in float64; x, the update and the noise are float32 in one walk."""
    x_start = random(500, 2)
    walk = [990, *timesteps(schedule, 20)[1:]]
    denoiser, how = DATA.denoiser(schedule), Sampler(sampler)
    runs = [list(sample(denoiser, schedule, x_start=x_start.to(kind), times=walk, sampler=how))[-1].x_t
            for kind in (torch.float32, torch.float64)]
    # Each of 20 steps adds the 96 roundings above, and between two bumps a walk enlarges differences up to tenfold;
    # Heun's corrector multiplies those of D by σ_t/2σ_s, at most 4 on these walks.
    limit = 20 * 96 * 10 * ROUNDING[torch.float32] * (4 if sampler == "heun" else 1)
    assert float((runs[0].double() - runs[1]).abs().max()) < limit


@pytest.mark.skipif(pick_device().type == "cpu", reason="this computer has no other device than its CPU")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_walk_on_another_device_ends_where_one_on_the_cpu_does(sampler: str) -> None:
    """The noise is that of the CPU, to the bit; only x̂₀ and the update are computed elsewhere."""
    schedule, mean, std = cosine(1000), 0.4, 0.5

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        """Of independent N(mean, std²) numbers, elementwise."""
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        x0_hat = mean + signal * std**2 / (signal**2 * std**2 + noise**2) * (x_t - signal * mean)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    walks = [list(sample(denoise, schedule, (50, 4), Sampler(sampler, steps=20), seed=3, device=device))
             for device in ("cpu", pick_device())]
    for here, there in zip(*walks, strict=True):
        # The noise lies within 5, so that each of 20 steps adds at most the 96 roundings above; this denoiser enlarges
        # differences by no more than 1/std, and Heun's corrector multiplies those of D by σ_t/2σ_s, at most 4.
        limit = 20 * 96 / std * ROUNDING[torch.float32] * (4 if sampler == "heun" else 1)
        assert float((here.x_t - there.x_t.cpu()).abs().max()) < limit


def test_bfloat16_is_enough_for_the_loss_but_not_for_x() -> None:
    """Why training may use bfloat16 inside the network, while x_t and the update stay in float32."""
    schedule = cosine(1000)
    x0, eps = random(2, 256, 8)
    t = torch.arange(1, 1001, 1000 // 256)[:256]

    def loss(kind: torch.dtype) -> float:
        net = lambda x, time, cond: (0.5 * x.to(kind)).float()  # noqa: E731
        return float(diffusion_loss(net, schedule, "v", x0.float(), t, eps.float()))

    assert loss(torch.bfloat16) == pytest.approx(loss(torch.float32), rel=4 * ROUNDING[torch.bfloat16])

    def share_that_moves(kind: torch.dtype) -> float:
        """The share of the 1,000 steps that change x at all, for a network that says x̂₀ = 0."""
        x, moved = torch.full((1,), 1.0, dtype=kind), 0
        for t in range(1000, 1, -1):
            following = update(schedule, x, t, t - 1, torch.zeros_like(x))
            moved += int(following != x)
            x = following
        return moved / 999

    assert share_that_moves(torch.float32) > 0.95 and share_that_moves(torch.bfloat16) < 0.6


# Schedules at the edges


def finite(schedule: Schedule) -> None:
    """Everything that can be read off a schedule is a number, but for the SNR of the data, which is infinite."""
    for name in ("signal", "noise", "alpha_bar", "alpha", "beta"):
        assert torch.isfinite(getattr(schedule, name)).all(), name
    assert torch.isfinite(schedule.snr[1:]).all() and schedule.snr[0] == math.inf
    t = torch.arange(1, schedule.T + 1)
    for std in (posterior_std(schedule, t, t - 1), step_std(schedule, t, t - 1)):
        assert torch.isfinite(std).all() and (std >= 0).all()
    assert (posterior_std(schedule, t, t - 1) <= schedule.noise[t - 1]).all()


@pytest.mark.parametrize("T", [10, 11, 20, 50, 100, 500, 1000, 4000, 10_000])
def test_cosine_of_any_length(T: int) -> None:
    schedule = cosine(T)
    finite(schedule)
    assert schedule.T == T
    t = torch.arange(T + 1, dtype=torch.float64) / T
    wanted = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    # A product of T ratios, a rounding each; the last β is capped, nothing else.
    torch.testing.assert_close(schedule.alpha_bar[:-1], wanted[:-1], rtol=0, atol=4 * T * torch.finfo(torch.float64).eps)
    assert float(schedule.beta.max()) <= 0.999 + 1e-12 and float(schedule.beta[-1]) == pytest.approx(0.999, abs=1e-9)
    assert float(schedule.beta[1]) > 0 and float(schedule.signal[-1]) < 0.02
    walk = timesteps(schedule, 10)
    *_, last = sample(zero, schedule, (2, 3), times=walk, sampler=Sampler("ddpm"))
    assert torch.isfinite(last.x_t).all()


def zero(x_t: Tensor, t: int, cond=None) -> Prediction:
    return Prediction(torch.zeros_like(x_t), x_t)


@pytest.mark.parametrize("betas", [[1e-12] * 3, [1e-9, 0.5, 1e-9], [1 - 1e-12, 0.5, 0.5], [0.999] * 50, [1e-8, 1.0],
                                   [1e-15, 0.9]], ids=str)
def test_betas_near_zero_and_one(betas: list[float]) -> None:
    schedule = from_betas(torch.tensor(betas, dtype=torch.float64), allow_signal_left=True)
    finite(schedule)
    # β comes back to the rounding of 1 − β, relative to it where ᾱ is small.
    torch.testing.assert_close(schedule.beta[1:], torch.tensor(betas, dtype=torch.float64), rtol=0, atol=1e-15)
    for sampler in SAMPLERS:
        *_, last = sample(zero, schedule, (2, 3), Sampler(sampler, steps=schedule.T))
        assert torch.isfinite(last.x_t).all(), sampler


def test_a_beta_too_small_to_be_noticed_is_refused() -> None:
    """1 − 1e-17 is 1 in float64: there would be no noise in the first row."""
    with pytest.raises(ValueError, match="noise > 0"):
        from_betas(torch.tensor([1e-17, 0.9]), allow_signal_left=True)


ZERO_SNR = from_betas(torch.tensor([0.1, 0.4, 0.8, 1.0]), "zero terminal SNR")


def test_zero_terminal_snr_is_finite_wherever_it_can_be() -> None:
    finite(ZERO_SNR)
    assert ZERO_SNR.signal[-1] == 0 and ZERO_SNR.log_snr[-1] == -math.inf
    x, D = random(2, 4, 3)
    for s in range(4):
        assert torch.isfinite(update(ZERO_SNR, x, 4, s, D, u=posterior_std(ZERO_SNR, 4, s), z=D)).all()
        if s:
            # Nothing of x_s is left in x_T: x_T is pure noise, and the posterior is the marginal of x_s.
            torch.testing.assert_close(renoise(ZERO_SNR, x, s, 4, D), D, rtol=0, atol=0)
            assert float(posterior_std(ZERO_SNR, 4, s)) == pytest.approx(float(ZERO_SNR.noise[s]), abs=1e-15)
    for predicts in ("x0", "v", "flow"):
        prediction = Denoiser(lambda x, time, cond: 0.3 * x, ZERO_SNR, predicts)(x, 4)
        assert torch.isfinite(prediction.x0_hat).all() and torch.isfinite(prediction.eps_hat).all()


# A time for each sample


@every_schedule
@every_precision
def test_a_time_for_each_sample_is_the_same_as_one_by_one(schedule: Schedule, dtype: torch.dtype) -> None:
    t, s = torch.tensor([1000, 700, 300, 2, 1]), torch.tensor([999, 100, 250, 0, 0])
    x, D, z = random(3, 5, 2, 3).to(dtype)
    std = posterior_std(schedule, t, s)
    together = update(schedule, x, t, s, D, u=std, z=z)
    jumped = schedule.add_noise(D, t, z)
    up = renoise(schedule, x[3:], s[1:3], t[1:3], z[3:])
    for i in range(5):
        one = slice(i, i + 1)
        alone = update(schedule, x[one], int(t[i]), int(s[i]), D[one], u=std[i], z=z[one])
        assert torch.equal(together[one], alone)
        assert torch.equal(jumped[one], schedule.add_noise(D[one], int(t[i]), z[one]))
    for i in (0, 1):
        one = slice(i, i + 1)
        assert torch.equal(up[one], renoise(schedule, x[3:][one], int(s[1 + i]), int(t[1 + i]), z[3:][one]))
