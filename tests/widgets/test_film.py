"""Film on the Python side: what it takes, what it sends, and the drawing that stands where nothing moves."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from shown_films import CALLS, FRAMES, GIVEN, PICTURES, film

from diffusion_utils.widgets import Axis
from diffusion_utils.widgets.film import runs_of
from diffusion_utils.widgets.film_still import across


def bars(html: str, kind: str) -> list[int]:
    """The frames that have a bar of this kind."""
    d = re.search(rf'<path class="{kind}" d="([^"]*)"></path>(?!</svg>)', html).group(1)
    return sorted(round((float(x) - across(0.1, FRAMES)) / (across(1, FRAMES) - across(0, FRAMES)))
                  for x in re.findall(r"M([\d.]+)", d))


def still(widget, *position) -> str:
    for name, place in zip(("index", "index2"), position, strict=False):
        setattr(widget, name, place)
    return widget.still_form()[0]["text/html"].split("fs-legend")[0]


@pytest.mark.parametrize("setting", range(4))
def test_the_map_says_what_was_given_what_was_made_together_and_what_was_seen(setting):
    widget = film()
    for k in range(FRAMES):
        html = still(widget, k, setting)
        call = next((call for call in CALLS[setting] if k in call.latent), None)
        latent, observed = (call.latent, call.observed) if call else ([], [])
        assert bars(html, "fs-film-given") == GIVEN[setting] and bars(html, "fs-film-together") == latent
        assert bars(html, "fs-film-made") == sorted(set(range(FRAMES)) - set(GIVEN[setting]) - set(latent))
        middles = [f"{across(frame + 0.5, FRAMES):.1f}" for frame in observed]
        arcs = re.search(r'<path class="fs-film-arc" d="([^"]*)"', html).group(1)
        assert re.findall(r"M([\d.]+)", arcs) == middles
        assert all(end == f"{across(k + 0.5, FRAMES):.1f}" for end in re.findall(r"([\d.]+) 16(?=M|$)", arcs))


def test_it_says_in_words_who_saw_whom():
    widget = film()
    said = np.reshape(widget.captions, (FRAMES, 4))
    assert said[0, 1] == "Frame 0 was given."
    assert said[5, 1] == "Frame 5 was made with 6, 7; seen: 0, 3, 4."
    assert said[3, 0] == "Frame 3 was made with 0–2; seen: nothing."
    named = film(rows=["first", "second"])
    assert np.reshape(named.captions, (FRAMES, 4))[6, 2] == "Frame 6 was given."  # in both rows
    assert still(named, 4, 0).count("<g transform") == 2 and ">second</text>" in still(named, 4, 0)
    assert runs_of([9, 0, 1, 2, 4, 5]) == "0–2, 4, 5, 9" and runs_of([]) == ""


def test_pictures_that_are_alike_are_sent_once_and_each_is_in_its_place():
    widget = film()
    sheet, places = np.asarray(Image.open(io.BytesIO(widget.pictures)).convert("L")), np.frombuffer(widget.places, "<u2")
    assert len(set(places.tolist())) == 8 * 4 * 2 - 4
    for at, place in enumerate(places):
        top, left = 6 * (place // widget.columns), 6 * (place % widget.columns)
        np.testing.assert_array_equal(sheet[top:top + 6, left:left + 6], PICTURES.reshape(-1, 6, 6)[at])


def test_the_still_form_shows_the_pictures_of_its_frame_with_words():
    html = still(film(), 5, 2)
    assert 'aria-label="Two videos. 5 of 2"' in html and "sample &lt;2&gt;" in html and html.count("<img") == 2
    assert film().still_form()[0]["text/plain"] == "Two videos. 3 of 1"


def test_a_film_of_one_slider():
    widget = film(frames=PICTURES[:, 1], maps=[(GIVEN[1], CALLS[1])], axes=[Axis("frame", range(FRAMES))], says=None,
                  readouts=None)
    assert bars(still(widget, 2), "fs-film-together") == [2, 3, 4]


@pytest.mark.parametrize(("options", "message"), [
    ({"frames": PICTURES[:4]}, r"frames: must be \(8, 4, 2, H, W\)"),
    ({"panels": ["a", ""]}, "with a name for each panel"),
    ({"maps": [[(GIVEN[0], CALLS[0])]] * 3}, "maps: must hold rows for each setting, nested as 4"),
    ({"maps": [[(GIVEN[0], CALLS[0])]] * 4, "rows": ["a", "b"]}, "maps: each setting must have a row for each of"),
    ({"maps": [[(GIVEN[1], CALLS[0])]] * 4}, "each of the 8 frames must be given or made, and once"),
    ({"alt": ""}, "alt: must not be empty")])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        film(**options)


def test_without_frames_there_is_nothing_to_show():
    with pytest.raises(ValueError, match=r"make one with Film\.from_frames"):
        type(film())().still_form()
