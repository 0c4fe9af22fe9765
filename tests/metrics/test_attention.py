"""Which word looked where: maps planted by hand, and a walk that is watched and not disturbed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.conditions import each
from diffusion_utils.data.scenes import tokens_of
from diffusion_utils.data.scenes.captions import LENGTH, WORDS
from diffusion_utils.denoiser import Denoiser
from diffusion_utils.guidance import guided
from diffusion_utils.metrics.attention import GROUND, NOTHING, OTHER, OWN, digit_words, peaks, watched
from diffusion_utils.networks import TextUNet
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine


@pytest.mark.parametrize(("text", "words"), [
    ("a thin small red 3 left of a large blue seven", [5, 11]), ("a seven above a 3", [2, 5]), ("an 8", [2, NOTHING]),
    ("a blue 7 right of a red 3", [8, 3]), ("a 7 below a thick 3", [6, 2]), ("", [NOTHING, NOTHING])])
def test_the_words_of_digits_are_told_in_the_order_of_the_facts(text, words):
    """"a 7 right of a 3" is a 3 left of a 7: the first digit is the 3."""
    assert digit_words(tokens_of(text)).tolist() == [words]
    numbers = [WORDS[int(tokens_of(text)[0, at])] for at in words if at != NOTHING]
    assert all(word in WORDS[4:24] for word in numbers)


BOXES = np.array([[[8, 4, 30, 10], [12, 40, 34, 46]]])  # the first on the left, at the columns of places 1 and 2 of 16


@pytest.mark.parametrize(("text", "word", "at", "says"), [
    ("a 3 left of a 7", 2, (2, 1), [OWN, GROUND]), ("a 3 left of a 7", 2, (3, 10), [OTHER, GROUND]),
    ("a 3 left of a 7", 6, (3, 10), [GROUND, OWN]), ("a 7 right of a 3", 2, (3, 10), [GROUND, OWN]),
    ("a 7 right of a 3", 6, (3, 10), [OTHER, GROUND]), ("a 3 left of a 7", 2, (7, 2), [OWN, GROUND]),
    ("a 3 left of a 7", 2, (8, 2), [GROUND, GROUND])])
def test_a_peak_is_in_its_own_box_in_the_others_or_in_neither(text, word, at, says):
    maps = torch.zeros(1, LENGTH, 16, 16)
    maps[:, :, 15, 15] = 0.1  # where all others look: there is no digit
    maps[0, word, *at] = 1
    assert peaks(maps, tokens_of(text), BOXES).tolist() == [says]


def test_a_scene_of_one_has_one_peak():
    maps = torch.rand(1, LENGTH, 16, 16, generator=torch.Generator().manual_seed(0))
    boxes = np.array([[[0, 0, 64, 64], [-1] * 4]])
    assert peaks(maps, tokens_of("a 3"), boxes).tolist() == [[OWN, NOTHING]]


def test_a_watched_walk_is_the_same_and_each_step_leaves_one_map():
    """Guided, a step asks twice, and the call that is told nothing leaves none."""
    torch.manual_seed(0)
    net = TextUNet(len(WORDS), LENGTH, channels=(8, 16), emb_dim=16, dim=16, layers=1).eval().requires_grad_(False)
    for p in net.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    schedule, told = cosine(1000), each(lambda t: t.expand(2, -1), tokens_of("a red 3"))
    plain = Denoiser(net, schedule, "v")
    denoiser, kept = watched(plain, net)
    how = {"sampler": Sampler("ddim", steps=3), "cond": told}
    *_, wanted = sample(guided(plain, schedule, 3.0), schedule, (2, 4, 16, 16), **how)
    *_, found = sample(guided(denoiser, schedule, 3.0), schedule, (2, 4, 16, 16), **how)
    torch.testing.assert_close(found.x_t, wanted.x_t, rtol=1e-3, atol=1e-3)  # two ways to sum a softmax, in float32
    assert [t for t, _ in kept] == [1000, 667, 333]
    for _, maps in kept:
        assert maps.shape == (2, LENGTH, 16, 16)
        torch.testing.assert_close(maps.sum(1), torch.ones(2, 16, 16))
        assert float(maps[:, 4:].abs().max()) == 0  # the beginning and three words
