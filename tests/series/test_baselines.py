"""Simple methods: what each answers where the right answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils import baselines
from diffusion_utils.baselines import LEVELS, filler_figures, measured_windows
from diffusion_utils.data.electricity import toy_transformer
from diffusion_utils.data.windows import SeriesData, windows_of
from diffusion_utils.forecast import learnt_gaussian
from diffusion_utils.masks import last_hours, random_entries


def test_the_seasonal_naive_answer_is_the_last_day_that_was_seen() -> None:
    values = torch.arange(192.0).expand(1, 2, 192)
    mask = last_hours(2, 192, 30)[None]
    found = baselines.seasonal_naive(mask * values, mask)
    wanted = torch.cat([torch.arange(162.0), torch.arange(138.0, 162), torch.arange(138.0, 144)])
    assert torch.equal(found[0, 0], wanted)
    none = torch.zeros(1, 2, 192)
    assert baselines.seasonal_naive(none, none).abs().max() == 0


def test_interpolation_is_a_straight_line_and_flat_at_the_ends() -> None:
    mask = torch.tensor([[[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]]).float()
    known = mask * torch.tensor([0, 2.0, 0, 0, 8, 0])
    found = baselines.interpolated(known, mask)[0]
    torch.testing.assert_close(found[0], torch.tensor([2.0, 2, 4, 6, 8, 8]))
    assert found[1].tolist() == 6 * [5.0]  # the level of the other channel


@pytest.fixture(scope="module")
def linear() -> SeriesData:
    """Each hour is half of the hour before, less a fifth of that before, and noise: what regressions can learn exactly."""
    generator, values = torch.Generator().manual_seed(0), torch.zeros(2, 4000)
    for t in range(2, 4000):
        values[:, t] = 1.2 * values[:, t - 1] - 0.5 * values[:, t - 2] + torch.randn(2, generator=generator)
    return SeriesData(values / values.std(), 0, torch.arange(0, 3976), "linear", "made up", "0" * 64, length=24)


@pytest.mark.parametrize("make", [lambda data, mask: baselines.ridge(data, mask, 1e-4),
                                  lambda data, mask: baselines.quantile_regression(data, mask, epochs=40, rate=1e-2)])
def test_regressions_find_the_quantiles_of_an_autoregression(linear, make) -> None:
    mask = last_hours(2, 24, 2)
    found = make(linear, mask)
    rows = torch.arange(0, 3976, 24)
    x = linear.x0(rows)
    answer = found(mask * x, mask.expand(len(rows), -1, -1))
    assert answer.shape == (39, len(rows), 2, 24) and torch.equal(answer[..., :22], x.expand(39, -1, -1, -1)[..., :22])
    shock = 1 / float(_raw_std())
    exact = 1.2 * x[..., 21] - 0.5 * x[..., 20]
    # the next hour's median is the exact mean, to a third of the noise's standard deviation
    assert float((answer[19, ..., 22] - exact).abs().mean()) < 0.33 * shock
    figures = filler_figures(answer, x, mask.expand(len(rows), -1, -1))
    # one and two hours ahead of 166 windows: CRPS of N(0, σ²) is σ/√π, σ = 1 and √(1 + 1.2²)
    wanted = shock * (1 + math.sqrt(1 + 1.2**2)) / 2 / math.sqrt(math.pi)
    assert abs(float(figures["crps_train_std"].mean()) / wanted - 1) < 0.15
    assert abs(float(figures["coverage_90"].mean()) - 0.9) < 0.06


def _raw_std() -> torch.Tensor:
    """Of the autoregression with noise of variance 1: σ² = (1 − b)/((1 + b)·((1 − b)² − a²)), a = 1.2, b = −0.5."""
    a, b = 1.2, -0.5
    return torch.tensor((1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2))).sqrt()


def test_residuals_widen_with_the_distance_and_cover_what_they_say(linear) -> None:
    mask = random_entries(2, 24, 0.6, torch.Generator().manual_seed(1))
    mask[0] = last_hours(1, 24, 8)
    filler = baselines.with_residuals(baselines.interpolated, linear, mask)
    rows = torch.arange(1, 3976, 24)
    x = linear.x0(rows)
    answer = filler(mask * x, mask.expand(len(rows), -1, -1))
    band = (answer[-1] - answer[0]).mean(0)
    assert float(band[0, 16]) < float(band[0, 23]) and float(band[0, :16].abs().max()) == 0
    found = filler_figures(answer, x, mask.expand(len(rows), -1, -1))
    assert abs(float(found["coverage_90"].mean()) - 0.9) < 0.05 and abs(float(found["coverage_50"].mean()) - 0.5) < 0.06


def test_the_pinball_loss_of_the_right_quantiles_is_half_the_crps() -> None:
    truth = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    right = torch.special.ndtri(LEVELS)[:, None].expand(-1, len(truth))
    found = 2 * baselines.pinball(right, truth)
    # four standard errors, and 1 % for what lies between 39 levels
    assert abs(float(found.mean()) - 1 / math.sqrt(math.pi)) < 4 * float(found.std()) / 20_000**0.5 + 0.006
    assert float(baselines.pinball(right + 0.5, truth).mean()) > float(found.mean()) / 2


def test_what_is_forecast_lies_in_the_part_and_every_hour_of_the_day_begins_one() -> None:
    series = toy_transformer(hours=4000, channels=2)
    for task, hours in (("forecast_24h", 24), ("forecast_96h", 96)):
        data = measured_windows(series, "test", task)
        first = series.scaled[:, series.parts["test"].start:][:, :hours]
        assert torch.equal(data.x0(torch.tensor([0]))[0, :, 192 - hours:], first)
        assert len(set((data.starts % 24).tolist())) == min(24, len(data))
    whole = measured_windows(series, "test", "missing_50")
    assert torch.equal(whole.x0(torch.tensor([0]))[0], series.scaled[:, series.parts["test"].start:][:, :192])


def test_the_gaussian_answers_its_own_quantiles() -> None:
    series = toy_transformer(hours=2500, channels=2)
    data = windows_of(series, "train")
    gaussian = learnt_gaussian(data)
    mask = last_hours(2, 192, 24)
    x = data.x0(torch.tensor([5, 50]))
    answer = baselines.gaussian_filler(gaussian)(mask * x, mask.expand(2, -1, -1))
    assert answer.shape == (39, 2, 2, 192) and bool((answer[1:] >= answer[:-1])[..., 168:].all())
    torch.testing.assert_close(answer[19, ..., :168], x[..., :168], rtol=1e-4, atol=1e-4)
