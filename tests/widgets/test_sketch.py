"""Sketch on the Python side: what it takes, what it sends, and what stands where nothing moves."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils.widgets import Sketch

DIGITS = np.linspace(-1, 1, 12 * 784).reshape(12, 1, 28, 28)


def dissolve(**options):
    return Sketch.dissolve(**{"examples": DIGITS[:10], "title": "Dissolves", "alt": "A digit", **options})


def oracle(**options):
    return Sketch.oracle(**{"examples": DIGITS[:10], "known": torch.as_tensor(DIGITS), "labels": [0, 1] * 6, "title": "Oracle",
                            "alt": "A guess", "board": "All <twelve>.", **options})


def test_the_sheet_holds_every_digit_in_sixteen_levels():
    widget = oracle()
    columns = widget.settings["columns"]
    sheet = np.asarray(Image.open(io.BytesIO(widget.digits)).convert("L"))
    wanted = np.concatenate([DIGITS[:10], DIGITS])[:, 0]
    assert widget.settings["count"] == 22 and len(np.unique(sheet)) <= 16
    for k, digit in enumerate(wanted):
        top, left = 28 * (k // columns), 28 * (k % columns)
        found = sheet[top:top + 28, left:left + 28] / 127.5 - 1
        assert np.abs(found - digit).max() < 16 / 127.5


def test_the_sliders_stand_where_asked():
    widget = dissolve(t=480)
    assert widget.axes[0]["values"][widget.index] == "480" and widget.axes[1]["values"][widget.index2] == "linear"
    assert oracle(t=1000).axes[0]["values"][-1] == "1000"
    assert oracle().axes[0]["values"][0] == "20"  # at 0 there is nothing to guess


def test_the_still_form_shows_the_chosen_example_and_escapes_its_words():
    form, about = oracle(start=7).still_form()
    html = form["text/html"]
    assert "All &lt;twelve&gt;." in html and 'aria-label="A guess"' in html and about == {}
    first = re.search(r"data:image/png;base64,([^\"]+)", html)[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(first))).convert("L")) / 127.5 - 1
    assert np.abs(picture - DIGITS[7, 0]).max() < 16 / 127.5
    assert dissolve().still_form()[0]["text/html"].count("<img") == 6  # the digit, x_t, and x_t under four schedules


def test_it_is_light():
    """Beside its code, which a page holds once, what a drawing with 100 digits to compare with adds to it."""
    noise = np.random.default_rng(0).choice([-1.0, 1.0], (110, 7, 7)).repeat(4, 1).repeat(4, 2)
    widget = oracle(examples=noise[:10], known=noise[10:], labels=[k % 10 for k in range(100)])
    state = {key: value for key, value in widget.get_state().items() if key not in ("_esm", "_css", "digits")}
    html = widget.still_form()[0]["text/html"]
    assert len(json.dumps(state, default=str)) + 4 / 3 * len(widget.digits) + len(html) < 40_000


@pytest.mark.parametrize(("make", "options", "message"), [
    (dissolve, {"examples": DIGITS[:9]}, r"examples: must be 10 digits of 28 × 28 pixels; given \(9, 28, 28\)"),
    (dissolve, {"examples": DIGITS[:10, :, :27]}, r"given \(10, 27, 28\)"),
    (dissolve, {"t": 210}, "t: must be a position of the slider, 0, 20, …, 1000; given 210"),
    (dissolve, {"start": 10}, r"start: must be an example, 0…9; given 10"),
    (dissolve, {"title": ""}, "title and alt"),
    (dissolve, {"name": "A b"}, "name: must be lower-case"),
    (oracle, {"known": DIGITS[:, :, :5]}, r"known: must be any number of digits of 28 × 28 pixels; given \(12, 5, 28\)"),
    (oracle, {"labels": [0] * 11}, "labels: one class 0…9 for each of the 12 digits known"),
    (oracle, {"labels": [10] * 12}, "labels: one class"),
    (oracle, {"t": 0}, "t: must be a position"),
])
def test_bad_input(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_one_made_without_settings_says_how_to_make_one():
    with pytest.raises(ValueError, match=r"Sketch\.dissolve"):
        Sketch()._repr_mimebundle_()
