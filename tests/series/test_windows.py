"""Windows of a series: what is learnt of them comes from where it may come from, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diffusion_utils.data import DataError, electricity
from diffusion_utils.data.electricity import load_electricity, load_etth1, parse, task_masks, toy_transformer
from diffusion_utils.data.windows import clock, known_and_mask, scale_of, standard_parts, windows_of


@pytest.fixture(scope="module")
def series():
    return toy_transformer(hours=1500)


def test_statistics_are_those_of_the_train_part(series) -> None:
    """Pitfall 1: a mean over all rows tells the network of the future."""
    values = series.values.clone()
    values[:, series.parts["validation"].start:] += 100
    changed = replace(series, values=values)
    assert torch.equal(changed.mean, series.mean) and torch.equal(changed.std, series.std)
    train = series.values[:, :series.parts["train"].stop].double()
    torch.testing.assert_close(series.std.double(), train.std(1, unbiased=False), rtol=1e-5, atol=0)
    torch.testing.assert_close(series.scaled[:, :len(series.parts["train"])].mean(1), torch.zeros(7), rtol=0, atol=1e-5)


def test_no_training_window_holds_an_hour_that_is_measured(series) -> None:
    """Pitfall 2: windows that overlap must be split in time, and never shuffled first."""
    train, test = windows_of(series, "train"), windows_of(series, "test")
    assert int(train.starts.max()) + train.length == len(series.parts["train"])
    assert torch.equal(test.x0(torch.tensor([0]))[0], series.scaled[:, series.parts["test"].start:][:, :192])
    reaching = windows_of(series, "test", before=168)
    first = series.scaled[:, series.parts["test"].start - 168:][:, :192]
    assert torch.equal(reaching.x0(torch.tensor([0]))[0], first)  # a forecast of the first day of the part


def test_the_parts_of_a_series_do_not_overlap() -> None:
    parts = standard_parts(1001)
    assert [len(part) for part in parts.values()] == [701, 100, 200]
    assert sorted(hour for part in parts.values() for hour in part) == list(range(1001))


def test_what_is_missing_has_no_say_in_level_and_spread() -> None:
    """Pitfall 3: to change it, also to NaN, changes nothing."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4, 3, 50, generator=generator)
    mask = (torch.rand(4, 3, 50, generator=generator) > 0.4).float()
    mean, std = scale_of(values, mask)
    for other in (1e6, torch.nan):
        again = scale_of(torch.where(mask > 0, values, other), mask)
        assert torch.equal(again[0], mean) and torch.equal(again[1], std)
    seen = [values[b, c][mask[b, c] > 0] for b in range(4) for c in range(3)]
    wanted = torch.stack([row.mean() for row in seen]).view(4, 3, 1)
    torch.testing.assert_close(mean, wanted, rtol=1e-4, atol=1e-5)
    squares = torch.stack([(row - row.mean()).square().sum() for row in seen]).view(4, 3, 1)
    n = mask.sum(-1, keepdim=True)
    torch.testing.assert_close(std, ((squares + 2) / (n + 8)).sqrt())


def test_a_channel_of_which_nothing_is_observed_divides_by_no_zero() -> None:
    """Pitfall 4: it has the level of the others, and half a standard deviation of the whole series."""
    values, mask = torch.randn(2, 3, 50), torch.ones(2, 3, 50)
    mask[0, 1], mask[1] = 0, 0
    mean, std = scale_of(values, mask)
    assert mean.isfinite().all() and (std > 0).all() and std.isfinite().all()
    torch.testing.assert_close(mean[0, 1, 0], values[0, [0, 2]].mean())
    assert float(std[0, 1]) == 0.5 and mean[1].abs().max() == 0


def test_the_clock_turns_once_a_day_and_once_a_week() -> None:
    hours = clock(torch.tensor([0, 24, 168, 5]))
    assert hours.shape == (4, 4, 192)
    torch.testing.assert_close(hours[0, :2], hours[1, :2])  # the same hour of another day
    assert (hours[0, 2:] - hours[1, 2:]).abs().max() > 0.5
    torch.testing.assert_close(hours[0], hours[2])
    torch.testing.assert_close(hours[3, :, 0], hours[0, :, 5])
    assert hours[0, :, 0].tolist() == [0, 1, 0, 1]  # Monday, midnight


def test_gaps_of_the_series_itself_are_not_observed(series) -> None:
    values = series.values.clone()
    values[2, 10:20] = torch.nan
    data = windows_of(replace(series, values=values), "train")
    cond = data.condition(torch.tensor([0, 15]))
    assert cond["mask"].sum(-1)[:, 2].tolist() == [182, 187]
    assert all(entry.isfinite().all() for entry in cond.values())
    known, mask = known_and_mask(values[:, :192])
    assert known.isfinite().all() and torch.equal(mask, cond["mask"][0])


def test_each_test_window_comes_sixteen_times_and_tasks_take_turns(monkeypatch) -> None:
    monkeypatch.setattr(electricity, "load_electricity", lambda: toy_transformer(hours=3000))
    data = load_etth1("test")
    masks = list(task_masks(7).values())
    assert data.starts[:33].tolist() == 16 * [0] + 16 * [24] + [48]
    cond = data.condition(torch.arange(0, 96, 16))
    assert all(torch.equal(mask, masks[i % 5]) for i, mask in enumerate(cond["mask"]))
    shares = [round(1 - float(mask.mean()), 2) for mask in masks]
    assert shares[:2] == [round(24 / 192, 2), 0.5]
    # 1,344 values, each missing with this probability: within four standard errors
    assert all(abs(found - wanted) < 4 * (wanted * (1 - wanted) / 1344) ** 0.5
               for found, wanted in zip(shares[2:], (0.1, 0.5, 0.9), strict=True))


def test_another_file_than_etth1_is_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(DataError, match="truncated or altered"):
        parse(b"date,HUFL\n", "a test")
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"ETTh1.csv is missing under"):
        load_electricity()


def test_etth1_is_split_and_timed_as_usual() -> None:
    """Twelve, four and four months of 30 days, from a Friday at midnight; read only where the file is at hand."""
    series = load_electricity()
    if series.name != "etth1":
        pytest.skip("ETTh1 is not at hand")
    assert series.values.shape == (7, 14_400) and series.first_hour == 4 * 24
    assert [len(part) for part in series.parts.values()] == [8640, 2880, 2880]
    assert torch.equal(series.values[:, 0], torch.tensor([5.827, 2.009, 1.599, 0.462, 4.203, 1.340, 30.531]))
