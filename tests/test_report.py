"""A report is one page: what is written on it is shown as it is, and its curve lies where its numbers are."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils import report
from diffusion_utils.png import grid, is_picture, png


def test_every_text_is_escaped():
    evil = '<script>alert("x")</script>'
    page = report.page(evil, [report.heading(evil), report.paragraph(evil), report.lines([evil]),
                              report.table(evil, (evil, evil), [(evil, evil)]),
                              report.picture(np.zeros((2, 2, 1), np.uint8), evil), report.curve([(1, 1.0)], evil, evil, evil)])
    assert b"<script" not in page and b"&lt;script&gt;" in page


def test_a_picture_in_the_page_is_the_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = re.search(r"base64,([^\"]+)", report.picture(pixels, "noise")).group(1)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), pixels)


def test_numbers_are_rounded_and_none_is_not_measured():
    html = report.table("t", ("a", "b", "c", "d"), [("row", 1234, 0.123456, None)])
    assert ">1,234<" in html and ">0.123<" in html and ">not measured<" in html


def test_a_curve_falls_on_a_logarithmic_scale():
    html = report.curve([(0, 1.0), (50, 0.1), (100, 0.01)], "loss", "step", "loss")
    points = [tuple(map(float, point.split(","))) for point in re.search(r'points="([^"]+)"', html).group(1).split()]
    assert points == [(60.0, 20.0), (380.0, 130.0), (700.0, 240.0)]


@pytest.mark.parametrize("points", [[], [(1, 0.5)], [(1, 0.0), (2, 0.0)]])
def test_a_curve_of_few_or_equal_points_is_drawn(points):
    assert "nan" not in report.curve(points, "loss", "step", "loss")


def test_a_grid_puts_pictures_row_by_row_on_white():
    x = torch.linspace(-1, 1, 3)[:, None, None, None].expand(3, 1, 4, 5)
    sheet = grid(x, columns=2)
    assert sheet.shape == (10, 12, 1)
    assert (sheet[:4, :5] == 0).all() and (sheet[:4, 7:] == 128).all() and (sheet[6:, :5] == 255).all()
    assert (sheet[4:6] == 255).all() and (sheet[6:, 7:] == 255).all()
    assert np.asarray(Image.open(io.BytesIO(png(sheet)))).shape == (10, 12)


@pytest.mark.parametrize("shape", [(2, 2, 4, 4), (3, 4, 4), (0, 3, 4, 4)])
def test_what_is_no_picture_makes_no_grid(shape):
    with pytest.raises(ValueError, match="1 or 3"):
        grid(torch.zeros(shape))


def test_which_samples_are_pictures():
    assert is_picture((3, 8, 8), (-1.0, 1.0)) and is_picture((1, 28, 28), (-1.0, 1.0))
    assert not is_picture((3, 8, 8), None) and not is_picture((2, 128), (-1.0, 1.0)) and not is_picture((4, 8, 8), (-1.0, 1.0))
