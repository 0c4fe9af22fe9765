"""The figures of the chapter on unCLIP: each picture in its place, with what was read in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from diffusion_utils.chapters.unclip_figures import ablation, between, count, decoded, moved, varied
from diffusion_utils.data.scenes import facts_of
from diffusion_utils.latent import Identity

RED, BLUE = "a thin small red 3", "a thick large blue 8"


def facts(*texts: str) -> Tensor:
    return torch.from_numpy(np.stack([facts_of(text) for text in texts])).to(torch.int8)


def grey(*shape: int) -> Tensor:
    """Pictures (…, 3, 8, 8), each of one level, which rises from picture to picture."""
    levels = torch.linspace(-1, 1, int(np.prod(shape))).reshape(*shape, 1, 1, 1)
    return levels.expand(*shape, 3, 8, 8).half().contiguous()


@pytest.fixture
def record() -> dict:
    """As benchmarks/unclip_figures.py makes it, but for fewer pictures."""
    pairs = [{"name": "captions", "ends": [RED, BLUE]}, {"name": "two scenes", "ends": [None, None]}]
    return {"settings": {"shares": [0.0, 0.5, 1.0], "pairs": pairs, "angles": [0.0, 0.4], "changes": ["red → blue", "3 → 8"],
                         "kinds": ["true", "prior"], "captions": [RED, BLUE], "asked": [RED, BLUE]}}


@pytest.fixture
def drawn() -> dict[str, Tensor]:
    arc = torch.stack([facts(RED, RED), facts(RED, BLUE), facts(BLUE, BLUE)])
    moves = torch.stack([torch.stack([facts(RED, RED), facts(RED, BLUE)])] * 2)
    return decoded(Identity(), {
        "between": grey(2, 3, 2), "between_facts": torch.stack([arc, arc.flip(0)]),
        "originals": grey(2), "varied": grey(2, 3),
        "varied_facts": torch.stack([facts(RED, RED, BLUE), facts(RED, BLUE, BLUE)]),
        "before": grey(2, 2), "moved": grey(2, 2, 2), "moved_facts": moves,
        "asked_facts": torch.stack([facts(BLUE, BLUE), facts(RED, RED)]),
        "rows": grey(2, 2), "rows_facts": torch.stack([facts(RED, BLUE), facts(BLUE, RED)])})


def readout(widget, name: str, *positions: int) -> str:
    widget.index, widget.index2 = [*positions, 0][:2]
    return dict(widget.readouts)[name][widget.frame]


def level(widget, row: int, column: int) -> int:
    """The grey in the middle of a picture of the frame at which the sliders stand."""
    return int(widget._frames[widget.frame][9 * row + 4, 9 * column + 4, 0])


def as_grey(x: Tensor) -> int:
    return int((float(x.flatten()[0]) + 1) * 127.5 + 0.5) // 17 * 17


def test_what_is_decoded_keeps_its_place(drawn):
    assert drawn["between"].shape == (2, 3, 2, 3, 8, 8) and drawn["between"].dtype == torch.float32
    torch.testing.assert_close(drawn["between"], grey(2, 3, 2).float())
    assert drawn["between_facts"].dtype == torch.int64


def test_between_two_ends_what_is_said_or_read_there_is_counted(record, drawn):
    widget = between(record, drawn)
    assert [axis["values"] for axis in widget.axes] == [["0", "0.5", "1"], ["captions", "two scenes"]]
    assert readout(widget, "as the first", 0, 0) == "2 of 2" == readout(widget, "as the second", 2, 0)
    assert readout(widget, "as the first", 1, 0) == "1 of 2" == readout(widget, "as the second", 1, 1)
    assert readout(widget, "as the first", 0, 1) == "2 of 2" and readout(widget, "as the second", 0, 1) == "0 of 2"
    widget.index, widget.index2 = 1, 1
    assert level(widget, 0, 1) == as_grey(drawn["between"][1, 1, 1])


def test_variations_stand_behind_their_scene(record, drawn):
    widget = varied(record, drawn)
    assert readout(widget, "as the caption says", 0) == "2 of 3" == readout(widget, "as the caption says", 1)
    widget.index = 1
    assert level(widget, 0, 0) == as_grey(drawn["originals"][1]) and level(widget, 0, 3) == as_grey(drawn["varied"][1, 2])


def test_moved_scenes_stand_below_what_they_were(record, drawn):
    record["settings"]["angles"] = [0.0, 0.4]
    widget = moved(record, drawn)
    assert readout(widget, "all as the new caption says", 1, 0) == "1 of 2"
    assert readout(widget, "all as the new caption says", 0, 1) == "2 of 2"
    assert level(widget, 0, 0) == as_grey(drawn["before"][1, 0])


def test_each_kind_of_embedding_has_its_pictures_and_its_share(record, drawn):
    widget = ablation(record, drawn, {"true": "90%", "prior": "80%"})
    assert readout(widget, "as asked", 0) == "2 of 2" and readout(widget, "as asked", 1) == "0 of 2"
    assert readout(widget, "measured", 1) == "80%"


def test_what_nobody_asked_for_is_right_in_any_case():
    assert count(facts_of("a 3"), facts(RED, BLUE).long()) == "1 of 2"
