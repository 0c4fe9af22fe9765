"""The Python side of TextScrubber, and of figures of any kind."""

import warnings

import pytest
import traitlets

from diffusion_utils.widgets import Axis, TextScrubber
from diffusion_utils.widgets.figure import Figure

ONE = [Axis("t", [0, 10, 20])]
TWO = [Axis("t", [0, 10, 20]), Axis("mask", ["all", "half"])]
TEXTS = ["to be", "t_ b_", "__ __"]


def scrubber(texts=TEXTS, axes=ONE, title="Letters", **options):
    return TextScrubber.from_texts(texts, axes=axes, title=title, **options)


def test_texts_are_in_the_order_of_the_frames_and_start_where_the_axes_say():
    axes = [Axis("t", [0, 10, 20], start=2), Axis("mask", ["all", "half"], start=1)]
    widget = scrubber([["a", "b"], ["c", "d"], ["e", "f"]], axes, readouts={"left": [[0, 1], [2, 3], [4, 5]]})
    assert widget.texts == list("abcdef") and widget.frame == 5 and widget.readouts == [["left", list("012345")]]
    with pytest.raises(traitlets.TraitError, match=r"index2 must lie in 0\.\.1; given 2"):
        widget.index2 = 2


def test_what_cannot_run_it_is_given_the_text_and_its_html_where_nothing_is_markup():
    widget = scrubber(["<b>a</b> & b", "x\n  y", "z"], alt="Letters fall away")
    widget.index = 1
    data, _ = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert data["text/plain"] == "Letters fall away\n\nx\n  y"
    assert "image/png" not in data
    widget.index = 0
    html = widget.still_form()[0]["text/html"]
    assert "&lt;b&gt;a&lt;/b&gt; &amp; b</p></div>" in html and "<b>" not in html


def test_hidden_copies_of_the_longest_text_and_of_that_of_most_lines_keep_the_place():
    html = scrubber(["longest of all", "a\nb", "c"]).still_form()[0]["text/html"]
    assert html.count("hidden>longest of all</p>") == html.count("hidden>a\nb</p>") == 1
    assert html.endswith(">longest of all</p></div>")
    assert scrubber(["a", "b", "c"]).still_form()[0]["text/html"].count(" hidden>") == 1


def test_a_heavy_page_is_warned_about_and_a_light_one_is_not():
    with pytest.warns(UserWarning, match=r"TextScrubber 'Letters' adds 1\.\d MB.*fewer or shorter texts"):
        scrubber(["word " * 80_000] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        scrubber()


@pytest.mark.parametrize(("options", "message"), [
    ({"texts": ["a", "b"]}, "texts: must be one text a frame.* 3; given 2"),
    ({"texts": "abc"}, "texts.*given 'abc'"),
    ({"texts": ["a", "b", "c"], "axes": TWO}, "lengths 3 x 2; given 3"),
    ({"texts": ["", " ", "\n"]}, "texts: at least one must have something to read; given 3 empty ones"),
    ({"axes": []}, "one to three Axis"),
    ({"captions": ["a"]}, "captions"),
    ({"title": ""}, "title: must not be empty"),
    ({"name": "A b"}, "name: must be lower-case"),
    ({"interval_ms": 1}, "interval_ms.*given 1"),
])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        scrubber(**options)


def test_one_made_without_texts_says_how_to_make_one():
    with pytest.raises(ValueError, match="from_texts"):
        TextScrubber()._repr_mimebundle_()


def test_a_figure_of_a_new_kind_is_asked_what_stands_where_it_cannot_move():
    class Silent(Figure):
        _esm = "export default {}"

    with pytest.raises(NotImplementedError, match="Silent has no still_form"):
        Silent()._repr_mimebundle_()
