"""Words and codes through `generate`: codes have no range, w = 0 is not w = 1, and guidance goes away from the empty prompt."""

from __future__ import annotations

import pytest
import torch
from scene_model import card, small_model
from torch import Tensor, nn

from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes import tokens_of
from diffusion_utils.generate import generate
from diffusion_utils.guidance import guided

PROMPT = "a large red 4 above a small blue 7"


class Always(nn.Module):
    """A network that believes in one number, and in the empty prompt's twice that; and a codec that shows codes as they are."""

    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor, time: Tensor, cond: Tensor | None = None) -> Tensor:
        return torch.full_like(x, float(self.value) * (2 if cond is None else 1))

    def decode(self, z: Tensor) -> Tensor:
        return z


def always(value: float) -> Checkpoint:
    codec = {"kind": "network", "part": "as it is"}
    return Checkpoint("always", card(predicts="x0", codec=codec), Always(value), {"as it is": Always(0.0)})


@pytest.mark.parametrize("weight", [1.0, 1.5])
def test_codes_are_not_clipped_to_the_range_of_pictures(weight):
    """They have none: where digits are, those of scenes reach beyond 4. Clipped, they would come out pale."""
    x = generate(always(5.0), 2, cond=tokens_of([PROMPT] * 2), weight=weight)
    wanted = 10 + weight * (5 - 10)
    torch.testing.assert_close(x, torch.full_like(x, wanted))


def test_what_is_decoded_is_where_the_walk_ends_and_not_the_noise():
    """A diffusion has to learn what codes look like: those from N(0, 1), as a generative autoencoder would have them, are no
    scenes."""
    x = generate(always(-3.0), 8, cond=tokens_of([PROMPT] * 8))
    assert float(x.std()) == 0 and float(x.mean()) == -3


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    return small_model()


def test_w_0_is_the_empty_prompt_w_1_the_prompt_and_the_two_differ(model):
    told, empty = tokens_of([PROMPT] * 2), tokens_of([""] * 2)
    drawn = {w: generate(model, 2, cond=told, weight=w) for w in (0.0, 1.0)}
    without = generate(model, 2, cond=empty)
    torch.testing.assert_close(drawn[0.0], without, rtol=0, atol=1e-5)
    torch.testing.assert_close(generate(model, 2), without, rtol=0, atol=1e-5)
    assert float((drawn[1.0] - without).abs().max()) > 0.05


def test_guidance_goes_from_the_empty_prompt_to_the_prompt_and_beyond(model):
    """Its halves changed about, the words would be fled."""
    denoiser, x = model.denoiser, torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    told = tokens_of([PROMPT, "a 3", "a blue 7"])
    strong, weak = denoiser(x, 600, told).x0_hat, denoiser(x, 600, tokens_of([""] * 3)).x0_hat
    found = guided(denoiser, model.schedule, 2.5)(x, 600, told).x0_hat
    torch.testing.assert_close(found - weak, 2.5 * (strong - weak), rtol=1e-4, atol=1e-5)
    assert bool(((strong - weak).flatten(1).norm(dim=1) > 0.01).all())


def test_each_sample_is_guided_by_its_own_prompt(model):
    """Also the empty one, which nothing guides."""
    told = [PROMPT, "", "a blue 7"]
    together = generate(model, 3, cond=tokens_of(told), weight=3.0)
    plain = generate(model, 3, cond=tokens_of(["", "", ""]))
    torch.testing.assert_close(together[1], plain[1], rtol=0, atol=1e-4)
    assert float((together[0] - plain[0]).abs().max()) > 0.05 < float((together[2] - plain[2]).abs().max())
