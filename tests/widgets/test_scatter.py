"""Points in the plane as pixels: where they land, in which colour, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.widgets import scatter

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_directions_and_edges() -> None:
    """First coordinate to the right, second upwards; the limits are the edges."""
    corners = [[-2, 2], [2, 2], [-2, -2], [0, 0]]
    picture = scatter(torch.tensor(corners), torch.tensor([RED, BLUE, RED, BLUE]), size=9, limit=2.0, radius=0)
    drawn = {(0, 0): RED, (0, 8): BLUE, (8, 0): RED, (4, 4): BLUE}
    for row in range(9):
        for column in range(9):
            assert tuple(picture[row, column]) == drawn.get((row, column), (255, 255, 255))


def test_a_point_is_a_square_and_stays_inside() -> None:
    picture = scatter([[1.0, 1.0]], BLUE, size=20, limit=1.0, radius=2)
    assert (picture == BLUE).all(axis=2).sum() == 25
    assert (picture[:5, 15:] == BLUE).all()


def test_points_outside_are_left_out_and_a_picture_can_be_drawn_on() -> None:
    below = scatter([[0.0, 0.0]], RED, size=11, limit=1.0, radius=0)
    both = scatter([[5.0, 0.0], [0.5, 0.0]], BLUE, size=11, limit=1.0, radius=0, onto=below)
    assert (both == RED).all(axis=2).sum() == 1 and (both == BLUE).all(axis=2).sum() == 1
    assert (below == BLUE).all(axis=2).sum() == 0, "the picture given must not change"


@pytest.mark.parametrize(("arguments", "message"), [
    ({"points": [[0.0, 0.0, 0.0]]}, r"\(1, 3\)"),
    ({"points": [[float("nan"), 0.0]]}, "finite"),
    ({"colours": [RED, BLUE]}, r"\(2, 3\)"),
    ({"limit": 0}, "limit > 0"),
    ({"size": 4}, "size >= 8"),
    ({"radius": -1}, "radius >= 0"),
    ({"onto": np.zeros((5, 5, 3), np.uint8)}, r"onto must have shape \(200, 200, 3\)"),
])
def test_bad_input(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scatter(**{"points": [[0.0, 0.0]], "colours": RED, **arguments})
