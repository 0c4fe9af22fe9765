"""Unit vectors of pictures and captions: the loss, what can be found at best, and the arc between two of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from diffusion_utils.joint import FIRST, LARGEST, ceiling, contrastive_loss, slerp, text_difference, top_one, unit

OWN = torch.eye(3, dtype=torch.bool)


def vectors(n: int = 3, d: int = 8, seed: int = 0) -> Tensor:
    return unit(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))


def scale(value: float = FIRST) -> Tensor:
    return torch.tensor(value)


def test_where_each_caption_fits_one_picture_the_loss_is_that_of_clip():
    """Radford et al. 2021, figure 3: cross-entropy to the own row, both ways, halved."""
    image, text = vectors(), vectors(seed=1)
    logits = text @ image.T / 0.07
    wanted = sum(torch.nn.functional.cross_entropy(one, torch.arange(3)) for one in (logits, logits.T)) / 2
    torch.testing.assert_close(contrastive_loss(image, text, scale(), OWN), wanted)


def test_a_caption_that_fits_two_pictures_is_right_about_both():
    """Pictures 0 and 1 are the same to caption 0: were the second counted as wrong, the loss could not reach its least, where
    both get a half."""
    image = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    fits = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    loss = contrastive_loss(image, image, scale(LARGEST), fits)
    torch.testing.assert_close(loss, torch.tensor(2 / 3 * math.log(2)), rtol=1e-4, atol=0)  # entropy of the halves
    assert float(contrastive_loss(image, image.flip(0), scale(LARGEST), fits)) > 10
    image, text = vectors(), vectors(seed=1)  # and the two count alike, whichever is the caption's own
    ways = [(text @ image.T / 0.07).log_softmax(1), (image @ text.T / 0.07).log_softmax(1)]
    wanted = sum(-(way[:2, :2].sum() / 2 + way[2, 2]) / 3 for way in ways) / 2
    torch.testing.assert_close(contrastive_loss(image, text, scale(), fits), wanted)


def test_the_loss_treats_captions_and_pictures_alike():
    image, text, fits = vectors(), vectors(seed=1), OWN.clone()
    fits[0, 2] = True
    torch.testing.assert_close(contrastive_loss(image, text, scale(), fits), contrastive_loss(text, image, scale(), fits.T))
    assert not torch.allclose(contrastive_loss(image, text, scale(), fits), contrastive_loss(image, text, scale(), fits.T))


def test_the_scale_is_positive_whatever_is_learnt_and_ends_at_100():
    """It is kept as its logarithm: a negative scale would turn the embedding round."""
    image, text = vectors(), vectors(seed=1)
    at_most = contrastive_loss(image, text, scale(LARGEST), OWN)
    assert math.exp(LARGEST) == pytest.approx(100)
    torch.testing.assert_close(contrastive_loss(image, text, scale(50.0), OWN), at_most)
    torch.testing.assert_close(contrastive_loss(image, text, scale(-50.0), OWN), torch.tensor(math.log(3)))


def test_cosines_are_not_rounded_to_half_precision():
    image, text = vectors(16, 64), vectors(16, 64, seed=1)
    exact = contrastive_loss(image, text, scale(LARGEST), torch.eye(16, dtype=torch.bool))
    with torch.autocast("cpu", torch.bfloat16):
        found = contrastive_loss(image, text, scale(LARGEST), torch.eye(16, dtype=torch.bool))
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("n", "changes", "says"), [
    (1, {}, "at least two of each are needed"), (3, {"image": 2 * vectors()}, "image must have the length 1.*got 2…2"),
    (3, {"text": torch.zeros(3, 8)}, "text must have the length 1"), (3, {"fits": OWN.float()}, "fits must be bool"),
    (3, {"fits": ~OWN}, "caption i must fit picture i"), (3, {"fits": OWN[:2]}, r"got torch.bool \(2, 3\)"),
    (3, {"text": vectors(2)}, "got 3 pictures and 2 captions")])
def test_what_would_teach_nothing_is_refused(n, changes, says):
    """The loss of a batch of one is 0; vectors of another length are no cosines."""
    given = {"image": vectors(n), "text": vectors(n, seed=1), "fits": torch.eye(n, dtype=torch.bool)} | changes
    with pytest.raises(ValueError, match=says):
        contrastive_loss(**given, log_scale=scale())


def test_to_normalise_twice_is_to_normalise_once():
    x = vectors()
    torch.testing.assert_close(unit(x), x)
    assert unit(x.half()).dtype == torch.float32


def test_the_ceiling_shares_the_prize_among_what_fits():
    """Two scenes that nobody can tell apart by their captions, and two that are found for certain."""
    fits = torch.eye(4, dtype=torch.bool)
    fits[0, 1] = fits[1, 0] = True
    assert ceiling(fits, 4) == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert ceiling(fits, 2) == pytest.approx(0.75)
    fits[2, 3] = True  # a caption that fits both pictures; the other fits its own alone
    assert ceiling(fits, 2) == pytest.approx((0.5 + 0.5 + 0.5 + 1) / 4)
    with pytest.raises(ValueError, match="4 rows cannot be asked in blocks of 3"):
        ceiling(fits, 3)


def test_a_perfect_embedding_reaches_the_ceiling_and_one_of_other_pairs_the_floor():
    x = torch.eye(4)
    assert top_one(x, x, 4).all() and not top_one(x, x.roll(1, 0), 4).any()
    assert top_one(x, x[[1, 0, 2, 3]], 2).tolist() == [False, False, True, True]
    with pytest.raises(ValueError, match="asking must have the length 1"):
        top_one(3 * x, x, 4)


def test_the_arc_begins_in_a_ends_in_b_and_is_walked_evenly():
    a, b = vectors(5), vectors(5, seed=1)
    torch.testing.assert_close(slerp(a, b, 0), a)
    torch.testing.assert_close(slerp(a, b, 1), b)
    whole = (a * b).sum(1).acos()
    for share in (0.25, 0.5, 0.9):
        point = slerp(a, b, share)
        torch.testing.assert_close(point.norm(dim=1), torch.ones(5))
        torch.testing.assert_close((a * point).sum(1).acos(), share * whole, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(slerp(a, b, torch.linspace(0, 1, 5))[[0, 4]], torch.stack([a[0], b[4]]))


def test_the_arc_between_equal_and_nearly_equal_vectors_is_finite():
    """sin 0 = 0: the formula alone gives NaN."""
    a = vectors()
    for b in (a, unit(a + 1e-7), unit(a + 1e-4)):
        for share in (0.0, 0.3, 1.0):
            found = slerp(a, b, share)
            assert bool(found.isfinite().all())
            torch.testing.assert_close(found, a, rtol=0, atol=1e-3)
    with pytest.raises(ValueError, match="opposite"):
        slerp(a, -a, 0.5)
    with pytest.raises(ValueError, match="a must have the length 1"):
        slerp(2 * a, a, 0.5)


def test_a_text_difference_leads_away_from_what_was_said_towards_what_is_said():
    image, before, after = vectors(seed=2), vectors(), vectors(seed=1)
    torch.testing.assert_close(text_difference(image, before, after, 0.0), image)
    moved = text_difference(image, before, after, 0.4)
    assert bool(((moved * after).sum(1) > (image * after).sum(1)).all())
    assert bool(((moved * before).sum(1) < (image * before).sum(1)).all())
    torch.testing.assert_close(text_difference(image, before, after, 1.0), unit(after - before))
