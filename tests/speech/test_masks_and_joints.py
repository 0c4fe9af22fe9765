"""What is known of a wave, and how what is drawn is joined to it."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data.speech import GAIN, to_network
from diffusion_utils.data.speech.masks import draw_masks, gap, seen_through
from diffusion_utils.sound import emphasised
from diffusion_utils.speech import gaps, joined

WAVE = torch.sin(torch.arange(800) / 7) * torch.linspace(0, 2, 800)


def test_a_mask_is_one_where_the_wave_is_known():
    mask = gap(10, 3, 4)
    assert mask.tolist() == [1, 1, 1, 0, 0, 0, 0, 1, 1, 1] and gaps(mask) == [(3, 7)]
    assert gaps(torch.tensor([0.0, 1, 0, 0])) == [(0, 1), (2, 4)] and gaps(torch.ones(3)) == []
    with pytest.raises(ValueError, match="start must be an integer in 0…6, got 7"):
        gap(10, 7, 4)


def test_an_emphasised_number_is_known_where_both_its_samples_are():
    mask = gap(800, 100, 50)
    other = WAVE + (1 - mask) * 100
    seen = seen_through(mask)[None]
    assert torch.equal(seen * to_network(mask * WAVE), seen * to_network(WAVE)) and int((seen == 0).sum()) == 51
    changed = emphasised(other) != emphasised(WAVE)
    assert torch.equal(changed[None], seen == 0), "and it hides no more than it must"


def test_masks_to_learn_from_are_of_every_kind_and_where_the_word_is():
    waves = torch.zeros(400, 1, 6144)
    waves[..., 2000:5000] = torch.randn(400, 1, 3000, generator=torch.Generator().manual_seed(0))
    masks = draw_masks(waves, torch.Generator().manual_seed(1))
    assert torch.equal(masks, draw_masks(waves, torch.Generator().manual_seed(1)))
    runs = [gaps(mask) for mask in masks[:, 0]]
    to_the_end = [r for r in runs if len(r) == 1 and r[0][1] == 6144 and r[0][0] > 2000]
    one = [b - a for r in runs if len(r) == 1 for a, b in r if b < 6144]
    many = [r for r in runs if len(r) > 1]
    assert 30 < len(to_the_end) < 95 and 190 < len(one) < 290 and 60 < len(many) < 140
    assert min(one) >= 39 and max(one) <= 1600 and max(one) > 1200 and sorted(one)[len(one) // 2] < 500
    for wave, mask, run in zip(waves[:, 0], masks[:, 0], runs, strict=True):
        assert run, "something is missing of each"
        if len(run) > 1:
            level = float(wave[mask == 1].abs().max())
            assert float(wave[mask == 0].abs().min()) > level >= 0.4
    assert int(draw_masks(torch.zeros(3, 1, 6144), torch.Generator().manual_seed(2)).sum()) < 3 * 6144


@pytest.mark.parametrize("mask", [gap(800, 300, 100), gap(800, 0, 60), gap(800, 740, 60), gap(800, 400, 1)])
def test_what_is_right_is_joined_without_a_change(mask):
    found = joined(emphasised(WAVE), torch.where(mask > 0, WAVE, 7.0), mask)
    torch.testing.assert_close(found, WAVE, rtol=0, atol=1e-5)
    assert torch.equal(found[mask == 1], WAVE[mask == 1])


def test_what_is_known_stays_to_the_bit_and_no_click_is_left():
    """Pitfall 12: known samples that the network only imitates (lucidrains/voicebox-pytorch #45)."""
    mask = gap(800, 300, 100)
    wrong = emphasised(WAVE) + 0.05 * torch.randn(800, generator=torch.Generator().manual_seed(0))
    found = joined(wrong, WAVE, mask)
    assert torch.equal(found[mask == 1], WAVE[mask == 1])
    left = emphasised(found - WAVE)  # of the error, what a recursion that goes on would have at the next known sample
    assert float(left[:300].abs().max()) == 0 and float(left[300:401].abs().max()) < 0.35
    # as if all numbers in and after the gap were changed as little as possible, by least squares
    steps = (emphasised(found) - wrong)[300:401].double()
    ramp = 0.9 ** torch.arange(100, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(steps, ramp * (steps @ ramp) / (ramp @ ramp), rtol=0, atol=1e-5)


def test_the_gain_brings_the_variance_to_one_and_nothing_else():
    torch.testing.assert_close(to_network(WAVE), GAIN * emphasised(WAVE, 0.9))
