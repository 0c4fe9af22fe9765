"""Codes as data: means that are the same each time, in half precision, with what belongs to their scenes."""

from __future__ import annotations

import torch

from diffusion_utils import checkpoints
from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.recipes.latent_data import encoded


def test_codes_are_means_and_no_draws():
    """A draw that is kept would be taken for the scene itself in every epoch, noise and all."""
    coder, scenes = checkpoints.load("scenes-vae", "cpu").net, load_scenes("test", 12)
    rows = torch.arange(12)
    first, second = encoded(scenes, coder), encoded(scenes, coder, batch=5)
    mean = (coder.moments(scenes.x0(rows))[0] - coder.shift) / coder.scale
    _, log_variance = coder.moments(scenes.x0(rows))
    noise = rms((log_variance / 2).exp() / coder.scale)  # of a draw; where nothing is, it is as large as the code
    # computed in bfloat16, of 8 bits, where that is fast
    for codes in (first, second):
        assert rms(codes.x0(rows) - mean) < 0.1 < noise / 3
    assert rms(second.x0(rows) - first.x0(rows)) < 0.1


def rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


def test_codes_keep_what_belongs_to_their_scenes_and_have_no_range():
    coder, scenes = checkpoints.load("scenes-vae", "cpu").net, load_scenes("test", 4)
    codes = encoded(scenes, coder)
    assert codes.clip is None and codes.shape == (4, 16, 16) and len(codes) == 4
    assert torch.equal(codes.condition(torch.tensor([2, 0])), scenes.condition(torch.tensor([2, 0])))
    assert float(codes.x0(torch.arange(4)).abs().max()) > 2  # a clip to [−1, 1] would take most of the digits away
