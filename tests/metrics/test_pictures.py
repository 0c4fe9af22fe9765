"""The measures of pictures of any kind tell good samples from bad ones of every sort, and copies from new pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from diffusion_utils.data.pictures import load_pictures
from diffusion_utils.metrics.pictures import Yardstick, evaluate, nearest
from diffusion_utils.networks.encoders.random_features import RandomFeatures


def shape_picture(seed: int) -> Image.Image:
    """A disc or a square of a dark colour somewhere on a light one, 16 × 16."""
    rng = np.random.default_rng(seed)
    light, dark = (tuple(int(v) for v in rng.integers(low, low + 100, 3)) for low in (150, 0))
    image = Image.new("RGB", (16, 16), light)
    x, y, r = (int(v) for v in rng.integers((4, 4, 2), (12, 12, 5)))
    (ImageDraw.Draw(image).ellipse if seed % 2 else ImageDraw.Draw(image).rectangle)((x - r, y - r, x + r, y + r), fill=dark)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("shapes")
    for seed in range(1000):
        shape_picture(seed).save(root / f"{seed}.png")
    return root


@pytest.fixture(scope="module")
def held_out(folder):
    data = load_pictures("test", folder, 16)
    return data.x0(torch.arange(len(data)))


def blurred(x):
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


@pytest.mark.parametrize(("spoil", "at_least"), [
    (blurred, 3), (lambda x: (x + 0.1 * torch.randn_like(x)).clamp(-1, 1), 5),
    (lambda x: x[:5].repeat(len(x) // 5, 1, 1, 1), 5), (lambda x: x.mean(1, keepdim=True).expand_as(x).contiguous(), 3),
    (lambda x: (x + 0.3).clamp(-1, 1), 5), (lambda x: -x, 20),
], ids=["blurred", "noisy", "only five of them", "grey", "lighter", "inverted"])
def test_spoilt_pictures_lie_far_above_the_floor_of_good_ones(spoil, at_least, folder, held_out):
    torch.manual_seed(0)
    figures = evaluate(spoil(held_out), folder=folder)
    assert figures["fd"] > at_least * figures["floor_held_out"]


def test_pictures_that_nobody_learnt_from_score_the_floor(folder, held_out):
    figures = evaluate(held_out, calls=7, folder=folder)
    # the same 100 pictures in another order, so float32 sums of 64 features differ in their last digits
    assert figures["fd"] == pytest.approx(figures["floor_held_out"], rel=1e-4)
    assert figures["floor_train"] < 2 * figures["floor_held_out"] and figures["calls"] == 7
    assert figures["precision"] == figures["recall"] == 1.0


def test_copies_of_training_pictures_are_found(folder, held_out):
    train, test = (load_pictures(split, folder, 16) for split in ("train", "test"))
    x = held_out[:10].clone()
    x[3] = train.x0(torch.tensor([77]))[0]
    found = nearest(x, train, test)
    assert found["worst"][0] == {"sample": 3, "training_picture": 77, "distance": 0.0}
    assert found["worst"][1]["distance"] >= found["smallest_of_held_out"] > 0
    assert found["median"] < 3 * found["median_of_held_out"]


def test_a_shift_of_every_pixel_is_the_distance(folder):
    train, test = (load_pictures(split, folder, 16) for split in ("train", "test"))
    x = train.x0(torch.tensor([5, 6])) + torch.tensor([0.01, 0.02])[:, None, None, None]
    worst = nearest(x, train, test)["worst"]
    assert [pair["training_picture"] for pair in worst] == [5, 6]
    assert [pair["distance"] for pair in worst] == pytest.approx([0.01, 0.02], rel=1e-3)  # float32


def test_features_are_those_of_the_seed_and_of_every_size():
    x = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(RandomFeatures(3)(x), RandomFeatures(3)(x)) and RandomFeatures(3)(x).shape == (3, 64)
    assert not torch.equal(RandomFeatures(3)(x), RandomFeatures(3, seed=1)(x))
    # of one brightness c in 0…1 the strength is |c · Σ weights|, whatever the size, and 0 for filters of differences
    encoder = RandomFeatures(1, width=4, stages=1)
    expected = (0.75 * encoder.weight0.sum((1, 2, 3))).abs()
    assert expected[::2].max() < 1e-6 < 0.01 < expected[1::2].min()
    for size in (8, 20):
        assert torch.allclose(encoder(torch.full((1, 1, size, size), 0.5))[0], expected, atol=1e-6)


def test_a_filter_that_answers_to_nothing_makes_no_nan(folder):
    train = load_pictures("train", folder, 16)
    black = type(train)(torch.zeros_like(train.images), train.labels, "black", "made here", "")
    yardstick = Yardstick(black)
    assert np.isfinite(yardstick.distance(yardstick(black.x0(torch.arange(5)))))


@pytest.mark.parametrize(("x", "says"), [
    (torch.zeros(1, 3, 16, 16), "N ≥ 2"), (torch.zeros(4, 2, 16, 16), "1 or 3"), (torch.zeros(4, 3, 16, 20), "size, size"),
    (torch.zeros(4, 3, 16, 16, dtype=torch.int64), "floating point"), (torch.full((4, 3, 16, 16), 1.5), "1.5…1.5"),
    (torch.full((4, 3, 16, 16), torch.nan), "finite"),
])
def test_what_are_no_pictures_is_refused(x, says, folder):
    with pytest.raises(ValueError, match=says):
        evaluate(x, folder=folder)


def test_without_a_folder_there_is_nothing_to_compare_with():
    with pytest.raises(ValueError, match="give --data FOLDER"):
        evaluate(torch.zeros(4, 3, 16, 16))
