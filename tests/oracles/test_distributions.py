"""Every sampler, spacing and kind of noise on data whose distribution is known: what comes out has that distribution.

The denoiser is exact, so that nothing but the sampler can be wrong. Three tests on each set of N samples:
mean, covariance and fourth moments against the closed form, and the empirical characteristic function against the exact one,
which shows differences that no moment does (Epps and Singleton 1986). Tests below show which mistakes they see.

FALSE_ALARMS is the chance that right samplers fail any of the comparisons of this file, for a seed drawn at random; it is
shared out evenly (Bonferroni). The seed is fixed, so that the answer is always the same one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from cases import states_of
from scipy import stats
from torch import Tensor

from diffusion_utils.denoiser import Prediction
from diffusion_utils.exact import GaussianMixture
from diffusion_utils.schedules import Schedule, cosine, flow

N = 2000
FALSE_ALARMS = 1e-3
DATA = {
    "Gaussian, 1-d": GaussianMixture([[0.4]], [0.5]),
    "mixture, 1-d": GaussianMixture([[-1.0], [0.8]], [0.3, 0.2], [0.4, 0.6]),
    "mixture, 2-d": GaussianMixture([[-0.9, 0.3], [0.6, 0.6], [0.2, -0.9]], [0.25, 0.3, 0.25], [0.5, 0.3, 0.2]),
    "mixture, 16-d": GaussianMixture(torch.linspace(0, 40, 48).sin().reshape(3, 16), [0.3, 0.4, 0.25]),
}
# A first-order walk makes the variance wrong in proportion to 1/steps: on a Gaussian by up to 3 % with 500 steps even in λ,
# no more than the standard error √(2/N) of a variance. Solvers of the second order need fewer steps, but with more than DDPM's
# fresh noise each step leaves out more of the variance.
SETTINGS = {
    "ddpm": {"sampler": "ddpm", "steps": 500},
    "ddpm, large variance": {"sampler": "ddpm", "variance": "large", "steps": 500},
    "ddim": {"sampler": "ddim", "steps": 500},
    "ddim, η = 0.5": {"sampler": "ddim", "eta": 0.5, "steps": 500},
    "dpmpp_2m": {"sampler": "dpmpp_2m", "steps": 60},
    "dpmpp_2m_sde": {"sampler": "dpmpp_2m_sde", "steps": 200},
    "dpmpp_2m_sde, η = 0.5": {"sampler": "dpmpp_2m_sde", "eta": 0.5, "steps": 200},
    "dpmpp_2m_sde, η = 0.9, 1.8": {"sampler": "dpmpp_2m_sde", "eta": (0.9, 1.8), "eta_border": 0.3, "steps": 500},
    "heun": {"sampler": "heun", "steps": 60},
}
SCHEDULES = {"cosine": cosine(1000), "flow": flow(1000)}
PLACES = [("cosine", "uniform"), ("cosine", "late"), ("flow", "uniform"), ("flow", "log_snr")]
RUNS = [(data, "cosine", "log_snr") for data in DATA] + [("mixture, 2-d", *place) for place in PLACES]
TESTS = 4 * len(RUNS) * len(SETTINGS)                            # three moments and the characteristic function


def exact(data: GaussianMixture, schedule: Schedule) -> Callable[..., Prediction]:
    """E[x_0 given x_t] of the mixture by conjugacy, in a form that needs no signal: (…, D) → Prediction."""

    def denoise(x_t: Tensor, t: int, cond=None) -> Prediction:
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        now, x = data.marginal(signal, noise), x_t.reshape(-1, x_t.shape[-1]).double()
        posterior = now._log_joint(x).softmax(1)                                     # (B, K), of the components
        pull = signal * (data.stds / now.stds) ** 2                                  # (K,)
        x0_hat = (posterior * (1 - signal * pull)) @ data.means + (posterior @ pull)[:, None] * x
        x0_hat = x0_hat.reshape(x_t.shape).to(x_t.dtype)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    return denoise


def samples(data: GaussianMixture, schedule: Schedule, **settings) -> Tensor:
    """float64 (N, D). Ten rows of N/10 each: the noise of a row is one draw, which is quicker than N."""
    shape = (10, N // 10, data.means.shape[1])
    last = states_of(exact(data, schedule), schedule, shape, **settings)[-1]
    return last.x_t.double().reshape(N, -1)


def deviations(found: Tensor, known: Tensor) -> float:
    """The largest deviation of a column's mean from what is known, in standard errors. found: (N, M); known: (M,)."""
    return float(((found.mean(0) - known) / (found.std(0) / N**0.5)).abs().max())


def moments(x: Tensor, data: GaussianMixture) -> dict[str, tuple[float, int]]:
    """For mean, covariance, fourth moments: the largest deviation in standard errors, and of how many numbers."""
    centre = data.mix @ data.means
    d, shift = x.shape[1], data.means - centre
    between = torch.einsum("k,ki,kj->ij", data.mix, shift, shift)
    covariance = between + torch.eye(d, dtype=torch.float64) * (data.mix @ data.stds**2)
    variance = data.stds[:, None] ** 2
    fourth = data.mix @ (3 * variance**2 + 6 * variance * shift**2 + shift**4)
    i, j = torch.triu_indices(d, d)
    x = x - centre
    return {"mean": (deviations(x, torch.zeros(d)), d),
            "covariance": (deviations(x[:, i] * x[:, j], covariance[i, j]), len(i)),
            "fourth moment": (deviations(x**4, fourth), d)}


def spectrum(x: Tensor, data: GaussianMixture) -> float:
    """p-value: are these draws of `data`? From the mean of cos(ω·x) and sin(ω·x) at 8 frequencies, whose exact values are
    the characteristic function of the mixture. By the central limit theorem the sum of their
    squared deviations, in standard errors along the axes of their covariance, is χ² for right samples."""
    d = x.shape[1]
    generator = torch.Generator().manual_seed(7)
    width = float((data.moments()[1].sum()) ** 0.5)  # ω·x turns by about one radian over the width of the data
    omega = torch.randn((d, 8), generator=generator, dtype=torch.float64) * 1.5 / width
    waves = torch.cat([(x @ omega).cos(), (x @ omega).sin()], 1)
    size = data.mix[:, None] * (-0.5 * data.stds[:, None] ** 2 * omega.square().sum(0)).exp()
    phase = data.means @ omega
    known = torch.cat([(size * phase.cos()).sum(0), (size * phase.sin()).sum(0)])
    size, direction = torch.linalg.eigh(waves.T.cov())
    kept = size > 1e-3 * size[-1]  # in one dimension some are nearly combinations of others: no news, but long tails
    scores = (waves.mean(0) - known) @ direction[:, kept] / (size[kept] / N).sqrt()
    return float(stats.chi2.sf(float(scores.square().sum()), int(kept.sum())))


def faults(x: Tensor, data: GaussianMixture) -> list[str]:
    """What is significantly wrong with these samples, if anything."""
    found = []
    for name, (largest, numbers) in moments(x, data).items():
        limit = stats.norm.isf(FALSE_ALARMS / TESTS / numbers / 2)
        if largest > limit:
            found.append(f"{name}: {largest:.1f} standard errors off, allowed {limit:.1f}")
    p = spectrum(x, data)
    if p < FALSE_ALARMS / TESTS:
        found.append(f"characteristic function: p = {p:.1e}, allowed {FALSE_ALARMS / TESTS:.1e}")
    return found


@pytest.mark.parametrize(("data", "schedule", "spacing"), RUNS, ids=lambda value: value)
@pytest.mark.parametrize("settings", SETTINGS)
def test_every_sampler_reaches_the_data(data: str, schedule: str, spacing: str, settings: str) -> None:
    found = samples(DATA[data], SCHEDULES[schedule], spacing=spacing, **SETTINGS[settings])
    assert faults(found, DATA[data]) == []


MISTAKES = {
    "shifted by a fifth of its spread": lambda x, z: x + 0.2 * x.std(),
    "a tenth too wide": lambda x, z: x.mean(0) + 1.1 * (x - x.mean(0)),
    "noise left on it": lambda x, z: x + 0.5 * x.std() * z,
    "noise multiplied twice": lambda x, z: x.mean(0) + (x - x.mean(0)) * z,
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_seen(data: GaussianMixture, mistake: Callable) -> None:
    """The comparisons have the power to fail: right samples pass, slightly wrong ones do not."""
    generator = torch.Generator().manual_seed(11)
    right = data.draw(N, generator)
    assert faults(right, data) == []
    assert faults(mistake(right, torch.randn(right.shape, generator=generator, dtype=torch.float64)), data) != []


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_the_shape_test_raises_no_more_false_alarms_than_it_says(data: GaussianMixture) -> None:
    """On 400 sets of right samples the p-value lies below 0.1 in a tenth of the cases: within five standard errors."""
    alarms = [spectrum(data.draw(N, torch.Generator().manual_seed(seed)), data) < 0.1 for seed in range(400)]
    assert sum(alarms) / 400 == pytest.approx(0.1, abs=5 * (0.1 * 0.9 / 400) ** 0.5)


def test_only_the_shape_test_sees_a_wrong_shape_of_the_right_moments() -> None:
    """Three atoms with mean 0, variance 1 and fourth moment 3, like N(0, 1): no moment tells, the waves do."""
    data = GaussianMixture([[0.0]], [1.0])
    u = torch.rand((N, 1), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    atoms = 3**0.5 * ((u < 2 / 6).double() - 2 * (u < 1 / 6).double())
    found = faults(atoms, data)
    assert len(found) == 1 and found[0].startswith("characteristic function")
