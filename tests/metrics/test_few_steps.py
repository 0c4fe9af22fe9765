"""What few steps cost: weights that sum to what they must, and the two words of which the cost is known."""

from __future__ import annotations

import pytest
import torch
from tokens import no_or_on

from diffusion_utils.data.text import Alphabet, TextWindows
from diffusion_utils.discrete import absorbing
from diffusion_utils.metrics.few_steps import cost_of_steps, weights_of
from diffusion_utils.schedules import cosine, straight

WORDS = TextWindows(torch.tensor([0, 1, 1, 0]).repeat(5), Alphabet("no"), 2, 2)


@pytest.mark.parametrize("schedule", [straight(1), straight(50), cosine(1000, beta_max=1.0)], ids=["1", "50", "cosine"])
def test_every_place_is_shown_once_whatever_the_schedule(schedule):
    found = weights_of(schedule, 128)
    assert found.shape == (129,) and float(torch.arange(129).double() @ found) == pytest.approx(128, abs=1e-9)


def test_the_more_steps_the_nearer_to_one_place_at_a_time():
    n = torch.arange(1, 6)
    assert weights_of(straight(1), 5).tolist() == pytest.approx([0, 0, 0, 0, 0, 1])  # all at once
    torch.testing.assert_close(weights_of(straight(100_000), 5)[1:], 1 / n.double(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("T", [1, 2, 10])
def test_two_words_of_two_letters_cost_a_bit_more_by_T(T):
    """eq-two-at-once: 1 + 1/T bits a word in place of 1, and no chance is left in the difference."""
    found = cost_of_steps(no_or_on, absorbing(2), WORDS, {"some": straight(T)}, each=3)["some"]
    assert found["difference"] == pytest.approx(1 / (2 * T), abs=1e-12)
    assert found["standard_error"] == pytest.approx(0, abs=1e-12)
