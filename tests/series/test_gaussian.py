"""The Gaussian of a window: exact for any mask, against a solution that goes another way."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data.electricity import toy_lags, toy_transformer
from diffusion_utils.data.windows import clock
from diffusion_utils.forecast import Frame, frame_of, gaussian_samples
from diffusion_utils.networks import WindowGaussian
from diffusion_utils.networks.window_gaussian import bridged


def toy_gaussian(channels: int = 3, length: int = 12, **how) -> WindowGaussian:
    """That of the made-up series, exactly."""
    gaussian = WindowGaussian(channels, length, **how)
    gaussian.lags.copy_(toy_lags(length, channels))
    return gaussian


def a_mask(channels: int = 3, length: int = 12, seed: int = 0) -> torch.Tensor:
    return (torch.rand(channels, length, generator=torch.Generator().manual_seed(seed)) > 0.4).float()


def test_the_covariance_of_a_window_is_that_of_its_hours() -> None:
    gaussian, lags = toy_gaussian(nugget=0.5, level=2.0), toy_lags(12, 3)
    whole = gaussian.covariance().view(3, 12, 3, 12)
    for i, t, j, s in ((0, 3, 1, 7), (1, 7, 0, 3), (2, 5, 2, 5), (2, 11, 2, 0)):
        wanted = float(lags[i, j, t - s + 11]) + 2.0 * (i == j) + 0.5 * ((i, t) == (j, s))
        assert abs(float(whole[i, t, j, s]) - wanted) < 1e-6  # float32 in the file, numbers near 1


@pytest.mark.parametrize("mask", [a_mask(), torch.zeros(3, 12), torch.ones(3, 12), a_mask(seed=3)])
def test_mean_and_covariance_are_those_of_the_precision_matrix(mask) -> None:
    """The block of K⁻¹ at the missing places is the inverse of what is left, and says the mean, too (Bishop 2006, eq. 2.73)."""
    gaussian = toy_gaussian()
    values = torch.randn(2, 3, 12, generator=torch.Generator().manual_seed(1))
    mean, std = gaussian.fill(values, mask.expand(2, -1, -1))
    missing = (mask == 0).flatten()
    precision = torch.linalg.inv(gaussian.covariance())
    left = torch.linalg.inv(precision[missing][:, missing])
    seen = values.flatten(1)[:, ~missing].double()
    wanted = -(left @ precision[missing][:, ~missing] @ seen.T).T
    # float32 weights, whose sum of absolute values is about 10
    torch.testing.assert_close(mean.flatten(1)[:, missing].double(), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(std[0].flatten()[missing].double(), left.diagonal().sqrt(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gaussian.covariance_left(mask), left, rtol=1e-6, atol=1e-9)
    assert torch.equal(mean.flatten(1)[:, ~missing], values.flatten(1)[:, ~missing]) and std[0][mask > 0].abs().sum() == 0


def test_windows_of_one_batch_may_have_different_masks() -> None:
    gaussian, values = toy_gaussian(), torch.randn(5, 3, 12)
    masks = torch.stack([a_mask(seed=seed % 3) for seed in range(5)])
    together = gaussian.fill(values, masks)
    for row in range(5):
        alone = gaussian.fill(values[row:row + 1], masks[row:row + 1])
        for one, all_of_them in zip(alone, together, strict=True):
            torch.testing.assert_close(all_of_them[row], one[0], rtol=1e-5, atol=1e-5)


def test_other_weights_are_another_gaussian() -> None:
    gaussian, mask = toy_gaussian(), a_mask()
    before = gaussian.conditional(mask).std
    state = gaussian.state_dict()
    gaussian.load_state_dict(state | {"lags": 4 * state["lags"]})
    assert (gaussian.conditional(mask).std > 1.2 * before).all()


def test_autocovariances_are_learnt_from_a_series() -> None:
    """The estimate is the sum over all pairs; of the made-up series it comes near the exact one."""
    series = toy_transformer(hours=14_400)
    values = series.values - series.values.mean(1, keepdim=True)
    gaussian = WindowGaussian(7, 24)
    gaussian.learn(values, torch.ones(7))
    i, j, h = 1, 4, 5
    pairs = (values[i, h:].double() * values[j, :-h].double()).sum() / 14_400
    assert abs(float(gaussian.lags[i, j, 23 + h]) - float(pairs)) < 1e-5 * float(values.std()) ** 2
    assert abs(float(gaussian.lags[j, i, 23 - h]) - float(pairs)) < 1e-5 * float(values.std()) ** 2
    assert float(torch.linalg.eigvalsh(gaussian.covariance()).min()) > 0.009  # no less than the nugget
    # cycles forget within 500 hours, so there are some 29 of them: 1/√29 is 0.19 of the variance, and twice that is rare
    exact = toy_lags(24, 7)
    assert float((gaussian.lags - exact).abs().max()) < 0.4 * float(exact.diagonal(dim1=0, dim2=1).max() + 0.05)


@pytest.mark.parametrize("lost", ["values", "days"])
def test_gaps_of_a_series_to_learn_from_are_no_noise(lost) -> None:
    """Were a lost value a 0, a third of them would leave two thirds of the variance, and of that a third as noise."""
    series = toy_transformer(hours=14_400)
    values = series.values - series.values.mean(1, keepdim=True)
    whole, holed = WindowGaussian(7, 24), WindowGaussian(7, 24)
    whole.learn(values, torch.ones(7))
    generator = torch.Generator().manual_seed(0)
    gone = torch.rand(7, 14_400 if lost == "values" else 600, generator=generator) < 1 / 3
    gone = gone if lost == "values" else gone.repeat_interleave(24, 1)
    holed.learn(values.masked_fill(gone, torch.nan), torch.ones(7))
    variance = whole.lags[range(7), range(7), 23]
    found, wanted = (gaussian.lags[range(7), range(7)] / variance[:, None] for gaussian in (holed, whole))
    # of hours in a row, since of two days a third of both is lost
    assert (found[:, 23] - 1).abs().max() < 0.15 and (found - wanted)[:, 18:29].abs().max() < 0.15
    # what is lost from one hour to the next: the nugget of a Gaussian, that neighbours do not tell
    assert (found[:, 23] - found[:, 24]).max() < 1.1 * (wanted[:, 23] - wanted[:, 24]).max() + 0.06
    assert float(torch.linalg.eigvalsh(holed.covariance()).min()) > 0.009


def test_only_short_gaps_are_bridged_and_none_beyond_the_ends() -> None:
    nan = torch.nan
    series = torch.tensor([[nan, 1, nan, 3, *7 * [nan], 11, nan], [*12 * [nan], 5.0], 13 * [nan], [*range(13)]]).double()
    found = bridged(series)
    assert torch.equal(found[0].isnan(), torch.tensor([1, 0, 0, 0, *7 * [1], 0, 1]).bool()) and float(found[0, 2]) == 2
    assert found[1:3].isnan().sum() == 25 and torch.equal(found[3], series[3])
    assert bridged(torch.tensor([[0, *6 * [nan], 7.0]]).double()).tolist() == [[*range(8)]]


def a_frame(gaussian: WindowGaussian | None, b: int = 2) -> tuple[Frame, torch.Tensor, torch.Tensor]:
    values = 3 + torch.randn(b, 3, 12, generator=torch.Generator().manual_seed(4))
    mask = a_mask().expand(b, -1, -1)
    return frame_of(mask * values, mask, clock(torch.zeros(b, dtype=torch.int64), 12), gaussian), values, mask


@pytest.mark.parametrize("gaussian", [None, toy_gaussian()])
def test_a_frame_goes_there_and_back_and_says_nothing_of_what_is_missing(gaussian) -> None:
    """Pitfalls 3 and 4: the division is undone by the same numbers, and hidden values have no say."""
    frame, values, mask = a_frame(gaussian)
    torch.testing.assert_close(frame.values(frame.state(values)), values)
    torch.testing.assert_close(mask * frame.values(frame.known), mask * values)
    hidden = torch.where(mask > 0, values, 99.0)
    again = frame_of(hidden, mask, clock(torch.zeros(2, dtype=torch.int64), 12), gaussian)
    assert all(torch.equal(one, other) for one, other in zip(vars(frame).values(), vars(again).values(), strict=True))


def test_a_frame_follows_the_level_of_its_window() -> None:
    """100 added to all values is 100 added to the centre, and nothing else."""
    frame, values, mask = a_frame(toy_gaussian())
    far = frame_of(mask * (values + 100), mask, clock(torch.zeros(2, dtype=torch.int64), 12), toy_gaussian())
    # float32 of numbers near 100: 1e-5 each
    torch.testing.assert_close(far.centre, frame.centre + 100, rtol=0, atol=1e-3)
    torch.testing.assert_close(far.spread, frame.spread, rtol=1e-3, atol=0)
    torch.testing.assert_close(far.side, frame.side, rtol=1e-3, atol=1e-3)


def test_samples_of_the_gaussian_have_its_mean_and_covariance() -> None:
    gaussian = toy_gaussian()
    frame, _, mask = a_frame(gaussian, 1)
    n = 20_000
    x = gaussian_samples(frame, gaussian, n)[0].flatten(1)
    missing = (mask[0] == 0).flatten()
    left = gaussian.covariance_left(mask[0])
    scale = (frame.spread[0].flatten()[missing] / left.diagonal().sqrt()).double()
    wanted = left * scale * scale[:, None]
    variance = wanted.diagonal()
    off = (x[:, missing].double().mean(0) - frame.centre[0].flatten()[missing]).abs()
    assert (off < 5 * (variance / n).sqrt()).all()  # five standard errors
    error = ((variance * variance[:, None] + wanted**2) / n).sqrt()
    assert ((torch.cov(x[:, missing].T.double()) - wanted).abs() < 5 * error).all()
    assert x[:, ~missing].std(0).max() < 1e-6
