"""Rows of images: which image lands where, in grey and in colour, and what is refused."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from diffusion_utils.chapters.plotting import image_row

GREY = torch.linspace(-1.5, 1.5, 2 * 4 * 6).reshape(2, 1, 4, 6)
COLOUR = torch.linspace(-1.5, 1.5, 5 * 3 * 4 * 6).reshape(5, 3, 4, 6)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(figure, columns: int) -> list[list[np.ndarray]]:
    """What each row of the figure shows, image by image, as red, green and blue in 0..1."""
    images = [[image.to_rgba(image.get_array())[..., :3] for image in axes.images] for axes in figure.axes]
    return [[one for shown in images[start : start + columns] for one in shown] for start in range(0, len(images), columns)]


def test_grey_and_colour_stand_side_by_side_clipped():
    grey, colour, last = drawn(image_row({"grey": GREY, "colour": COLOUR, "last": COLOUR.movedim(1, -1)}), columns=5)
    assert (len(grey), len(colour), len(last)) == (2, 5, 5)
    for shown, wanted in zip(grey, (GREY[:, 0].clamp(-1, 1) + 1) / 2, strict=True):
        np.testing.assert_allclose(shown, wanted[..., None].expand(4, 6, 3), atol=1 / 255)    # the colour map has 256 greys
    for shown, again, wanted in zip(colour, last, (COLOUR.movedim(1, -1).clamp(-1, 1) + 1) / 2, strict=True):
        np.testing.assert_allclose(shown, wanted, atol=1e-6)
        assert np.array_equal(shown, again)


def test_whole_numbers_are_levels_and_not_all_white():
    levels = torch.arange(0, 240, 10, dtype=torch.uint8).reshape(1, 4, 6)
    (shown,), = drawn(image_row({"levels": levels}), columns=1)
    np.testing.assert_allclose(shown[..., 0], levels[0] / 255, atol=1 / 255)


@pytest.mark.parametrize(("count", "scale"), [(3, 0.9), (6, 0.9), (12, 0.72)])
def test_the_name_of_a_row_can_be_read_on_a_phone(count, scale):
    """There the figure has about 330 pixels; nine are what the letters of the other plots have."""
    figure = image_row({"name": GREY[:1].expand(count, 1, 4, 6)}, scale=scale)
    (name,) = figure.axes[0].texts
    assert name.get_fontsize() / 72 / figure.get_figwidth() * 330 > 8.5


@pytest.mark.parametrize("shape", [(4, 6), (2, 2, 4, 6), (2, 3, 4, 3), (1, 2, 3, 4, 6)])
def test_other_shapes_are_refused_with_the_name_of_their_group(shape):
    with pytest.raises(ValueError, match="image_row, 'mine': .*" + str(shape).replace("(", r"\(").replace(")", r"\)")):
        image_row({"mine": torch.zeros(shape)})
