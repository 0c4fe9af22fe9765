"""What drawn emoji are compared with: the quarter that chooses the weight is measured by nothing else, and a line is a line."""

from __future__ import annotations

from dataclasses import replace

import bars
import numpy as np
import pytest
import torch
from emoji_bars import part_of
from emoji_judged import baselines, linear, ridge, sort_of
from scenes_judged import share

from diffusion_utils.data import to_model
from diffusion_utils.data.emoji import all_pictures, emoji_table, load_emoji


@pytest.mark.parametrize("kind", ["styles", "tones"])
def test_what_chooses_the_weight_is_a_quarter_and_is_not_measured(kind):
    chosen, rest = (set(zip(data.emoji.tolist(), data.style.tolist(), strict=True))
                    for data in (part_of(kind, True, None), part_of(kind, False, None)))
    whole = load_emoji("test", kind)
    assert not chosen & rest and len(chosen | rest) == len(whole) == len(chosen) + len(rest)
    assert len(chosen) == pytest.approx(len(whole) / 4, abs=1)
    few = part_of(kind, False, 5)
    assert len(few) == 5 and torch.equal(few.pictures, whole.pictures[[1, 2, 3, 5, 6]])


def test_the_ridge_regression_finds_a_line_and_without_hope_the_mean():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 6, generator=generator)
    y = x @ torch.randn(6, 3, generator=generator) + 2
    learnt, asked = torch.arange(30), torch.arange(30, 40)
    line, mean = ridge(x, y, learnt, asked, [1e-9, 1e9])
    torch.testing.assert_close(line, y[asked], atol=1e-4, rtol=1e-4)  # float32
    torch.testing.assert_close(mean, y[learnt].mean(0).expand(10, 3), atol=1e-4, rtol=1e-4)


def test_no_copy_is_the_right_one_but_some_are_near():
    few = part_of("tones", False, 24)
    found = baselines(few, "tones")
    assert found["copy of the most alike"]["top_1"]["share"] == 0 < found["copy of the most alike"]["top_5"]["share"]
    better, either = (found[f"copy of {name}"]["top_1"] for name in ("the better one", "another style"))
    assert better["share"] >= either["share"] and (better["n"], either["n"]) == (24, 48)


def test_a_line_from_two_styles_to_the_third_is_nearer_than_either_of_them():
    few = part_of("styles", False, 60)
    rows = few.style == 1
    few = replace(few, pictures=few.pictures[rows], emoji=few.emoji[rows], style=few.style[rows])
    x, pictures = few.x0(torch.arange(len(few))), to_model(all_pictures())
    copies = [(pictures[style, few.emoji] - x).square().mean() for style in (0, 2)]
    assert float((linear(few) - x).square().mean()) < 0.8 * float(min(copies))


def test_emoji_are_sorted_by_what_they_show():
    table = emoji_table()
    number = {" ".join(one.name): i for i, one in enumerate(table)}
    assert [sort_of(number[name]) for name in ("flag norway", "waving hand", "red apple")] == ["flags", "people", "all others"]


def test_a_goal_is_met_only_where_the_interval_lies_above_every_copy():
    def record(drawn: float) -> dict:
        tops = {name: {"top_1": share(np.arange(1000) < 1000 * p), "top_5": share(np.arange(1000) < 1000 * p)}
                for name, p in (("drawn", drawn), ("copy of the better one", 0.3), ("linear", 0.4))}
        return {"parts": {"styles": {"drawn": tops.pop("drawn"), "others": tops}}}

    for drawn, met in ((0.35, False), (0.42, False), (0.5, True)):
        ((what, figure, found),) = bars.emoji(record(drawn))
        assert found is met and "linear" in what and "n = 1000" in figure
