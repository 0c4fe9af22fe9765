"""The Python side of FrameScrubber."""

import base64
import io
import json
import re
import warnings

import ipywidgets
import numpy as np
import pytest
import traitlets
from PIL import Image

from diffusion_utils.widgets import Axis, Curve, FrameScrubber

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (3, 4, 5), dtype=np.uint8)
FRAMES2 = RNG.integers(0, 256, (3, 2, 4, 5), dtype=np.uint8)
ONE = [Axis("t", [0, 10, 20])]
TWO = [Axis("t", [0, 10, 20]), Axis("schedule", ["linear", "cosine"])]


def scrubber(frames=FRAMES, axes=None, title="Noise", **options):
    return FrameScrubber.from_arrays(frames, axes=axes or ONE, title=title, **options)


def poster(widget):
    return np.asarray(Image.open(io.BytesIO(widget.poster_png())))


@pytest.mark.parametrize(
    ("frames", "axes"),
    [(FRAMES, ONE), (np.stack([FRAMES] * 3, -1), ONE), (FRAMES2, TWO), (np.stack([FRAMES2] * 3, -1), TWO)],
)
def test_grey_and_colour_with_one_and_two_sliders(frames, axes):
    widget = scrubber(frames, axes, scale=1)
    assert (widget.height, widget.width) == (4, 5)
    widget.index = 2
    assert np.array_equal(poster(widget), frames[2, 0] if len(axes) == 2 else frames[2])


def test_with_three_sliders_the_last_one_moves_fastest():
    frames, three = RNG.integers(0, 256, (3, 2, 4, 4, 5), dtype=np.uint8), [*TWO, Axis("T", range(4), start=3)]
    numbers = np.arange(24).reshape(3, 2, 4)
    lines = np.stack([numbers[0] + 10 * k for k in range(3)], axis=-1)  # (2, 4, 3): one of three points for each setting
    curve = Curve("a line for each setting", [0, 1, 2], lines)
    widget = scrubber(frames.tolist(), three, scale=1, captions=numbers, companions=[curve])
    assert (widget.frame, widget.alt) == (3, "Noise. 3")
    widget.index, widget.index2, widget.index3 = 2, 1, 2
    assert (widget.frame, widget.captions[widget.frame]) == (22, "22")
    assert np.array_equal(poster(widget), frames[2, 1, 2])
    (line,) = widget.companions[0]["lines"]
    assert len(line["y"]) == 8 and len(line["dots"]) == 24
    assert line["dots"][22] == line["y"][1 * 4 + 2][2], "the dot lies on the line of its setting"
    with pytest.raises(traitlets.TraitError, match=r"index3 must lie in 0\.\.3; given 4"):
        widget.index3 = 4


def test_floats_and_nested_lists_are_taken():
    assert np.array_equal(poster(scrubber(FRAMES / 127.5 - 1, scale=1)), FRAMES[0])
    assert np.array_equal(poster(scrubber([[list(row) for row in FRAMES2]][0], TWO, scale=1)), FRAMES2[0, 0])


def test_texts_are_flattened_in_the_order_of_the_frames():
    captions = [["1", "2"], ["3", "4"], ["5", "6"]]
    widget = scrubber(FRAMES2, TWO, readouts={"SNR": [["a", "b"], ["c", "d"], ["e", "f"]]}, captions=captions)
    assert widget.readouts == [["SNR", list("abcdef")]]
    assert widget.captions == list("123456")
    assert widget.axes[0]["values"] == ["0", "10", "20"]


def test_it_starts_where_the_axes_say_and_describes_that_frame():
    axes = [Axis("t", [0, 10, 20], start=2), Axis("schedule", ["linear", "cosine"], start=1)]
    widget = scrubber(FRAMES2, axes, captions=[["1", "2"], ["3", "4"], ["5", "six"]], scale=1)
    assert (widget.index, widget.index2) == (2, 1)
    assert widget.alt == "Noise. six"
    assert np.array_equal(poster(widget), FRAMES2[2, 1])


def test_python_sets_reads_observes_and_links_the_position():
    widget, seen = scrubber(), []
    widget.observe(lambda change: seen.append(change.new), "index")
    slider = ipywidgets.IntSlider(max=2)
    ipywidgets.link((slider, "value"), (widget, "index"))
    slider.value = 2
    assert widget.index == 2 and seen == [2]
    widget.index = 1
    assert slider.value == 1 and seen == [2, 1]
    assert {"index", "index2"} <= set(widget.get_state())  # synced, so that jslink finds them too


@pytest.mark.parametrize(("name", "value"), [("index", 3), ("index", -1), ("index2", 1)])
def test_a_position_the_slider_does_not_have_is_refused(name, value):
    widget = scrubber()
    with pytest.raises(traitlets.TraitError, match=f"{name} must lie in 0..*given {value}"):
        setattr(widget, name, value)
    assert (widget.index, widget.index2) == (0, 0)


def test_the_output_carries_a_view_a_picture_and_a_text():
    widget = scrubber(alt="Digits dissolve")
    widget.index = 1
    data, metadata = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.array_equal(np.asarray(picture)[:: widget.scale, :: widget.scale], FRAMES[1])
    assert metadata["image/png"] == {"width": picture.width, "height": picture.height}
    assert data["text/plain"] == "Digits dissolve"


@pytest.mark.parametrize("width", [12, 28, 86, 115, 140, 224, 300])
def test_the_default_size_suits_a_page(width):
    widget = scrubber(np.zeros((3, 2, width), np.uint8))
    # Whole multiples only, so wide frames land a little outside 320..560.
    assert 300 <= widget.width * widget.scale <= 580


def test_the_estimated_size_is_what_a_page_embeds():
    from ipywidgets.embed import embed_data

    widget = scrubber(np.repeat(np.repeat(FRAMES, 40, 1), 40, 2), companions=[Curve("c", [0, 1, 2], [1, 2, 3])])
    model = embed_data(views=[widget], drop_defaults=False)["manager_state"]["state"][widget.model_id]
    # The embedded form adds only the names of the model and of its buffers' places.
    assert len(json.dumps(model)) == pytest.approx(widget.state_bytes(), abs=2000)


def test_a_heavy_page_is_warned_about_and_a_light_one_is_not():
    noise = RNG.integers(0, 256, (3, 600, 600), dtype=np.uint8)
    with pytest.warns(UserWarning, match=r"'Noise' adds 1\.\d MB.*at most 1 MB"):
        scrubber(noise)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        scrubber(noise // 128 * 255)


@pytest.mark.parametrize(
    ("frames", "axes", "message"),
    [
        (np.zeros((0, 4, 5), np.uint8), ONE, r"must start with \(3,\); given \(0, 4, 5\)"),
        (np.zeros((3, 0, 5), np.uint8), ONE, "at least one value"),
        (np.zeros((2, 4, 5), np.uint8), ONE, r"axes have 3 values.*given \(2, 4, 5\)"),
        (np.zeros((2, 3, 4, 5), np.uint8), TWO, r"axes have 3 x 2 values.*given \(2, 3, 4, 5\)"),
        (np.zeros((3, 4), np.uint8), ONE, r"must be \(N, H, W\) or \(N, H, W, 3\); given \(3, 4\)"),
        (np.zeros((3, 4, 5, 4), np.uint8), ONE, r"given \(3, 4, 5, 4\)"),
        (np.zeros((3, 4, 5), np.uint8), TWO, r"must be \(N, M, H, W\)"),
        ([np.zeros((4, 5)), np.zeros((4, 6)), np.zeros((4, 5))], ONE, r"same size; given sizes \[\(4, 5\), \(4, 6\)\]"),
        (np.full((3, 4, 5), np.nan), ONE, "60 NaN"),
        (np.full((3, 4, 5), 200.0), ONE, r"floats must be in \[-1, 1\]"),
        (np.full((3, 4, 5), 256), ONE, r"0\.\.255; given 256"),
        (FRAMES, [], "one to three Axis"),
        (FRAMES, ONE * 4, "one to three Axis"),
        (FRAMES, ["t"], "one to three Axis"),
        (FRAMES, [Axis("", [0, 1, 2])], "needs a name"),
        (FRAMES[:1], [Axis("t", [0])], "at least two values; given 1"),
        (FRAMES, [Axis("t", [0, 1, 2], start=3)], r"index in 0\.\.2; given 3"),
    ],
)
def test_frames_and_axes_that_do_not_fit_are_refused(frames, axes, message):
    with pytest.raises(ValueError, match=message):
        FrameScrubber.from_arrays(frames, axes=axes, title="Noise")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"captions": ["a", "b"]}, "captions: must be one text a frame.* 3; given 2"),
        ({"captions": []}, "captions.*given 0"),
        ({"captions": "abc"}, "captions.*given 'abc'"),
        ({"captions": [["a"], ["b"], ["c"]]}, "captions.*given 3 x 1"),
        ({"readouts": {"SNR": ["1"]}}, r"readouts\['SNR'\].*given 1"),
        ({"companions": [Curve("c", [0, 1], [0, 1])]}, "Curve 'c'"),
        ({"title": ""}, "title: must not be empty"),
        ({"name": ""}, "name: must be lower-case letters.*given ''"),
        ({"name": "Fig 1"}, "name: must be.*given 'Fig 1'"),
        ({"scale": 0}, "scale.*given 0"),
        ({"scale": 1.5}, "scale.*given 1.5"),
        ({"interval_ms": 0}, "interval_ms.*given 0"),
    ],
)
def test_extras_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        scrubber(**options)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Data dissolves into noise", "fig-data-dissolves-into-noise"),
        ("Points: xₜ on the left, x̂₀ on the right of the picture", "fig-points-xt-on-the-left-x0-on-the"),
        ("A" * 60, "fig-" + "a" * 40),
        ("噪声", "fig-"),  # no letter of it can stand in an address as it is
    ],
)
def test_a_name_for_addresses_comes_from_the_title(title, name):
    assert scrubber(title=title).name.startswith(name)
    assert re.fullmatch("[a-z][a-z0-9-]{4,45}", scrubber(title=title).name)
    assert scrubber(title=title, name="fig-own").name == "fig-own"


def test_one_made_without_frames_says_how_to_make_one():
    with pytest.raises(ValueError, match="from_arrays"):
        FrameScrubber()._repr_mimebundle_()


def test_texts_of_two_sliders_must_be_nested_as_the_frames_are():
    with pytest.raises(ValueError, match="lengths 3 x 2; given 6"):
        scrubber(FRAMES2, TWO, captions=list("abcdef"))
    with pytest.raises(ValueError, match="different lengths"):
        scrubber(FRAMES2, TWO, captions=[["a", "b"], ["c"], ["d", "e"]])
