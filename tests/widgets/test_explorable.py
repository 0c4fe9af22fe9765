"""The Python side of Explorable."""

import io

import pytest
import traitlets
from PIL import Image

from diffusion_utils.exact import GaussianMixture
from diffusion_utils.widgets import Explorable

PLANE = GaussianMixture([[1.0, 0.0], [-1.0, 0.0]], [0.2, 0.3])
LINE = GaussianMixture([[1.0], [-1.0]], [0.2, 0.3])


def points(mixture=PLANE, **options):
    return Explorable.points(mixture, **{"title": "Points", "alt": "Two clouds", **options})


@pytest.mark.parametrize("widget", [points(), Explorable.schedules(title="Schedules", alt="Two curves")])
def test_the_output_carries_a_view_a_picture_and_a_text(widget):
    data, metadata = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert data["text/plain"] == widget.alt
    assert Image.open(io.BytesIO(widget.poster_png())).size == (880, 880)  # fine enough for a phone's screen
    assert metadata["image/png"] == {"width": 440, "height": 440}


def test_times_run_from_data_to_noise():
    assert points(T=100, frames=4).axes[0]["values"] == ["0", "25", "50", "75", "100"]


def test_positions_are_checked():
    widget = points(frames=10)
    widget.index, widget.index2 = 10, 2
    with pytest.raises(traitlets.TraitError, match=r"index must lie in 0\.\.10; given 11"):
        widget.index = 11
    with pytest.raises(traitlets.TraitError, match=r"index2 must lie in 0\.\.2; given 3"):
        widget.index2 = 3


@pytest.mark.parametrize(("options", "message"), [
    ({"mixture": LINE}, r"shape \(K, 2\); given \(2, 1\)"),
    ({"frames": 0}, "frames=0"),
    ({"frames": 2000}, "frames=2000"),
    ({"count": 0}, "count=0"),
    ({"limit": -1.0}, "limit=-1"),
    ({"title": ""}, "title and alt"),
    ({"alt": ""}, "title and alt"),
    ({"name": "A b"}, "name: must be lower-case"),
])
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        points(**options)


def test_one_made_without_settings_says_how_to_make_one():
    with pytest.raises(ValueError, match=r"Explorable\.points"):
        Explorable()._repr_mimebundle_()
