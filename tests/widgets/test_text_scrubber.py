"""The Python side of TextScrubber, and of figures of any kind."""

import warnings

import pytest
import traitlets

from diffusion_utils.widgets import Axis, TextScrubber
from diffusion_utils.widgets.figure import Figure
from diffusion_utils.widgets.still import still_html
from diffusion_utils.widgets.text_still import keepers

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
    assert "&lt;b&gt;a&lt;/b&gt; &amp; b</p></div></div>" in html and "<b>" not in html


def test_hidden_copies_of_the_longest_text_and_of_that_of_most_lines_keep_the_place():
    html = scrubber(["longest of all", "a\nb", "c"]).still_form()[0]["text/html"]
    assert html.count("hidden>longest of all</p>") == html.count("hidden>a\nb</p>") == 1
    assert html.endswith(">longest of all</p></div></div>")
    assert scrubber(["a", "b", "c"]).still_form()[0]["text/html"].count(" hidden>") == 1


def test_a_text_that_is_highest_on_a_phone_alone_keeps_the_place_too():
    """Neither the longest nor of most lines: five lines of 25 letters are ten where only 24 fit."""
    texts = ["x" * 150, "\n" * 7, "\n".join(["y" * 25] * 5)]
    assert keepers(texts) == [texts[0], texts[2], texts[1]]


def test_what_changed_since_the_frame_before_is_marked_setting_by_setting():
    widget = scrubber([["ab_", "xyz"], ["aBc", "xyz"], ["aBcd", "x z"]], TWO, marks="changes")
    assert widget.marks == [[], [], [[1, 3]], [], [[3, 4]], [[1, 2]]]


def test_rows_have_names_and_marks_of_their_own():
    marks = [[[(0, 2)], []], [[], [(0, 1), (3, 4)]], [[], []]]
    widget = scrubber([["to be", "TO"], ["or", "not<"], ["a", "b"]], panels=["low", "high"], marks=marks, mark_name="kept",
                      axes=[Axis("t", [0, 10, 20], start=1)], mask="o", language="en")
    assert widget.marks == [[[0, 2]], [], [], [[0, 1], [3, 4]], [], []]
    data = widget.still_form()[0]
    assert data["text/plain"] == "Letters\n\nlow: or\nhigh: not<"
    html = data["text/html"]
    hidden = 'aria-hidden="true">o</span><span class="fs-aside">…</span>r</p>'
    assert html.index(">low<") < html.index(hidden) < html.index(">high<")
    assert '<b class="fs-mark">n</b><span class="fs-mask"' in html and 't<b class="fs-mark">&lt;</b></p>' in html
    assert html.count('lang="en" translate="no"') == 2 and '<b class="fs-mark">kept</b></p></div>' in html


def test_words_that_are_kept_are_all_subsets_in_the_order_of_their_bits():
    axis = Axis.of_words("keep", ["to", "be", "or"], start=5)
    assert axis.values[:4] == ["__ __ __", "to __ __", "__ be __", "to be __"] and axis.values[5] == "to __ or"
    widget = scrubber(list("abcdefgh"), [axis])
    assert widget.axes == [{"name": "keep", "values": axis.values, "buttons": False, "words": ["to", "be", "or"]}]
    html = still_html(widget.get_state(), widget.still_form()[0]["text/html"])
    assert "<label class=fs-kept>to</label><label>be</label><label class=fs-kept>or</label>" in html
    for words in ([], ["a", ""], ["a"] * 9):
        with pytest.raises(ValueError, match="words: 1 to 8, none of them empty"):
            Axis.of_words("keep", words)


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
    ({"panels": ["a", "b"]}, "lengths 3 x 2; given 3"),
    ({"panels": ["a", ""]}, "panels: names that are not empty"),
    ({"mask": "__"}, "mask: one character"),
    ({"marks": "all"}, "must be 'changes', or .* pairs for each text; given 'all'"),
    ({"marks": [(0, 1)] * 3}, "pairs for each text"),
    ({"marks": [[(0, 1)]]}, "nested as the 3 texts are; given 1"),
    ({"marks": [[(0, 6)], [], []]}, r"stop ≤ 5 .* given \[\[0, 6\]\]"),
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
