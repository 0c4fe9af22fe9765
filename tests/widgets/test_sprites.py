"""Arrays to grey levels, grids and sprite sheets."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils.widgets import tile
from diffusion_utils.widgets.sprites import WEBP_MAX_SIDE, encode_png, encode_webp, sprite_sheet, to_uint8


def test_floats_map_minus_one_to_black_and_one_to_white_and_clip():
    grey = to_uint8(np.array([-4.0, -1.0, 0.0, 1.0, 4.0]))
    assert grey.dtype == np.uint8
    assert grey[[0, 1, 3, 4]].tolist() == [0, 0, 255, 255]
    assert grey[2] in (127, 128)  # the exact middle, 127.5, has no grey level of its own


def test_float_to_grey_is_off_by_at_most_half_a_level():
    values = np.linspace(-1, 1, 1001)
    back = to_uint8(values) / 127.5 - 1
    assert np.abs(back - values).max() <= 0.5 / 127.5 + 1e-12


def test_grey_levels_pass_unchanged_from_any_integer_type():
    levels = np.arange(256)
    for dtype in (np.uint8, np.int64, np.int16):
        assert np.array_equal(to_uint8(levels.astype(dtype)), levels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_torch_tensors_are_taken_even_with_gradients(dtype):
    tensor = torch.tensor([-1.0, 1.0], dtype=dtype, requires_grad=True)
    assert to_uint8(tensor).tolist() == [0, 255]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, np.nan], "1 NaN or infinite"),
        ([0.0, np.inf], "1 NaN or infinite"),
        ([0.0, 255.0], r"floats must be in \[-1, 1\].*255"),
        ([0, 256], r"0\.\.255; given 0\.\.256"),
        ([-1, 3], r"0\.\.255; given -1\.\.3"),
        ([True, False], "dtype bool"),
        (["a"], "dtype <U1"),
        ([], "at least one value"),
        ([np.zeros(2), np.zeros(3)], "same size"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        to_uint8(values)


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 1, 4, 3)])
def test_tile_puts_each_image_in_its_place(shape):
    images = np.random.default_rng(0).uniform(-1, 1, shape)
    grid = tile(images, cols=2, pad=2, background=-1)
    assert grid.shape == (3 * 4 + 2 * 2, 2 * 3 + 2)
    for k in range(5):
        top, left = (k // 2) * 6, (k % 2) * 5
        assert np.array_equal(grid[top : top + 4, left : left + 3], to_uint8(images[k]).reshape(4, 3))
    assert not grid[4:6].any() and not grid[:, 3:5].any()  # the gaps
    assert not grid[12:, 5:].any()  # the sixth place is empty


def test_tile_takes_torch_and_needs_no_gap():
    assert np.array_equal(tile(torch.ones(2, 1, 3, 3), cols=2, pad=0), np.full((3, 6), 255))


def test_tile_shows_colours_whichever_axis_they_stand_on():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 6, 3))
    grid = tile(images, cols=2, pad=2, background=-1)
    assert grid.shape == (3 * 4 + 2 * 2, 2 * 6 + 2, 3)
    for k in range(5):
        top, left = (k // 2) * 6, (k % 2) * 8
        assert np.array_equal(grid[top : top + 4, left : left + 6], to_uint8(images[k]))
    assert not grid[4:6].any() and not grid[:, 6:8].any() and not grid[12:, 8:].any()
    assert np.array_equal(tile(torch.as_tensor(images).movedim(-1, 1), cols=2, pad=2, background=-1), grid)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((2, 2, 4, 4)), {}, r"\(B, 3, H, W\) or \(B, H, W, 3\) in colour; given \(2, 2, 4, 4\)"),
        (np.zeros((2, 4, 4, 4)), {}, r"given \(2, 4, 4, 4\)"),
        (np.zeros((2, 3, 4, 3)), {}, r"\(2, 3, 4, 3\) may be \(B, 3, H, W\) or \(B, H, W, 3\)"),
        (np.zeros((4, 4)), {}, r"given \(4, 4\)"),
        (np.full((1, 2, 2), np.nan), {}, "images: every value must be finite"),
        (np.zeros((1, 2, 2)), {"cols": 0}, "cols=0"),
        (np.zeros((1, 2, 2)), {"pad": -1}, "pad=-1"),
        (np.zeros((1, 2, 2)), {"background": 2}, "background.*given 2"),
    ],
)
def test_tile_refuses_what_it_cannot_show(images, options, message):
    with pytest.raises(ValueError, match=message):
        tile(images, **{"cols": 2, **options})


@pytest.mark.parametrize("shape", [(7, 4, 9), (7, 9, 4, 3), (1, 3, 3)])
def test_every_frame_survives_the_sheet_and_the_encoding(shape):
    frames = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    sheet, cols = sprite_sheet(frames)
    decoded = np.asarray(Image.open(io.BytesIO(encode_webp(sheet))).convert("RGB" if len(shape) == 4 else "L"))
    height, width = shape[1:3]
    for k, frame in enumerate(frames):
        top, left = (k // cols) * height, (k % cols) * width
        assert np.array_equal(decoded[top : top + height, left : left + width], frame)


def test_a_sheet_that_webp_cannot_hold_is_refused():
    frames = np.broadcast_to(np.zeros((1, 1), np.uint8), (4, WEBP_MAX_SIDE, WEBP_MAX_SIDE))
    with pytest.raises(ValueError, match="at most 16383 on a side"):
        sprite_sheet(frames)


def test_the_poster_repeats_pixels():
    picture = np.array([[0, 255]], np.uint8)
    enlarged = np.asarray(Image.open(io.BytesIO(encode_png(picture, scale=3))))
    assert np.array_equal(enlarged, np.repeat([[0, 0, 0, 255, 255, 255]], 3, axis=0))
