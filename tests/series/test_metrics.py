"""CRPS, coverage and errors against what they must be for distributions that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from diffusion_utils.metrics.series import (
    block_error,
    coverage,
    evaluate,
    fair_crps,
    sample_quantiles,
    series_figures,
    window_figures,
)


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_crps_is_the_definition() -> None:
    samples, truth = draws(7, 3, 4), draws(3, 4, seed=1)
    apart = (samples[:, None] - samples[None]).abs().sum((0, 1)) / (7 * 6)
    torch.testing.assert_close(fair_crps(samples, truth), (samples - truth).abs().mean(0) - apart / 2)


@pytest.mark.parametrize("m", [2, 5, 64])
def test_crps_does_not_depend_on_the_number_of_samples(m) -> None:
    """Pitfall 9. If truth and samples are N(0, 1) its mean is 1/√π, for two samples as for many."""
    n = 40_000
    found = fair_crps(draws(m, n), draws(n, seed=1))
    # four standard errors; the score with M² in place of M(M − 1) is 1/(√π·M) larger, 0.28 for two samples
    assert abs(float(found.mean()) - 1 / math.sqrt(math.pi)) < 4 * float(found.std()) / math.sqrt(n)


def test_crps_prefers_the_right_spread_and_is_no_absolute_error() -> None:
    truth = draws(5000, seed=1)
    scores = [float(fair_crps(spread * draws(64, 5000), truth).mean()) for spread in (0.3, 1.0, 3.0)]
    assert scores[1] < min(scores[0], scores[2])
    assert scores[1] < 0.8 * float((draws(64, 5000) - truth).abs().mean())


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("m", [16, 64])
def test_a_band_of_right_samples_covers_its_share(share, m) -> None:
    n = 40_000
    found = float(coverage(draws(m, n), draws(n, seed=1), share).double().mean())
    # four standard errors of a share; the plain quantiles of 16 samples would cover 0.03 and 0.09 less. The ends of the band of
    # 90 % lie beyond the first and the last of 16: it is their range, which covers 15/17
    wanted = min(share, (m - 1) / (m + 1))
    # between two samples in order the share is not quite linear: at most 0.01
    assert abs(found - wanted) < 4 * math.sqrt(share * (1 - share) / n) + 0.01


def test_quantiles_are_those_of_what_samples_are_drawn_from() -> None:
    levels, samples = (0.0, 0.05, 0.3, 0.5, 0.95, 1.0), draws(7, 3)
    wanted = np.quantile(samples.numpy(), levels, axis=0, method="weibull")
    np.testing.assert_allclose(sample_quantiles(samples, levels), wanted, rtol=1e-12)


def test_neighbours_that_resemble_make_the_error_larger() -> None:
    """A year of a value that forgets a tenth a day: the mean of n has variance (1 + ρ)/(1 − ρ)/n."""
    noise, rho = draws(4000), 0.8
    values = [noise[0]]
    for kick in noise[1:]:
        values.append(rho * values[-1] + math.sqrt(1 - rho**2) * kick)
    values = torch.stack(values)
    exact = math.sqrt((1 + rho) / (1 - rho) / 4000)
    naive = float(values.std()) / math.sqrt(4000)
    assert naive < 0.4 * exact < 0.7 * exact < block_error(values, block=50) < 1.2 * exact
    assert block_error(values[:3]) >= 0  # fewer values than a block


def case(b: int = 6, m: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mask = torch.ones(b, 2, 48)
    mask[:, :, -24:] = 0
    truth = draws(b, 2, 48).float()
    return draws(b, m, 2, 48, seed=2).float() * (1 - mask[:, None]) + mask[:, None] * truth[:, None], truth, mask


def test_only_what_is_missing_is_measured() -> None:
    samples, truth, mask = case()
    figures = series_figures(samples, truth, mask)
    # 6·2·24 values, each with a standard deviation of 0.4: four standard errors
    assert abs(figures["crps_train_std"] - 1 / math.sqrt(math.pi)) < 4 * 0.4 / math.sqrt(288)
    off = samples + 100 * mask[:, None]  # nobody looks where it is observed
    assert series_figures(off, truth, mask) == figures
    assert all(name.endswith(("train_std", "error")) or name.startswith("coverage") for name in figures)  # pitfall 12


def test_the_figure_of_a_window_does_not_depend_on_the_others() -> None:
    """Pitfall 8: a mean of means of batches with more and fewer missing values would."""
    samples, truth, mask = case()
    mask[0, :, :24] = 0
    mask[1, 0, -24:] = 1
    whole, parts = window_figures(samples, truth, mask), [window_figures(samples[i:i + 1], truth[i:i + 1], mask[i:i + 1])
                                                          for i in range(len(mask))]
    for name, values in whole.items():
        torch.testing.assert_close(values, torch.cat([part[name] for part in parts]), equal_nan=True)
    assert whole["crps_max_24h_train_std"].isfinite().tolist() == [True, False, True, True, True, True]


def test_the_maximum_needs_paths_and_not_only_the_right_bands() -> None:
    """Samples shuffled hour by hour have the same bands and the same CRPS, and another maximum."""
    b, m, noise = 200, 32, draws(200, 33, 2, 1)
    walk = noise.expand(-1, -1, -1, 24) + 0.1 * draws(b, m + 1, 2, 24, seed=3)  # one deviation for the whole day
    samples, truth, mask = walk[:, 1:], walk[:, 0], torch.zeros(b, 2, 24)
    order = torch.rand(b, m, 2, 24, generator=torch.Generator().manual_seed(5)).argsort(1)
    joint, marginal = (series_figures(x, truth, mask) for x in (samples, samples.gather(1, order)))
    assert abs(joint["crps_train_std"] - marginal["crps_train_std"]) < 1e-6
    assert joint["crps_max_24h_train_std"] < 0.8 * marginal["crps_max_24h_train_std"]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"samples must be \(M ≥ 2, 3\), got \(3, 4\)"):
        fair_crps(draws(3, 4), draws(3))  # pitfall 9: a missing axis would be stretched
    with pytest.raises(ValueError, match="M ≥ 2"):
        fair_crps(draws(1, 3), draws(3))


def test_evaluating_needs_what_was_known(monkeypatch) -> None:
    from diffusion_utils.data import electricity

    monkeypatch.setattr(electricity, "load_electricity", lambda: electricity.toy_transformer(hours=3000))
    data = electricity.load_etth1("test")
    rows = torch.arange(160)
    x, cond = data.x0(rows), data.condition(rows)
    noise = 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    figures = evaluate(cond["mask"] * x + (1 - cond["mask"]) * (x + noise), cond, 20)
    assert figures["n"] == 160 and figures["calls"] == 20 and set(figures) >= {"forecast_24h", "forecast_96h", "missing_90"}
    # the truth lies at the middle of N(0, 0.3²): its mean distance to the samples less half of that between two of them
    assert abs(figures["missing_90"]["crps_train_std"] - 0.3 * (math.sqrt(2 / math.pi) - 1 / math.sqrt(math.pi))) < 0.01
    for wrong, told in ((x, None), (x[:150], cond), (x, cond | {"known": cond["known"] + 1})):
        with pytest.raises(ValueError, match="known of"):
            evaluate(wrong, told)
