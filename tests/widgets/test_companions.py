"""Curves and histograms: what the front end is told to draw."""

import numpy as np
import pytest

from diffusion_utils.widgets import Curve, Histogram
from diffusion_utils.widgets.companions import CLIPPED, PlotScale


def test_a_dot_lies_on_its_line_at_the_place_given():
    x = np.linspace(0, 100, 11)
    state = Curve("c", x, x**2, at=[0, 30, 100]).state((3,))
    assert state["at"] == [0, 300, 1000]
    on_line = [state["lines"][0]["y"][0][k] for k in (0, 3, 10)]
    assert state["lines"][0]["dots"] == on_line


def test_between_points_the_dot_is_on_the_straight_line():
    state = Curve("c", [0, 10], [0, 1], at=[5, 5]).state((2,))
    low, high = state["lines"][0]["y"][0]
    assert state["lines"][0]["dots"][0] == pytest.approx((low + high) / 2, abs=1)  # rounded to whole units


def test_a_falling_x_axis_reads_the_same_values():
    rising = Curve("c", [0, 1, 2], [5, 7, 6], at=[0.5, 2]).state((2,))
    falling = Curve("c", [2, 1, 0], [6, 7, 5], at=[0.5, 2]).state((2,))
    assert rising["lines"][0]["dots"] == falling["lines"][0]["dots"]


def test_without_at_the_frames_are_the_points():
    state = Curve("c", [1, 2, 4], [1, 2, 3]).state((3,))
    assert state["at"] == state["x"]


def test_the_second_slider_chooses_the_line():
    y = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    state = Curve("c", [0, 1, 2], y, at=[0, 1, 2]).state((3, 2))
    line = state["lines"][0]
    # Frames are numbered index * 2 + index2, so even entries follow the first line and odd ones the second.
    assert line["dots"][0::2] == line["y"][0]
    assert line["dots"][1::2] == line["y"][1]
    assert state["at"] == [0, 0, 500, 500, 1000, 1000]


def test_one_line_serves_all_positions_of_the_second_slider():
    line = Curve("c", [0, 1], [3, 4], at=[0, 1]).state((2, 3))["lines"][0]
    assert line["y"] == [line["y"][0]] * 3


def test_named_lines_share_one_vertical_scale():
    state = Curve("c", [0, 1], lines={"a": [0, 1], "b": [1, 0]}).state((2,))
    assert [line["name"] for line in state["lines"]] == ["a", "b"]
    assert state["lines"][0]["y"][0] == state["lines"][1]["y"][0][::-1]


def test_log_axes_space_equal_ratios_equally():
    state = Curve("c", [1, 10, 100], [1e-4, 1e-2, 1], log_x=True, log_y=True).state((3,))
    assert state["x"] == [0, 500, 1000]
    assert np.diff(state["lines"][0]["y"][0]).tolist() == pytest.approx([463, 463], abs=1)  # 1000 / 1.08 / 2


LINEAR = [(0, 1000, False), (-1, 1, False), (0.003, 0.02, False), (5, 7, False), (0, 0.3, False)]
LOG = [(1, 100, True), (3, 40, True), (1e-5, 1, True), (900, 1100, True)]


@pytest.mark.parametrize(("low", "high", "log"), LINEAR + LOG)
def test_ticks_are_few_in_order_and_where_their_text_says(low, high, log):
    scale = PlotScale(np.array([low, high]), log)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 8
    positions = [position for position, _ in ticks]
    assert positions == sorted(set(positions))
    assert 0 <= positions[0] and positions[-1] <= 1000
    for position, text in ticks:
        assert position == scale(np.float64(text.replace("−", "-")))


def test_texts_below_the_x_axis_do_not_touch():
    """Four digits take 0.16 of the axis: 1000 and 2000, 0.18 apart, would read as one number."""
    narrow = Curve("c", [100, 5000], [0, 1], log_x=True).state((2,))["x_ticks"]
    assert [text for _, text in narrow] == ["100", "200", "500", "1000", "5000"]
    wide = Curve("c", [0, 1000], [0, 1]).state((2,))["x_ticks"]
    assert [text for _, text in wide] == ["0", "200", "400", "600", "800", "1000"]


def test_a_constant_line_can_be_drawn():
    state = Curve("c", [0, 1], [2, 2]).state((2,))
    assert all(0 <= height <= 1000 for height in state["lines"][0]["y"][0])


@pytest.mark.parametrize(
    ("options", "leading", "message"),
    [
        ({"y": [1, 2]}, (3,), r"y: shape must be \(3,\); given \(2,\)"),
        ({"y": np.zeros((3, 3))}, (3, 2), r"shape must be \(3,\) or \(2, 3\); given \(3, 3\)"),
        ({"y": [1, np.nan, 2]}, (3,), "finite"),
        ({"y": [1, 2, 3], "at": [0, 1]}, (3,), r"at .*shape must be .*; given \(2,\)"),
        ({"y": [1, 2, 3], "at": [0, 1, 9]}, (3,), r"must lie on the x-axis, 0\.\.2; given 0\.\.9"),
        ({"y": [1, 2, 3], "x": [0, 2, 1]}, (3,), "only rise or only fall"),
        ({"y": [1], "x": [0]}, (3,), "at least two numbers"),
        ({"y": [1, 2, 3], "log_x": True}, (3,), "logarithmic axis needs numbers above 0; given 0"),
        ({"y": [0, 1, 2], "log_y": True}, (3,), "logarithmic axis"),
        ({}, (3,), "either y or lines"),
        ({"y": [1, 2, 3], "lines": {"a": [1, 2, 3]}}, (3,), "either y or lines"),
        ({"lines": {str(k): [1, 2, 3] for k in range(5)}}, (3,), "1 to 4 lines; given 5"),
        ({"y": "abc"}, (3,), "must be numbers"),
        ({"y": [[1, 2], [3]]}, (3,), "without gaps"),
    ],
)
def test_a_curve_that_does_not_fit_is_refused_by_name(options, leading, message):
    with pytest.raises(ValueError, match=f"Curve 'signal'.*{message}"):
        Curve("signal", **{"x": [0, 1, 2], **options}).state(leading)


def test_bars_of_all_frames_share_one_scale():
    state = Histogram("h", [0, 1, 2], [[0, 5], [10, 1]]).state((2,))
    assert state["bars"] == [[0, 500], [1000, 100]]
    assert state["edges"] == [0, 500, 1000]


def test_bars_of_two_sliders_are_listed_in_the_order_of_the_frames():
    counts = np.arange(12).reshape(2, 3, 2)
    state = Histogram("h", [0, 1, 2], counts).state((2, 3))
    assert [bars[0] for bars in state["bars"]] == sorted(bars[0] for bars in state["bars"])
    assert len(state["bars"]) == 6


def test_a_spike_is_cut_at_three_times_the_reference_and_marked():
    state = Histogram("h", [0, 1, 2], [[100, 1], [3, 2]], reference=[1, 1]).state((2,))
    assert state["bars"] == [[CLIPPED, 333], [1000, 667]]
    assert state["reference"] == [333, 333]


def test_the_reference_is_never_cut():
    state = Histogram("h", [0, 1, 2], [[1, 0], [0, 1]], reference=[4, 0]).state((2,))
    assert max(state["reference"]) <= 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": np.zeros((2, 3))}, r"counts: shape must be \(2, 2\); given \(2, 3\)"),
        ({"counts": [[1, -1], [0, 0]]}, "0 or more; given -1"),
        ({"counts": [[1, np.inf], [0, 0]]}, "finite"),
        ({"edges": [0, 2, 1]}, "rising"),
        ({"edges": [0]}, "at least two"),
        ({"reference": [1, 2, 3]}, r"reference: shape must be \(2,\); given \(3,\)"),
    ],
)
def test_a_histogram_that_does_not_fit_is_refused_by_name(options, message):
    values = {"edges": [0, 1, 2], "counts": [[1, 2], [3, 4]], **options}
    with pytest.raises(ValueError, match=f"Histogram 'pixels'.*{message}"):
        Histogram("pixels", **values).state((2,))
