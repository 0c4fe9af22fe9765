"""A denoiser that is told what was observed, against the exact posterior of a linear-Gaussian series."""

from __future__ import annotations

import pytest
import torch
from cases import constant, random

from diffusion_utils.conditions import Condition
from diffusion_utils.data.electricity import toy_lags
from diffusion_utils.data.windows import clock
from diffusion_utils.denoiser import Prediction
from diffusion_utils.forecast import frame_of, walk
from diffusion_utils.guidance import observed
from diffusion_utils.networks import WindowGaussian
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import Schedule, cosine

C, L = 2, 8
SCHEDULE = cosine(1000)


def toy() -> WindowGaussian:
    gaussian = WindowGaussian(C, L, level=0.0, nugget=0.05)
    gaussian.lags.copy_(toy_lags(L, C))
    return gaussian


def exact_denoiser(gaussian: WindowGaussian, schedule: Schedule):
    """E[x_0 given x_t where it is missing, and what the condition says is known]: what a perfect network would answer.

    Given the observed, x_0 is N(m, K), and x_t = signal·x_0 + noise·ε: so x̂₀ is
    m + signal·K·(signal²·K + noise²)⁻¹·(x_t − signal·m).
    """
    solved = {}

    def solve(missing: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not solved:
            whole = gaussian.covariance()
            weights = torch.linalg.lstsq(whole[~missing][:, ~missing], whole[~missing][:, missing]).solution
            solved["both"] = weights, *torch.linalg.eigh(whole[missing][:, missing] - whole[missing][:, ~missing] @ weights)
        return solved["both"]

    def denoise(x_t: torch.Tensor, t: int, cond: Condition = None) -> Prediction:
        known, mask = cond["known"], cond["mask"]
        missing = (mask[0] == 0).flatten()
        signal, noise = float(schedule.signal[t]), float(schedule.noise[t])
        x0_hat = torch.zeros_like(x_t).flatten(1)
        x0_hat[:, ~missing] = 77.0  # nobody asks
        if bool(missing.any()):
            weights, variance, axes = solve(missing)
            mean = known.flatten(1)[:, ~missing].double() @ weights
            along = (x_t.flatten(1)[:, missing].double() - signal * mean) @ axes
            x0_hat[:, missing] = (mean + signal * variance / (signal**2 * variance + noise**2) * along @ axes.T).to(x_t)
        x0_hat = x0_hat.view_as(x_t)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    return denoise


MASKS = {"forecast": torch.cat([torch.ones(C, L - 3), torch.zeros(C, 3)], 1),
         "gaps": (torch.arange(C * L).view(C, L) % 3 > 0).float(),
         "channel": torch.tensor([1.0, 0.0])[:, None].expand(C, L)}


SOLVER = Sampler("dpmpp_2m", steps=60, spacing="log_snr")


@pytest.mark.parametrize(("name", "sampler"), [*((name, SOLVER) for name in MASKS), ("gaps", Sampler("ddpm", steps=250))])
def test_samples_have_the_mean_and_covariance_of_the_exact_posterior(name, sampler) -> None:
    gaussian, mask, n = toy(), MASKS[name], 4000 if sampler.sampler == "dpmpp_2m" else 1000
    values = torch.randn(1, C, L, generator=torch.Generator().manual_seed(3)).expand(n, -1, -1).contiguous()
    told = observed(exact_denoiser(gaussian, SCHEDULE), SCHEDULE, values, mask[None])
    *_, last = sample(told, SCHEDULE, (n, C, L), sampler)
    missing = (mask == 0).flatten()
    x, left = last.x_t.flatten(1), gaussian.covariance_left(mask)
    mean, _ = gaussian.fill(values[:1], mask[None])
    assert torch.equal(x[:, ~missing], values.flatten(1)[:, ~missing])
    # five standard errors of n samples, and 1 % of a standard deviation (2 % of a covariance) for the steps of the solver
    std = left.diagonal().sqrt()
    off = (x[:, missing].double().mean(0) - mean[0].flatten()[missing]).abs()
    assert (off < 5 * std / n**0.5 + 0.01 * std).all()
    error = ((std**2 * std[:, None] ** 2 + left**2) / n).sqrt()
    assert ((torch.cov(x[:, missing].T.double()) - left).abs() < 5 * error + 0.02 * std * std[:, None]).all()


def test_all_observed_returns_what_is_known_and_nothing_observed_is_the_plain_denoiser() -> None:
    known, x_t = random(2, C, L), random(2, C, L, seed=1)
    plain = constant(random(2, C, L, seed=2))
    for sampler in ("ddim", "ddpm", "dpmpp_2m", "dpmpp_2m_sde", "heun"):
        told = observed(plain, SCHEDULE, known.float(), torch.ones(1, C, L))
        *_, last = sample(told, SCHEDULE, (2, C, L), Sampler(sampler, steps=7))
        assert torch.equal(last.x_t, known.float())
    free = observed(plain, SCHEDULE, known, torch.zeros(1, C, L))(x_t, 500)
    assert torch.equal(free.x0_hat, plain(x_t, 500).x0_hat)


def test_the_network_is_told_what_is_known_and_only_that() -> None:
    """Pitfall 5: a mask the other way round, or hidden values among the known ones, would both train and run."""
    asked = {}

    def spy(x_t, t, cond=None):
        asked.update(cond)
        return Prediction(torch.zeros_like(x_t), x_t)

    known, mask, side = random(2, C, L), MASKS["gaps"].bool(), random(2, 3, L)
    found = observed(spy, SCHEDULE, known, mask[None], side)(random(2, C, L, seed=1), 500, {"label": torch.tensor([1, 2])})
    assert set(asked) == {"known", "mask", "side", "label"} and asked["side"] is side
    assert torch.equal(asked["mask"], mask.double().expand(2, -1, -1)) and torch.equal(asked["known"], known * mask)
    assert torch.equal(found.x0_hat, known * mask)
    signal, noise = SCHEDULE.signal[500], SCHEDULE.noise[500]
    torch.testing.assert_close(signal * found.x0_hat + noise * found.eps_hat, random(2, C, L, seed=1))


@pytest.mark.parametrize(("known", "mask", "says"), [
    (torch.full((1, C, L), torch.nan), torch.zeros(1, C, L), "known must be finite"),  # pitfall 6, also where it is missing
    (torch.zeros(1, C, L), torch.full((1, C, L), 0.5), "mask must hold 1 where"),
    (torch.zeros(1, C, L), torch.zeros(1, C, L + 1), "does not fit")])
def test_what_cannot_be_observed_is_refused(known, mask, says) -> None:
    with pytest.raises(ValueError, match=says):
        observed(constant(known), SCHEDULE, known, mask)


def test_a_state_of_another_shape_is_refused() -> None:
    told = observed(constant(torch.zeros(1, C, L)), SCHEDULE, torch.zeros(1, C, L), torch.zeros(1, C, L))
    with pytest.raises(ValueError, match="x_t must have the shape of known"):
        told(torch.zeros(2, C, L), 500)


def test_windows_drawn_in_the_frame_of_the_gaussian_have_its_posterior() -> None:
    """What is diffused is what the Gaussian leaves, of unit variance: with the exact denoiser of that, its samples come out."""
    gaussian, mask, n = toy(), MASKS["forecast"], 4000
    missing = (mask == 0).flatten()
    left = gaussian.covariance_left(mask)
    std = left.diagonal().sqrt()
    correlation = left / std / std[:, None]

    def denoise(x_t, t, cond=None):
        signal, noise = float(SCHEDULE.signal[t]), float(SCHEDULE.noise[t])
        gain = signal * correlation @ torch.linalg.inv(signal**2 * correlation + noise**2 * torch.eye(len(std)).double())
        x0_hat = torch.zeros_like(x_t).flatten(1)
        x0_hat[:, missing] = (x_t.flatten(1)[:, missing].double() @ gain.T).to(x_t)
        x0_hat = x0_hat.view_as(x_t)
        return Prediction(x0_hat, (x_t - signal * x0_hat) / noise)

    values = torch.randn(1, C, L, generator=torch.Generator().manual_seed(3)).expand(n, -1, -1)
    cond = {"known": mask * values, "mask": mask.expand(n, -1, -1), "clock": clock(torch.zeros(n, dtype=torch.int64), L)}
    *_, last = walk(denoise, SCHEDULE, cond, SOLVER, gaussian, 0, range(n))
    frame = frame_of(cond["known"][:1], cond["mask"][:1], cond["clock"][:1], gaussian)
    scale = frame.spread[0].flatten()[missing].double()
    x = last.x_t.flatten(1)[:, missing].double()
    assert ((x.mean(0) - frame.centre[0].flatten()[missing]).abs() < 5 * scale / n**0.5 + 0.01 * scale).all()
    wanted = correlation * scale * scale[:, None]
    error = ((scale**2 * scale[:, None] ** 2 + wanted**2) / n).sqrt()
    assert ((torch.cov(x.T) - wanted).abs() < 5 * error + 0.02 * scale * scale[:, None]).all()
