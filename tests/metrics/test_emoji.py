"""The measure of emoji: what is right, what is a copy, and what cannot have been remembered."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.data.emoji import all_pictures, emoji_table, load_emoji, tokens_of
from diffusion_utils.metrics.emoji import evaluate, figures, ranks, remembered, share_right


@pytest.fixture(scope="module")
def wanted():
    return load_emoji("test", "styles").first(90)


def test_the_true_picture_is_right_also_a_pixel_off_and_with_some_noise(wanted):
    x = wanted.x0(torch.arange(len(wanted)))
    assert int(ranks(x, wanted.emoji, wanted.style).max()) == 0
    noisy = x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert share_right(noisy, wanted) > 0.9
    moved = torch.cat([x[..., :1], x[..., :-1]], dim=3)
    assert share_right(moved, wanted) > 0.85


def test_another_emoji_is_wrong_and_another_style_is_seldom_right(wanted):
    x = wanted.x0(torch.arange(len(wanted)))
    assert share_right(x.roll(1, 0), wanted) < 0.05
    found = figures(x, wanted.emoji, wanted.style)
    assert found["top_1"] == found["top_5"] == 1
    copied = found["copying_another_style"]
    assert found["chance"]["top_1"] < copied["top_1"] < copied["top_5"] < 0.7
    assert found["chance"] == {"top_1": 1 / len(emoji_table()), "top_5": 5 / len(emoji_table())}


def test_noise_is_right_as_often_as_chance(wanted):
    noise = torch.randn((len(wanted), 3, 32, 32), generator=torch.Generator().manual_seed(0))
    assert share_right(noise, wanted) <= 2 / len(wanted)


def test_emoji_that_look_the_same_are_all_right():
    """The flags of Norway and of Svalbard and Jan Mayen are one picture."""
    table = emoji_table()
    twins = [next(i for i, one in enumerate(table) if one.name[:2] == ("flag", name)) for name in ("norway", "svalbard")]
    a, b = all_pictures()[1, twins]
    assert torch.equal(a, b)
    x = a[None].float() / 127.5 - 1
    assert [int(ranks(x, torch.tensor([i]), torch.tensor([1]))) for i in twins] == [0, 0]


def test_what_was_never_shown_and_is_drawn_is_not_remembered(wanted):
    rows = torch.arange(len(wanted))
    true = remembered(wanted.x0(rows), wanted.emoji, wanted.style)
    assert true["true_one_nearer_than_all_others_shown"] == 1 and true["nearest_shown_is_itself"] == 0
    other = (wanted.style + 1) % 3
    copies = all_pictures()[other, wanted.emoji].float() / 127.5 - 1
    copied = remembered(copies, wanted.emoji, wanted.style)
    assert copied["nearest_shown_is_another_style_of_it"] > 0.95
    assert copied["true_one_nearer_than_all_others_shown"] < 0.05


def test_what_was_shown_and_is_drawn_is_found_to_be_remembered():
    seen = load_emoji("test", "seen").first(50)
    found = remembered(seen.x0(torch.arange(50)), seen.emoji, seen.style)
    assert found["nearest_shown_is_itself"] > 0.9


def test_each_kind_is_judged_by_itself_and_what_is_no_name_is_not():
    kinds = [load_emoji("test", kind).first(20) for kind in ("styles", "tones", "seen")]
    x = torch.cat([data.x0(torch.arange(20)) for data in kinds] + [torch.ones(1, 3, 32, 32)])
    prompts = torch.cat([data.condition(torch.arange(20)) for data in kinds] + [tokens_of("something red".split()[1])])
    x[:10] = 1  # blank
    found = evaluate(x, prompts, calls=25)
    assert found["n"] == 61 and found["n_judged"] == 60 and found["calls"] == 25
    assert [found[kind]["n"] for kind in ("styles", "tones", "seen")] == [20, 20, 20]
    assert found["styles"]["top_1"] == 0.5 and found["tones"]["top_1"] == found["seen"]["top_1"] == 1
    assert found["tones"]["copying_the_next_tone"]["top_1"] == 0 < found["tones"]["copying_the_next_tone"]["top_5"]
    assert evaluate(x)["right"] is None


@pytest.mark.parametrize(("x", "cond", "says"), [(torch.zeros(2, 3, 32, 32), torch.ones(3, 12).long(), "each of 2 emoji"),
                                                 (torch.zeros(2, 1, 32, 32), None, None)])
def test_what_cannot_be_measured_is_refused(x, cond, says):
    with pytest.raises(ValueError, match=says or r"emoji must be \(N, 3, 32, 32\)"):
        evaluate(x, cond) if says else ranks(x, torch.zeros(2).long(), torch.zeros(2).long())
