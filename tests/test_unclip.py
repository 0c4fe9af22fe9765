"""From a caption to an embedding to a picture, with a small model; and what is no measure of a prior."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from unclip_model import SIZE, unclip_model

from diffusion_utils.checkpoints import Checkpoint
from diffusion_utils.data.scenes import load_scenes, tokens_of
from diffusion_utils.exact import ExactDenoiser
from diffusion_utils.generate import generate
from diffusion_utils.joint import unit
from diffusion_utils.sampling import Sampler, sample
from diffusion_utils.schedules import cosine
from diffusion_utils.unclip import (
    caption_vectors,
    downward,
    imagine,
    paint,
    picture_vectors,
    upward,
    variations,
)

TOKENS = tokens_of(["a red 3", "a thin small red 3 left of a large blue seven", "a 4", "a white 8 above a 1"])


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    return unclip_model()


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return load_scenes("test", 2).x0(torch.arange(2))


def other(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) > 1e-3


def test_the_better_of_two_draws_is_kept(model):
    """By the dot product with the caption's vector: never worse than the first draw alone, and often the second."""
    text = caption_vectors(model, TOKENS)
    scores = [(imagine(model, TOKENS, best_of=k) * text).sum(1) for k in (1, 2, 8)]
    assert bool((scores[0] <= scores[1]).all() and (scores[1] <= scores[2]).all()) and bool((scores[2] > scores[0]).any())


def test_two_seeds_give_two_embeddings_and_one_seed_one(model):
    """DALLE2-pytorch #216: a prior that gives the same whatever the noise draws nothing."""
    first = imagine(model, TOKENS, seed=0)
    assert torch.equal(first, imagine(model, TOKENS, seed=0))
    assert bool(((first - imagine(model, TOKENS, seed=1)).abs().amax(1) > 1e-3).all())
    torch.testing.assert_close(imagine(model, TOKENS, batch=3), first)


def test_embeddings_are_brought_to_unit_length_once(model):
    """clip2latent #10: the prior walks among vectors times √size; the decoder is told unit vectors, and refuses others."""
    vectors = imagine(model, TOKENS)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))
    with pytest.raises(ValueError, match="image must hold unit vectors"):
        paint(model, vectors * SIZE**0.5)


def test_a_caption_without_a_word_says_nothing(model):
    empty = tokens_of(["", "a 4"])
    vectors = caption_vectors(model, empty)
    assert not bool(vectors[0].any()) and float(vectors[1].norm()) == pytest.approx(1)
    assert bool(imagine(model, empty).isfinite().all())


def test_a_prompt_goes_through_the_prior_and_the_decoder(model):
    """`generate` draws what `imagine` and `paint` draw; without a prompt nothing is told."""
    drawn = generate(model, 4, cond=TOKENS, weight=2.0, seed=3)
    assert drawn.shape == (4, 3, 64, 64) and float(drawn.abs().max()) <= 1
    torch.testing.assert_close(drawn, paint(model, imagine(model, TOKENS, seed=3), weight=2.0, seed=3), rtol=0, atol=1e-5)
    plain = generate(model, 4, seed=3)
    assert other(drawn, plain)
    torch.testing.assert_close(generate(model, 4, cond=TOKENS, weight=0.0, seed=3), plain, rtol=0, atol=1e-5)


def test_another_embedding_or_caption_is_another_picture(model):
    """Shuffled embeddings must tell, or the decoder does not look at them."""
    vectors = imagine(model, TOKENS)
    drawn = paint(model, vectors)
    assert other(drawn, paint(model, vectors.roll(1, 0))) and other(drawn, paint(model, vectors, TOKENS))


def test_variations_share_their_embedding_and_not_their_noise(model, pictures):
    drawn = variations(model, pictures, 3)
    assert drawn.shape == (6, 3, 64, 64) and other(drawn[0], drawn[1])
    vectors = picture_vectors(model, pictures)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(paint(model, vectors[[0, 0, 0, 1, 1, 1]]), drawn, rtol=0, atol=1e-5)


def test_a_picture_is_its_embedding_and_its_noise(model, pictures):
    """Up and down again it comes back, the nearer the shorter the steps; with the noise of another it does not."""
    back, codes = [], model.codec.decode(model.codec.encode(pictures))
    for steps in (10, 40):
        vectors, noise = upward(model, pictures, steps=steps)
        back.append(float((downward(model, vectors, noise, steps=steps) - codes).abs().mean()))
    assert noise.shape == (2, 4, 16, 16) and back[1] < 0.6 * back[0]
    wrong = float((downward(model, vectors, noise.flip(0), steps=40) - codes).abs().mean())
    assert wrong > 3 * back[1]


def test_a_cosine_to_the_target_rewards_the_mean_and_is_no_measure_of_a_prior():
    """Two embeddings fit a caption, 120° apart. Drawn in one step, which gives their mean, the cosine to the true one is ½; a
    perfect draw has 1 or −½, ¼ on average. So the worse sampler scores higher (DALLE2-pytorch #269)."""
    angle = math.radians(60)
    fit = torch.tensor([[math.cos(angle), math.sin(angle)], [math.cos(angle), -math.sin(angle)]])
    schedule, target = cosine(1000), fit[:1] / fit[:1].norm()
    cosines = []
    for steps in (1, 20):
        denoiser = ExactDenoiser(fit * 2**0.5, schedule)
        *_, last = sample(denoiser, schedule, (400, 2), Sampler("ddim", steps))
        cosines.append(float((unit(last.x_t) @ target.T).mean()))
    assert cosines[0] == pytest.approx(0.5, abs=0.02) and cosines[1] == pytest.approx(0.25, abs=0.08)  # 4 standard errors


def test_a_checkpoint_without_an_embedding_of_pictures_is_named(model, pictures):
    plain = Checkpoint("plain", model.card, model.net, model.parts)
    for draw in (lambda: picture_vectors(plain, pictures), lambda: paint(plain, torch.zeros(1, SIZE)),
                 lambda: generate(plain, 4, cond=TOKENS)):
        with pytest.raises(ValueError, match="plain knows no embedding of pictures"):
            draw()
    with pytest.raises(ValueError, match=r"pictures must be \(N, 3, 64, 64\)"):
        picture_vectors(model, torch.zeros(1, 3, 28, 28))
