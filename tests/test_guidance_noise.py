"""The noise of inpainting and of editing: another seed, other noise; and the shortest edit there is."""

from __future__ import annotations

import torch

from diffusion_utils.guidance import keep_known, sdedit_start
from diffusion_utils.schedules import cosine

SCHEDULE, DIGITS = cosine(1000), torch.zeros(3, 1, 2, 2)


def known_at_500(seed: int) -> torch.Tensor:
    return keep_known(SCHEDULE, DIGITS, torch.ones(1, 1, 2, 2), seed)(DIGITS, 500)


def test_another_seed_gives_other_noise() -> None:
    for draw in (known_at_500, lambda seed: sdedit_start(SCHEDULE, DIGITS, 0.5, 20, seed)[0]):
        assert torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))


def test_known_pixels_and_edits_draw_from_streams_of_their_own() -> None:
    """With one seed for all they would otherwise share their noise, and the edit would show it."""
    start, _ = sdedit_start(SCHEDULE, DIGITS, 0.5, 20, 0)
    assert not torch.equal(known_at_500(0), start)


def test_a_faint_edit_still_takes_one_step() -> None:
    """A hundredth of 10 steps rounds to none; the walk goes from t = 10 to the data in one."""
    _, times = sdedit_start(SCHEDULE, DIGITS, 0.01, 10)
    assert times == [10, 0]
