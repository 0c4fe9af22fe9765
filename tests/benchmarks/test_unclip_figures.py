"""What the record of chapter 7's figures holds: pictures of the right embeddings, and scenes that may change as they shall."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import unclip_figures
from unclip_bars import Painted
from unclip_figures import CHANGES, PAIRS, between, changing, kinds, moved, settings_of, varied
from unclip_model import unclip_model

from diffusion_utils.data.scenes import facts_of, load_scenes
from diffusion_utils.data.scenes.facts import COLOUR, COLOURS, FIRST, is_held_out_colour, is_held_out_pair

BLUE = COLOURS.index("blue")


@pytest.fixture(scope="module")
def scenes():
    return load_scenes("test", 60, seed=7)


@pytest.fixture(scope="module")
def painted(tmp_path_factory) -> Painted:
    model = unclip_model()
    for one in (model, *model.needs.values()):
        one.card["sha256"] = 64 * "0"
    return Painted(model, tmp_path_factory.mktemp("drawn"))


def test_scenes_of_one_digit_become_what_networks_have_seen():
    asked = np.stack([facts_of(f"a thin small red {digit}") for digit in range(10)] + [facts_of("a thin small green 3")] * 3)
    rows, new = changing(asked, COLOUR, COLOURS.index("red"), BLUE)
    assert len(rows) == 4 and (new[:, FIRST.start + COLOUR] == BLUE).all()
    assert not any(is_held_out_colour(digit, BLUE) for digit in new[:, FIRST.start])
    assert (asked[rows, FIRST.start] == new[:, FIRST.start]).all() and asked[rows, FIRST.start + COLOUR].max() == 0


def test_captions_between_which_we_walk_are_of_what_networks_have_seen():
    for one in [facts_of(text) for pair in PAIRS.values() for text in pair if text]:
        digits = [one[place] for place in (2, 6) if one[place] >= 0]
        colours = [one[place] for place in (3, 7) if one[place] >= 0]
        assert len(digits) == len(colours) and not any(map(is_held_out_colour, digits, colours))
        assert len(digits) == 1 or not is_held_out_pair(*digits)


def test_arcs_begin_and_end_in_their_ends_with_the_same_noise(painted, scenes, monkeypatch):
    monkeypatch.setattr(unclip_figures, "PAIRS", {"two scenes": (None, None)})
    found = between(painted, scenes, 1.0, (0.0, 1.0))["between"]
    rows = torch.nonzero(scenes.facts[:, 0] == 1)[:2, 0]
    ends = unclip_figures.picture_vectors(painted.model, scenes.x0(rows))
    for k in range(2):
        wanted = painted.codes(ends[k:k + 1].expand(4, -1), 1.0, f"wanted-{k}", 7)
        torch.testing.assert_close(found[0, k].float(), wanted.float(), rtol=0, atol=2e-3)  # kept in half precision


def test_all_that_a_figure_needs_is_kept_with_what_is_read(painted, scenes, monkeypatch):
    monkeypatch.setattr(unclip_figures, "CHANGES", {"red → blue": CHANGES["red → blue"]})
    for name, value in (("VARIED", 2), ("VARIATIONS", 1), ("ASKED", 2), ("SHOWN", 1), ("STEPS", 2)):
        monkeypatch.setattr(unclip_figures, name, value)
    tensors = varied(painted, scenes, 1.0) | moved(painted.model, scenes, (0.0, 0.5)) | kinds(painted, scenes, 1.0)
    code = (4, 16, 16)
    assert tensors["varied"].shape == (2, 1, *code) and tensors["originals"].shape == (2, *code)
    assert tensors["moved"].shape == (1, 2, 1, *code) and tensors["before"].shape == (1, 1, *code)
    assert tensors["rows"].shape == (4, 2, *code) and tensors["rows_facts"].shape == (4, 2, 10)
    assert all(x.dtype == (torch.int8 if name.endswith("_facts") else torch.half) for name, x in tensors.items())
    assert json.loads(json.dumps(settings_of(scenes, 2.0, (0.0,), (0.5,))))["pairs"][-1]["ends"] == [None, None]
