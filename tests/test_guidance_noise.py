"""The noise of inpainting and of editing: its seed and its device; what guidance hands on; and the shortest edit there is."""

from __future__ import annotations

import torch

from diffusion_utils.denoiser import Prediction
from diffusion_utils.guidance import guided, keep_known, sdedit_start
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


def test_the_seed_is_0_unless_given() -> None:
    assert torch.equal(keep_known(SCHEDULE, DIGITS, torch.ones(1, 1, 2, 2))(DIGITS, 500), known_at_500(0))
    assert torch.equal(sdedit_start(SCHEDULE, DIGITS, 0.5, 20)[0], sdedit_start(SCHEDULE, DIGITS, 0.5, 20, seed=0)[0])


def test_the_noise_is_made_where_the_pictures_are() -> None:
    """The device `meta`, which holds shapes alone, stands for a GPU: what is left on the CPU raises an error there as well."""
    there = DIGITS.to("meta")
    assert keep_known(SCHEDULE, there, torch.ones(1, 1, 2, 2))(there, 500).device.type == "meta"
    assert sdedit_start(SCHEDULE, there, 0.5, 20)[0].device.type == "meta"


def test_a_denoiser_is_told_that_there_is_no_condition() -> None:
    """Those that insist on being told, having no default for it, can be guided too."""
    asked = []

    def strict(x_t: torch.Tensor, t: int, cond: str | None) -> Prediction:
        asked.append(cond)
        return Prediction(x_t, x_t)

    for weight in (0, 1, 3):
        guided(strict, SCHEDULE, weight)(DIGITS, 500, "label")
    assert asked == [None, "label", None, "label"]
