"""The still figure that stands in for a widget."""

import re
from html.parser import HTMLParser

import ipywidgets
import numpy as np

from diffusion_utils.widgets import Axis, Curve, Explorable, FrameScrubber, TextScrubber
from diffusion_utils.widgets.still import is_figure, picture_html, still_html, with_subscripts

VOID = {"img"}


class Checker(HTMLParser):
    """Collects texts, the picture's attributes, and any tag closed out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.texts, self.image, self.unbalanced = [], [], {}, []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.image = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def still(widget) -> str:
    return still_html(widget.get_state(), picture_html(widget.get_state(), "a.png"))


def read(widget) -> Checker:
    checker = Checker()
    state = widget.get_state()
    checker.feed(still_html(state, picture_html(state, "_images/a b.png")))
    assert checker.open == [] and checker.unbalanced == []
    return checker


def test_it_shows_the_frame_python_left_and_says_so():
    widget = FrameScrubber.from_arrays(
        np.zeros((2, 3, 4, 5), np.uint8),
        axes=[Axis("t", [0, 10]), Axis("kind", ["a", "b", "c"])],
        title="Tom & <Jerry>",
        readouts={"ᾱ_t": [["00", "01", "02"], ["10", "11", "12"]]},
        captions=[["c00", "c01", "c02"], ["c10", "c11", "c12"]],
        companions=[Curve("Plot", [0, 1], lines={"one": [0, 1]})],
        scale=3,
    )
    widget.index, widget.index2 = 1, 2
    seen = read(widget)
    assert {"Tom & <Jerry>", "10", "c", "12", "c12", "Plot", " one"} <= set(seen.texts)
    assert not {"11", "0"} & set(seen.texts)
    assert (seen.image["width"], seen.image["height"]) == ("15", "12")
    assert seen.image["alt"] == widget.alt and seen.image["src"] == "_images/a b.png"


def test_one_slider_without_extras():
    widget = FrameScrubber.from_arrays(np.zeros((2, 4, 5), np.uint8), axes=[Axis("t", [0, 1])], title="Plain")
    assert "Plain" in read(widget).texts


def test_a_figure_that_computes_itself_shows_where_it_starts():
    seen = read(Explorable.schedules(title="Two schedules", alt="Two curves"))
    names = {"Two schedules", "t / T", "last β of linear", "offset of cosine"}
    assert names | {"0.50", "1000", "0.02", "0.008", "0.00635"} <= set(seen.texts)
    assert seen.image["alt"] == "Two curves" and seen.image["width"] == "440"


def test_the_book_recognises_figures_of_any_kind_and_nothing_else():
    scrubber = FrameScrubber.from_arrays(np.zeros((2, 4, 5), np.uint8), axes=[Axis("t", [0, 1])], title="Plain")
    explorable = Explorable.schedules(title="Two schedules", alt="Two curves")
    text = TextScrubber.from_texts(["a", "b"], axes=[Axis("t", [0, 1])], title="Text")
    assert all(is_figure(widget.get_state()) for widget in (scrubber, explorable, text))
    assert not is_figure(ipywidgets.IntSlider().get_state())


def test_titles_have_subscripts():
    widget = FrameScrubber.from_arrays(np.zeros((2, 4, 5), np.uint8), axes=[Axis("t", [0, 1])], title="Only x_t",
                                       companions=[Curve("λ_t", [0, 1], [0, 1])])
    assert re.findall(r"(\S)<sub>t</sub>", still(widget)) == ["x", "λ"]


def test_an_underscore_makes_a_subscript_of_letters_of_any_alphabet():
    html = with_subscripts("Σ_θ and signal² (ᾱ_t)")
    assert re.sub("</?span[^>]*>", "", html) == "Σ<sub>θ</sub> and signal² (ᾱ<sub>t</sub>)"


def test_a_page_translator_is_kept_from_numbers_and_symbols_and_from_no_word():
    html = with_subscripts("Only x_t & t")
    assert html == 'Only <span translate="no">x<sub>t</sub></span><span translate="no"> &amp; t</span>'
    widget = FrameScrubber.from_arrays(
        np.zeros((2, 2, 4, 5), np.uint8), axes=[Axis("t", [0, 1000]), Axis("way", ["forward", "back"])], title="Two",
        readouts={"λ_t": [["−5", "∞"], ["0.5", "1e−5"]], "verdict": [["fine", "0.3"], ["too much", "fine"]]})
    html = still(widget)
    assert re.findall('<dd translate="no"[^>]*>([^<]*)', html) == ["−5"]
    assert re.findall("<dd style[^>]*>([^<]*)", html) == ["fine"]
    assert re.findall('fs-value" translate="no"[^>]*>([^<]*)', html) == ["0"]
    assert re.findall('fs-value">([^<]*)', html) == ["forward"]
    assert re.findall('fs-name">(.*?)</span><(?:span|div) class="fs-', html) == ['<span translate="no">t</span>', "way"]
