"""The labelled equations of chapter 1, each under its own name.

Equations about distributions are tested on N draws with a fixed seed. A mean of N standard normal values scatters by
1/√N and their mean square by √(2/N); five such units leave a right result a chance of 6e-7 to fail.
"""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.sampling import renoise, step_std
from diffusion_utils.schedules import SCHEDULES, Schedule, cosine, flow, from_betas, linear, sigmoid

N = 200_000
MEAN, SQUARE = 5 / N**0.5, 5 * (2 / N) ** 0.5
SHORT = from_betas([0.1, 0.3, 0.2, 0.4], allow_signal_left=True)


def draws(seed: int, steps: int = 1) -> torch.Tensor:
    return torch.randn((steps, N), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chain(x0: float, schedule: Schedule, seed: int) -> list[torch.Tensor]:
    """[x_0, …, x_T] of N chains by the definition: one step after the other, with the table's β."""
    path = [torch.full((N,), x0, dtype=torch.float64)]
    for t, eps in enumerate(draws(seed, schedule.T), start=1):
        beta = schedule.beta[t]
        path.append((1 - beta).sqrt() * path[-1] + beta.sqrt() * eps)
    return path


def same_moments(x: torch.Tensor, mean: float, variance: float) -> None:
    """x: N draws. Mean, variance and kurtosis of N(mean, variance)."""
    z = (x - mean) / math.sqrt(variance)
    assert float(z.mean()) == pytest.approx(0, abs=MEAN)
    assert float(z.square().mean()) == pytest.approx(1, abs=SQUARE)
    assert float(z.pow(4).mean()) == pytest.approx(3, abs=5 * (96 / N) ** 0.5)  # z⁴ has the variance 105 − 9


def test_eq_forward_step() -> None:
    """The package's own forward kernel, taken from t − 1 to t, is this step."""
    x, eps = torch.tensor([[0.5, -1.0]], dtype=torch.float64), torch.tensor([[2.0, 0.25]], dtype=torch.float64)
    for t in range(1, 5):
        beta = float(SHORT.beta[t])
        wanted = math.sqrt(1 - beta) * x + math.sqrt(beta) * eps
        torch.testing.assert_close(renoise(SHORT, x, t - 1, t, eps), wanted, rtol=1e-12, atol=1e-12)


def test_eq_forward_kernel() -> None:
    x_t = renoise(SHORT, torch.full((N,), 0.7, dtype=torch.float64), 1, 2, draws(0)[0])
    same_moments(x_t, math.sqrt(0.7) * 0.7, 0.3)
    assert float(step_std(SHORT, 2, 1)) ** 2 == pytest.approx(0.3, rel=1e-12)


def test_eq_forward_chain() -> None:
    """A product of one-step kernels: given x_1, the past x_0 says nothing of x_2, nor does x_1's own noise."""
    x0 = draws(1)[0]
    x1 = renoise(SHORT, x0, 0, 1, draws(2)[0])
    x2 = renoise(SHORT, x1, 1, 2, draws(3)[0])
    left = x2 - math.sqrt(0.7) * x1
    for past in (x0, x1, x1 - math.sqrt(0.9) * x0):
        assert float((left * past).mean()) == pytest.approx(0, abs=MEAN * float(left.std() * past.std()))


def test_eq_mean_square() -> None:
    path = chain(0.5, SHORT, seed=4)
    square = 0.25
    for t in range(1, 5):
        beta = float(SHORT.beta[t])
        square = (1 - beta) * square + beta
        # the variance of x² is 2v² + 4m²v ≤ 4 for mean² + variance = m² + v ≤ 1
        assert float(path[t].square().mean()) == pytest.approx(square, abs=5 * 2 / N**0.5)


def test_eq_alpha_bar() -> None:
    products = [1.0, 0.9, 0.9 * 0.7, 0.9 * 0.7 * 0.8, 0.9 * 0.7 * 0.8 * 0.6]
    assert SHORT.alpha_bar.tolist() == pytest.approx(products, rel=1e-12)


def test_eq_closed_form() -> None:
    x0, eps = torch.tensor([[0.5, -1.0]], dtype=torch.float64), torch.tensor([[2.0, 0.25]], dtype=torch.float64)
    wanted = math.sqrt(0.504) * x0 + math.sqrt(0.496) * eps  # ᾱ_3 = 0.9·0.7·0.8
    torch.testing.assert_close(SHORT.add_noise(x0, 3, eps), wanted, rtol=1e-12, atol=1e-12)


def test_eq_marginal() -> None:
    """The chain, simulated step by step, has the distribution that the closed form claims."""
    for t, x_t in enumerate(chain(-0.8, SHORT, seed=5)[1:], start=1):
        alpha_bar = float(SHORT.alpha_bar[t])
        same_moments(x_t, -0.8 * math.sqrt(alpha_bar), 1 - alpha_bar)


def test_eq_gaussian_sum() -> None:
    first, second = draws(6, steps=2)
    same_moments(0.6 * first - 1.5 * second, 0.0, 0.6**2 + 1.5**2)


def test_eq_snr() -> None:
    for t in range(1, 5):
        alpha_bar = float(SHORT.alpha_bar[t])
        assert float(SHORT.snr[t]) == pytest.approx(alpha_bar / (1 - alpha_bar), rel=1e-12)
    assert flow(4).snr[1:].tolist() == pytest.approx([9, 1, 1 / 9, 0], rel=1e-12)


@pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_eq_log_snr(make) -> None:
    schedule = make(1000)
    middle = slice(1, 1000)  # infinite at the data, and at the end of flow
    wanted = [math.log(a / b) for a, b in zip(schedule.signal[middle].tolist(), schedule.noise[middle].tolist(), strict=True)]
    torch.testing.assert_close(schedule.log_snr[middle], torch.tensor(wanted).double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(schedule.log_snr[middle], schedule.snr[middle].log() / 2, rtol=1e-9, atol=1e-9)


def test_eq_linear() -> None:
    beta = linear().beta
    for t in (1, 2, 500, 1000):
        assert float(beta[t]) == pytest.approx(1e-4 + (t - 1) / 999 * (0.02 - 1e-4), abs=1e-12)


def test_eq_cosine() -> None:
    alpha_bar = cosine().alpha_bar
    for t in (1, 250, 500, 999):
        f, f0 = (math.cos((u / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (t, 0))
        assert float(alpha_bar[t]) == pytest.approx(f / f0, rel=1e-9)


def test_eq_sigmoid() -> None:
    alpha_bar = sigmoid().alpha_bar
    for t in (1, 250, 500, 1000):
        start, now, end = (1 / (1 + math.exp(-x)) for x in (-3, -3 + 6 * t / 1000, 3))
        assert float(alpha_bar[t]) == pytest.approx((end - now) / (end - start), abs=1.1e-6)  # the floor lifts it by 1e-6


def test_eq_flow() -> None:
    schedule = flow(1000)
    for t in (0, 1, 500, 1000):
        assert float(schedule.signal[t]) == pytest.approx(1 - t / 1000, abs=1e-12)
        assert float(schedule.noise[t]) == pytest.approx(t / 1000, abs=1e-12)


@pytest.mark.parametrize("T", [1000, 300, 50])
def test_eq_prior_kl(T: int) -> None:
    """Against PyTorch's divergence of two Gaussians; the approximation is off by D·ᾱ²/4 and higher orders."""
    schedule = linear(T, allow_signal_left=True)
    x0 = torch.rand(784, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 2 - 1
    signal, noise = schedule.at(T, like=x0)
    normal = torch.distributions.Normal
    exact = float(torch.distributions.kl_divergence(normal(signal * x0, noise), normal(0.0, 1.0)).sum())
    a, power, D = float(schedule.alpha_bar[T]), float(x0.square().sum()), len(x0)
    assert (a * power - D * a - D * math.log1p(-a)) / 2 == pytest.approx(exact, rel=1e-9)
    if T == 1000:
        # ᾱ = 4·10⁻⁵, so what is left out, D·ᾱ²/4, is D·ᾱ/(2‖x_0‖²) = 1.5·ᾱ of the rest for pixels spread evenly.
        assert a * power / 2 == pytest.approx(exact, rel=1e-3)


def test_eq_vp_sde() -> None:
    """One step of the chain and one Euler step of length β differ by what is of second order in β."""
    x, eps = torch.tensor([[0.5, -1.0, 1.0], [2.0, 0.25, -1.0]], dtype=torch.float64)
    differences = []
    for beta in (1e-2, 1e-3):
        step = renoise(from_betas([beta], allow_signal_left=True), x, 0, 1, eps)
        differences.append(float((step - (x - beta * x / 2 + math.sqrt(beta) * eps)).abs().max()))
    # √(1 − β) = 1 − β/2 − β²/8 − …: a tenth of β, a hundredth of the difference. The noise term √β·ε is the same in both.
    assert differences[0] == pytest.approx(1e-4 / 8, rel=0.01)
    assert differences[1] == pytest.approx(differences[0] / 100, rel=0.01)
