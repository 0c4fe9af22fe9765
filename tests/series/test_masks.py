"""Masks: 1 is observed, and what is said to be missing is."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.masks import SHARES, blocks, draw_mask, gap, last_hours, random_entries, whole_channels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_is_observed_and_the_last_hours_are_missing() -> None:
    """Pitfall 5: a mask the other way round makes a forecast of the past."""
    mask = last_hours(2, 10, 3)
    assert mask.tolist() == 2 * [[1, 1, 1, 1, 1, 1, 1, 0, 0, 0]]
    assert gap(1, 6, 1, 2).tolist() == [[1, 0, 0, 1, 1, 1]]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_so_many_are_missing_at_random(share) -> None:
    missing = 1 - random_entries(100, 200, share, generator())
    assert abs(float(missing.mean()) - share) <= 4 * (share * (1 - share) / 20_000) ** 0.5  # four standard errors


def test_blocks_and_channels_leave_something_known() -> None:
    for seed in range(50):
        mask = whole_channels(5, 20, generator(seed))
        assert set(mask.mean(1).tolist()) == {0.0, 1.0}
        edges = blocks(5, 20, generator(seed)).diff(dim=1).abs().sum(1)
        assert float(edges.max()) <= 2  # one gap in a channel
    assert whole_channels(1, 4, generator()).sum() == 0


def test_what_is_learnt_from_is_a_mixture_and_never_whole() -> None:
    draws = [draw_mask(4, 192, generator(seed)) for seed in range(400)]
    assert all(float(mask.min()) == 0 for mask in draws)
    forecasts = [mask for mask in draws if torch.equal(mask, mask[:1].expand_as(mask)) and float(mask.mean(1)[0]) < 1
                 and bool((mask.diff(dim=1) <= 0).all())]
    hours = [int(192 - mask[0].sum()) for mask in forecasts]
    # a binomial of 400 draws: within five standard errors
    share = len(forecasts) / 400
    assert abs(share - SHARES["last"]) < 5 * (0.35 * 0.65 / 400) ** 0.5
    assert hours.count(24) > 10 and hours.count(96) > 10 and len(set(hours)) > 20
    assert torch.equal(draw_mask(4, 192, generator(7)), draws[7])


@pytest.mark.parametrize("wrong", [lambda: random_entries(1, 2, 1.5, generator()), lambda: last_hours(1, 5, 6),
                                   lambda: gap(1, 5, 4, 2)])
def test_what_does_not_fit_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="must"):
        wrong()
