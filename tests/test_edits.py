"""Edits by words: what is known stays, what is hidden leaves no trace, and a swapped prompt keeps the noise."""

from __future__ import annotations

import pytest
import torch
from scene_model import small_model

from diffusion_utils import checkpoints
from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.edits import code_mask, inpaint, redraw, swap
from diffusion_utils.generate import generate

FAST = {"sampler": "ddpm", "steps": 3}


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return small_model()


def pictures(n: int = 3) -> torch.Tensor:
    """Black, with a white bar on the left and a red one on the right, lower in each."""
    x = torch.full((n, 3, 64, 64), -1.0)
    for i in range(n):
        x[i, :, 5 + 8 * i:30 + 8 * i, 10:14] = 1
        x[i, 0, 5 + 8 * i:30 + 8 * i, 40:46] = 1
    return x


KNOWN = torch.ones(64, 64)
KNOWN[:, 34:] = 0  # no multiple of 4: a code is half known, and so it is not


def test_what_stood_in_the_hole_leaves_no_trace(checkpoint):
    """Codes around a hole are computed from pixels within it, too."""
    x, others = pictures(), pictures()
    others[:, :, :, 34:] = torch.rand(3, 3, 64, 30, generator=torch.Generator().manual_seed(1)) * 2 - 1
    first, second = (inpaint(checkpoint, given, KNOWN, "a red 3", paste=False, **FAST) for given in (x, others))
    assert torch.equal(first, second)


def test_known_pixels_are_kept_and_the_hole_follows_prompt_and_seed(checkpoint):
    x = pictures()
    plain = inpaint(checkpoint, x, KNOWN, "a red 3", **FAST)
    assert torch.equal(plain[..., :34], x[..., :34])
    for other in (inpaint(checkpoint, x, KNOWN, "a blue 7", **FAST), inpaint(checkpoint, x, KNOWN, "a red 3", seed=1, **FAST),
                  inpaint(checkpoint, x, KNOWN, "a red 3", jump=1, repeats=2, **FAST)):
        assert torch.equal(other[..., :34], x[..., :34]) and not torch.allclose(other[..., 34:], plain[..., 34:], atol=1e-3)


def test_without_pasting_known_pixels_are_those_of_the_codec_far_from_the_hole(checkpoint):
    """The decoder's convolutions see 4 codes far, and its norms the whole picture: of the same known codes, to 8 bits or so."""
    x = pictures()
    there = checkpoint.codec.decode(checkpoint.codec.encode(x))
    filled = inpaint(checkpoint, x, KNOWN, "a red 3", paste=False, **FAST)
    far, near = (filled - there)[..., :12].abs().mean(), (filled - there)[..., 34:].abs().mean()
    assert float(far) < float(near) / 4
    assert not torch.equal(filled[..., :34], x[..., :34])


def test_a_code_is_known_where_all_its_pixels_are():
    known = torch.ones(2, 1, 64, 64, dtype=torch.bool)
    known[0, 0, 17, 34] = False
    found = code_mask(known, (4, 16, 16))
    assert found.shape == (2, 1, 16, 16)
    assert (found == 0).nonzero().tolist() == [[0, 0, 4, 8]]
    assert torch.equal(code_mask(known, (3, 64, 64)), known.float())  # where pixels are diffused themselves


def test_each_picture_may_have_its_own_mask_and_prompt_and_does_not_depend_on_its_batch(checkpoint):
    x, masks = pictures(), torch.stack([KNOWN, 1 - KNOWN, KNOWN.T])[:, None]
    prompts = ["a red 3", "a blue 7", ""]
    whole = inpaint(checkpoint, x, masks, prompts, weight=2.0, **FAST)
    # sums in another order, in float32, through three steps and a decoder
    torch.testing.assert_close(inpaint(checkpoint, x, masks, prompts, weight=2.0, batch=2, **FAST), whole, rtol=0, atol=1e-3)
    assert torch.equal(whole.where(masks == 0, 0), whole - x.where(masks == 1, 0))
    redrawn = redraw(checkpoint, x, prompts, 0.7, weight=2.0, **FAST)
    torch.testing.assert_close(redraw(checkpoint, x, prompts, 0.7, weight=2.0, batch=2, **FAST), redrawn, rtol=0, atol=1e-3)


@pytest.mark.parametrize("mask", [KNOWN[:, :60], KNOWN[None], torch.stack([KNOWN, KNOWN])[:, None]])
def test_a_mask_of_another_size_is_refused(checkpoint, mask):
    with pytest.raises(ValueError, match=r"must be \(64, 64\) or \(3, 1, 64, 64\), got"):
        inpaint(checkpoint, pictures(), mask, "a 3")


def test_what_is_no_mask_or_no_prompt_is_refused(checkpoint):
    with pytest.raises(ValueError, match="mask must hold 1"):
        inpaint(checkpoint, pictures(), KNOWN / 2, "a 3")
    with pytest.raises(ValueError, match="a tensor for each of 3 samples"):
        redraw(checkpoint, pictures(), ["a 3", "a 4"], 0.5)
    with pytest.raises(ValueError, match="Did you mean 'green'"):
        redraw(checkpoint, pictures(), "a gren 4", 0.5)
    with pytest.raises(ValueError, match=r"strength must lie in \(0, 1\], got 0"):
        redraw(checkpoint, pictures(), "a 3", 0)


def test_a_weak_redrawing_keeps_the_picture_and_a_strong_one_does_not(checkpoint):
    x = pictures()
    there = checkpoint.codec.decode(checkpoint.codec.encode(x))
    off = [float((redraw(checkpoint, x, "a red 3", strength, **FAST) - there).abs().mean()) for strength in (0.001, 0.5, 1.0)]
    # one step from t = 1, whose noise is 0.006; the ground alone makes up most of the picture
    assert off[0] < 0.01 < off[1] < off[2]


def test_of_a_redrawing_at_full_strength_words_and_noise_decide(checkpoint):
    """signal_T of the schedule is 0.0001: nothing is left of the picture."""
    first, second = (redraw(checkpoint, x, "a red 3", 1.0, **FAST) for x in (pictures(), pictures().flip(-1)))
    torch.testing.assert_close(first, second, rtol=0, atol=0.05)
    for changed in ({"prompts": "a blue 7"}, {"seed": 1}):
        other = redraw(checkpoint, pictures(), **{"prompts": "a red 3", "strength": 1.0} | changed | FAST)
        assert float((other - first).abs().max()) > 0.2


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_swap_goes_from_the_one_prompts_picture_to_the_others(checkpoint, sampler):
    how = {"sampler": sampler, "steps": 4, "seed": 2, "weight": 2.0}
    one, other = (generate(checkpoint, 3, cond=checkpoint.tokens_of([words] * 3), **how) for words in ("a red 3", "a blue 7"))
    assert torch.equal(swap(checkpoint, 3, "a red 3", "a blue 7", until=0, **how), one)
    assert torch.equal(swap(checkpoint, 3, "a red 3", "a blue 7", until=1, **how), other)
    middle = swap(checkpoint, 3, "a red 3", "a blue 7", until=0.5, **how)  # two of four steps for each
    assert not torch.allclose(middle, one, atol=1e-2) and not torch.allclose(middle, other, atol=1e-2)
    assert torch.equal(swap(checkpoint, 3, "a red 3", "a blue 7", until=0.74, **how), middle)  # the second step is at 0.75·T
    with pytest.raises(ValueError, match="until must lie in 0…1, got 1.5"):
        swap(checkpoint, 3, "a 3", "a 7", until=1.5)


def test_digits_are_edited_by_the_same_functions():
    """Pixels are their own codes, and labels are told instead of words."""
    digits, known = checkpoints.load("mnist-unet-class", "cpu"), torch.ones(28, 28)
    known[14:] = 0
    x = torch.full((2, 1, 28, 28), -1.0)
    x[:, :, 4:24, 12:16] = 1
    filled = inpaint(digits, x, known, [7, 4], **FAST)
    assert torch.equal(filled[:, :, :14], x[:, :, :14]) and float(filled.abs().max()) <= 1
    assert redraw(digits, x, [7, 4], 0.5, **FAST).shape == x.shape


@pytest.mark.parametrize(("x", "error", "says"), [
    (pictures()[0], ValueError, r"\(N, C, H, W\), got \(3, 64, 64\)"),
    (pictures() * 127.5 + 127.5, ValueError, "−1…1, got 0…255"),
    (torch.full_like(pictures(), torch.nan), ValueError, "must be finite"),
    (pictures().byte(), TypeError, "floating point"),
    (pictures()[..., :62], ValueError, "divisible by 4, got 64×62"),
    (pictures()[..., :60, :60], ValueError, r"become \(4, 15, 15\)")])
def test_what_are_no_pictures_of_the_checkpoint_is_refused(checkpoint, x, error, says):
    """Bytes and 0…255 would be encoded as something that no encoder ever saw, and drawn without a word."""
    with pytest.raises(error, match=says):
        redraw(checkpoint, x, "a 3", 0.5, **FAST)
    with pytest.raises(error, match=says):
        inpaint(checkpoint, x, torch.ones(x.shape[-2:]), "a 3", **FAST)


def test_pictures_in_double_precision_are_edited_as_in_single(checkpoint):
    x = pictures(1)
    assert torch.equal(redraw(checkpoint, x.double(), "a 3", 0.5, **FAST), redraw(checkpoint, x, "a 3", 0.5, **FAST))
