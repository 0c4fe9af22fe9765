"""The reader of scenes: on real ones, on what was drawn by hand, and on what is no scene."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.data.scenes.drawing import PALETTE, SIDE
from diffusion_utils.data.scenes.facts import COUNT, RELATION
from diffusion_utils.metrics import scenes as reader


@pytest.fixture(scope="module")
def real():
    return load_scenes("test", 300)


def test_real_scenes_are_read_right(real):
    """0.930 of 1,000 test scenes; of 300 that is 0.93 ± 0.015, and three of these below."""
    if not real.source.startswith("drawn with mnist"):
        pytest.skip("the figures are those of MNIST")
    found = reader.read_scenes(real.x0(torch.arange(300)), "cpu")
    share = reader.shares(real.facts.numpy(), found.facts)
    assert share["everything"] > 0.93 - 3 * 0.015
    assert min(share.values()) == share["everything"]  # all else is easier


def bars(*boxes: tuple[int, int, int, int], colours: tuple[int, ...] = (0, 1)) -> torch.Tensor:
    """A picture (1, 3, 64, 64) with filled boxes (top, left, bottom, right) in colours of the palette."""
    picture = np.zeros((3, SIDE, SIDE))
    for (top, left, bottom, right), colour in zip(boxes, colours, strict=False):
        picture[:, top:bottom, left:right] = PALETTE[colour][:, None, None]
    return torch.tensor(picture / 127.5 - 1, dtype=torch.float32)[None]


@pytest.mark.parametrize(("boxes", "relation", "first"), [
    (((10, 4, 34, 10), (12, 40, 36, 46)), 0, 0), (((12, 40, 36, 46), (10, 4, 34, 10)), 0, 1),
    (((2, 20, 22, 26), (40, 22, 60, 28)), 1, 0), (((40, 22, 60, 28), (2, 20, 22, 26)), 1, 1)])
def test_which_stands_first_is_read_off_their_places(boxes, relation, first):
    found = reader.read_scenes(bars(*boxes), "cpu")
    assert (found.facts[0, COUNT], found.facts[0, RELATION]) == (2, relation)
    assert tuple(found.boxes[0, 0]) == boxes[first] and tuple(found.boxes[0, 1]) == boxes[1 - first]
    assert (found.facts[0, 3], found.facts[0, 7]) == (first, 1 - first)  # the colour goes with the box


@pytest.mark.parametrize("colour", range(len(PALETTE)))
def test_a_colour_is_read_also_where_it_is_faint(colour):
    x = bars((10, 10, 40, 14), colours=(colour,))
    for strength in (1.0, 0.5):
        assert reader.read_scenes((x + 1) * strength - 1, "cpu").facts[0, 3] == colour


def test_size_and_stroke_are_lengths():
    """A bar 30 high is large, one of 15 small; 3 of 30 wide is thin, 10 of 30 thick."""
    facts = [reader.read_scenes(bars((10, 10, 10 + high, 10 + wide)), "cpu").facts[0] for high, wide in
             ((30, 3), (15, 2), (30, 10))]
    assert [row[4] for row in facts] == [1, 0, 1] and [row[5] for row in facts] == [0, 0, 1]


def test_a_broken_stroke_is_one_digit_and_a_speck_is_none():
    x = bars((10, 10, 20, 14), (22, 10, 32, 14), colours=(0, 0))  # two pixels between them
    assert reader.read_scenes(x, "cpu").facts[0, COUNT] == 1
    x = bars((10, 10, 20, 14), (40, 40, 42, 42))
    assert reader.read_scenes(x, "cpu").facts[0, COUNT] == 1


def test_an_empty_picture_holds_nothing():
    found = reader.read_scenes(torch.full((2, 3, SIDE, SIDE), -1.0), "cpu")
    assert found.facts[:, COUNT].tolist() == [0, 0] and (found.facts[:, 1:] == -1).all() and len(found.crops) == 0


def test_a_crop_is_framed_as_mnist_has_it():
    found = reader.read_scenes(bars((10, 20, 40, 26)), "cpu")
    ink = (found.crops[0, 0] > 0).nonzero()
    assert found.crops.shape == (1, 1, 28, 28)
    assert int(ink[:, 0].max() - ink[:, 0].min()) + 1 == 20  # the longest side
    assert (ink.double().mean(0) + 0.5 - 14).abs().max() <= 0.5  # the centre of mass, to the nearest pixel


def test_the_floor_is_far_below_and_a_caption_asks_for_what_it_says(real):
    rows = torch.arange(100)
    figures = reader.evaluate(real.x0(rows), real.condition(rows), device="cpu")
    assert figures["n_judged"] == 100 and figures["right"]["everything"] > 10 * figures["floor"]["everything"]
    assert figures["right"] == reader.shares(real.facts[rows].numpy(), reader.read_scenes(real.x0(rows), "cpu").facts)
    with pytest.raises(ValueError, match="a prompt for each of 100 scenes is needed, got 99"):
        reader.evaluate(real.x0(rows), real.condition(rows[:99]))


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"scenes must be \(N, 3, 64, 64\), got \(2, 1, 28, 28\)"):
        reader.read_scenes(torch.zeros(2, 1, 28, 28))
