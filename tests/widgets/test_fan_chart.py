"""FanChart on the Python side: what it takes, what it sends, and the drawing that stands where nothing moves."""

import re

import numpy as np
import pytest
from fan import GAPS, OTHER, PATHS, QUANTILES, SAMPLES, TRUTH, fan

from diffusion_utils.widgets import Axis
from diffusion_utils.widgets.fan_still import PANEL, UNITS, numbers_of, x_of, y_of


def scale_of(widget, panel):
    """Slope and offset from units to the panel's own, read off its ticks."""
    ticks = widget.settings["panels"][panel]["ticks"]
    (first, low), *_, (last, high) = [(at, float(text.replace("−", "-"))) for at, text in ticks]
    slope = (high - low) / (last - first) * 1000 / UNITS
    return slope, low - slope * first * UNITS / 1000


@pytest.mark.parametrize(("i", "j"), [(0, 0), (1, 2), (2, 1)])
def test_numbers_come_through_in_their_units(i, j):
    widget = fan()
    truth, fill = numbers_of(widget.settings, widget.numbers, 3 * i + j)
    wanted = np.concatenate([QUANTILES[i][j], SAMPLES[i][j], OTHER[i][j]])
    for panel in range(2):
        slope, offset = scale_of(widget, panel)
        close = 10 * slope + 0.5 * slope  # ticks stand at whole thousandths, which are 10 units; numbers at whole units
        np.testing.assert_allclose(slope * truth[panel] + offset, TRUTH[panel], atol=close)
        np.testing.assert_allclose(slope * fill[panel] + offset, wanted[:, panel], atol=close)


def coordinates(html, kind, which=0):
    """The points of a path of this class, (K, 2); `which` of them."""
    path = re.findall(rf'class="{kind}" d="([^"]+)"', html)[which]
    return np.array([pair.split() for pair in re.findall(r"[\d.]+ [\d.]+", path)], float)


def test_the_still_drawing_has_the_band_joined_to_what_was_measured():
    widget = fan()  # starts in the gap 20 … 31
    html = widget.still_form()[0]["text/html"]
    truth, fill = numbers_of(widget.settings, widget.numbers, 5)
    band = coordinates(html, "fs-band fs-band-90")
    assert len(band) == 2 * 14  # there and back, with a measured point at either end
    np.testing.assert_allclose(band[[0, 13, 14, 27], 1], y_of(truth[0][[19, 32, 32, 19]]), atol=0.051)
    np.testing.assert_allclose(band[1:13, 1], y_of(fill[0, 0]), atol=0.051)
    np.testing.assert_allclose(band[15:27][::-1, 1], y_of(fill[0, 4]), atol=0.051)
    np.testing.assert_allclose(coordinates(html, "fs-median")[:, 0], [x_of(step, 48) for step in range(19, 33)], atol=0.051)
    assert len(coordinates(html, "fs-measured")) == 20 and len(coordinates(html, "fs-measured", 1)) == 16
    assert "load &lt;kW&gt;" in html and 'aria-label="Two series with a gap"' in html and "fs-sample" not in html


def test_a_gap_at_the_end_or_the_beginning_has_one_neighbour():
    widget = fan()
    widget.index, widget.index2 = 2, 2
    band = coordinates(widget.still_form()[0]["text/html"], "fs-band fs-band-90")
    assert len(band) == 2 * 13 and band[:, 0].max() == pytest.approx(PANEL["width"] - PANEL["right"])
    beginning = fan(gaps=[[(0, b - a) for a, b in row] for row in GAPS])
    assert len(coordinates(beginning.still_form()[0]["text/html"], "fs-band fs-band-90")) == 2 * 13


def test_it_is_light():
    """28 gaps of 12 to 96 hours in two series, with 8 paths: under half a megabyte, its code left out."""
    gaps = [[(96, 96 + length) for length in (12, 24, 48, 96)] for _ in range(7)]
    made = [[[np.random.default_rng(0).normal(size=(rows, 2, b - a)) for a, b in row] for row in gaps] for rows in (5, 8, 2)]
    widget = fan(truth=np.zeros((2, 192)), gaps=gaps, quantiles=made[0], paths=made[1], other=made[2], readouts=None,
                 captions=None, axes=[Axis("a", list(range(7))), Axis("b", list(range(4)))])
    assert widget.state_bytes() - len(widget._esm) - len(widget._css) < 500_000


@pytest.mark.parametrize(("options", "message"), [
    ({"truth": TRUTH[:1]}, r"truth: must be \(panels, steps\) with a name for each panel; given \(1, 48\)"),
    ({"truth": TRUTH * np.nan}, "truth: every number must be finite"),
    ({"gaps": GAPS[:2]}, r"gaps: must hold one entry a frame, nested as 3 x 3; given \[2, 3, 3\]"),
    ({"gaps": [[(0, 48)] * 3] * 3}, r"gaps: each must be \(start, stop\) within 0 … 48, and leave something; given \(0, 48\)"),
    ({"gaps": [[(40, 49)] * 3] * 3}, r"given \(40, 49\)"),
    ({"quantiles": SAMPLES}, r"quantiles: must be finite numbers of shape \(5, 2, 3\) in this gap; given \(4, 2, 3\)"),
    ({"other": QUANTILES}, r"other: must be finite numbers of shape \(2, 2, 3\)"),
    ({"paths": [[np.zeros((17, 2, 3))] * 3] * 3}, "paths: 1 to 16 in each frame; given 17"),
    ({"alt": ""}, "alt: must not be empty"),
    ({"title": ""}, "title: must not be empty"),
])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        fan(**options)


def test_without_numbers_there_is_nothing_to_show():
    with pytest.raises(ValueError, match="make one with FanChart.from_arrays"):
        type(fan())().still_form()
    assert fan().settings["toggles"] == [f"{PATHS} sample paths", "the other's"]
