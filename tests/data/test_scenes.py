"""Scenes: what is never shown is never shown, captions say what is there, and a scene depends on its number alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from diffusion_utils.data.scenes import caption, draw_captions, facts_of, load_scenes, tokens_of, words_of
from diffusion_utils.data.scenes.captions import LENGTH, WORDS
from diffusion_utils.data.scenes.drawing import ALONG, BOX, GAP, SIDE, corners, stroked
from diffusion_utils.data.scenes.facts import (
    COLOURS,
    COUNT,
    FIRST,
    RELATION,
    SECOND,
    agrees,
    is_held_out_colour,
    is_held_out_pair,
)


@pytest.fixture(scope="module")
def scenes():
    return load_scenes("test", 300)


def combinations(facts: np.ndarray) -> tuple[set, set]:
    """The (digit, colour) pairs and the ordered pairs of digits in facts (N, 10)."""
    coloured = {tuple(row[place][:2]) for row in facts for place in (FIRST, SECOND) if row[place][0] != -1}
    return coloured, {(row[FIRST][0], row[SECOND][0]) for row in facts if row[COUNT] == 2}


def test_twelve_colours_and_ten_pairs_are_held_out_each_colour_twice():
    colours = [(d, c) for d, c in itertools.product(range(10), range(len(COLOURS))) if is_held_out_colour(d, c)]
    assert len(colours) == 12
    assert [sum(c == k for _, c in colours) for k in range(len(COLOURS))] == [2] * len(COLOURS)
    assert sum(is_held_out_pair(a, b) for a, b in itertools.product(range(10), repeat=2)) == 10


def test_what_networks_see_holds_none_of_them_and_the_others_nothing_else(scenes):
    coloured, pairs = combinations(scenes.facts.numpy())
    assert not any(is_held_out_colour(*pair) for pair in coloured)
    assert not any(is_held_out_pair(*pair) for pair in pairs)
    coloured, pairs = combinations(load_scenes("test", 60, "colours").facts.numpy())
    assert all(is_held_out_colour(*pair) for pair in coloured) and not any(is_held_out_pair(*pair) for pair in pairs)
    coloured, pairs = combinations(load_scenes("test", 60, "pairs").facts.numpy())
    assert all(is_held_out_pair(*pair) for pair in pairs) and not any(is_held_out_colour(*pair) for pair in coloured)


def test_every_other_combination_is_there():
    """Of 48 pairs, each is in a scene with a probability of about 1/30: none is missed in 2,000 scenes."""
    coloured, _ = combinations(load_scenes("test", 2000).facts.numpy())
    assert len(coloured) == 48


def test_a_scene_depends_on_its_number_alone(scenes):
    few = load_scenes("test", 7)
    assert torch.equal(few.pictures, scenes.pictures[:7]) and torch.equal(few.facts, scenes.facts[:7])
    assert not torch.equal(load_scenes("test", 7, seed=1).pictures, few.pictures)
    assert scenes.pictures.shape == (300, 3, SIDE, SIDE) and scenes.pictures.dtype == torch.uint8


@pytest.mark.parametrize("relation", [0, 1])
def test_two_digits_keep_their_distance_and_their_relation(relation):
    rng, along = np.random.default_rng(0), 1 - relation
    for _ in range(200):
        heights, widths = rng.integers(5, 28, 2).tolist(), rng.integers(5, 28, 2).tolist()
        found = corners(heights, widths, relation, rng)
        if found is None:
            continue
        sizes = np.array([heights, widths]).T
        assert (found >= 1).all() and (found + sizes <= SIDE - 1).all()
        assert found[1, along] - (found[0, along] + sizes[0, along]) >= GAP
        apart = (found + sizes / 2)[1] - (found + sizes / 2)[0]
        assert apart[along] >= ALONG * abs(apart[1 - along])


def test_thick_has_more_ink_than_thin_and_large_is_larger():
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 12:16] = 255  # a stroke 20 high and 4 wide
    thin, thick = stroked(digit, 0, BOX[0]), stroked(digit, 1, BOX[0])
    assert thin.max() == thick.max() == 255
    assert thin.shape[1] < thick.shape[1]
    # 4 pixels are 8 at double resolution; erosion leaves 6, two dilations make 12: at a box of 24 these are 2.6 and 5.1 wide,
    # and their soft edges reach into one pixel more on either side
    assert 2.6 <= thin.shape[1] <= 2.6 + 2 and 5.1 <= thick.shape[1] <= 5.1 + 2
    assert abs(stroked(digit, 0, BOX[1]).shape[0] - thin.shape[0] * BOX[1] / BOX[0]) <= 2


# --- Captions


def test_a_full_caption_says_everything_and_reading_it_gives_the_facts_back(scenes):
    facts = scenes.facts
    for text, row in zip(draw_captions(facts, torch.Generator().manual_seed(0), said=1.0), facts.numpy(), strict=True):
        assert np.array_equal(facts_of(text), row), text


def test_what_a_caption_leaves_out_it_does_not_claim(scenes):
    facts = scenes.facts
    captions = draw_captions(facts, torch.Generator().manual_seed(1))
    read = np.stack([facts_of(text) for text in captions])
    assert agrees(read, facts.numpy()).all()
    there = facts.numpy() != -1
    said = {k: (read[there[:, k], k] != -1).mean() for k in (3, 4, 5)}
    for share in said.values():  # each is said with probability 0.7; 300 scenes, four standard errors
        assert abs(share - 0.7) < 4 * (0.7 * 0.3 / 300) ** 0.5
    assert all((read[there[:, k], k] != -1).all() for k in (COUNT, RELATION, 2, 6))


def test_the_order_may_be_turned_and_the_words_change_with_it():
    facts = np.array([2, 0, 3, 0, 0, 0, 7, 2, 1, 1])
    low, high = np.zeros(11), np.full(11, 0.99)
    assert caption(facts, high, said=1.0) == "a thin small red three left of a thick large blue seven"
    assert caption(facts, low, said=1.0) == "a thick large blue 7 right of a thin small red 3"
    facts[RELATION] = 1
    assert caption(facts, low, said=0.0) == "a 7 below a 3"
    assert caption(np.array([1, -1, 8, 0, 0, 0, -1, -1, -1, -1]), low, said=0.0) == "an 8"


def test_the_article_of_a_digit_is_that_of_its_first_word():
    for text in draw_captions(load_scenes("test", 200).facts, torch.Generator().manual_seed(2)):
        words = text.split()
        for article, word in zip(words, words[1:], strict=False):
            if article in ("a", "an"):
                assert (article == "an") == (word in ("8", "eight")), text


@pytest.mark.parametrize("text", ["a red blue 3", "red", "a 3 left of a 4 left of a 5", "a 3 beside a 4", "a 3 4"])
def test_what_is_no_caption_is_not_read_as_one(text):
    assert facts_of(text) is None


# --- Tokens


def test_a_prompt_is_its_words_in_order_after_a_beginning():
    text = "a thin small red 3 left of a large blue seven"
    tokens = tokens_of(text)
    assert tokens.shape == (1, LENGTH) and tokens.dtype == torch.int64 and int(tokens[0, 0]) == 1
    assert " ".join(words_of(tokens[0])) == text
    assert torch.equal(tokens_of("A thin, small RED 3 left of a large blue seven."), tokens)
    assert len(set(WORDS)) == len(WORDS)
    read = facts_of("A thin, small RED 3 left of a large blue seven.")  # as it is told, so it is judged
    assert read is not None and np.array_equal(read, facts_of(text))


def test_the_longest_caption_fits():
    assert len("a thin small magenta 3 left of a thick large white 7".split()) < LENGTH


def test_an_empty_prompt_is_the_beginning_alone():
    assert tokens_of("").tolist() == [[1] + [0] * (LENGTH - 1)]


@pytest.mark.parametrize(("text", "says"), [("a purple 3", "unknown word 'purple'"), ("a bleu 3", "Did you mean 'blue'"),
                                            ("3 " * 100, "at most 13 words, got 100"), ("^", "unknown word")])
def test_a_prompt_that_cannot_be_told_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        tokens_of(text)


def test_the_condition_of_a_row_is_its_full_caption(scenes):
    told = scenes.condition(torch.tensor([5, 9]))
    for row, facts in zip(told, scenes.facts[[5, 9]].numpy(), strict=True):
        assert np.array_equal(facts_of(" ".join(words_of(row))), facts)


@pytest.mark.parametrize(("given", "says"), [({"kind": "colour"}, "unknown kind of scenes 'colour'. Did you mean 'colours'"),
                                             ({"split": "tests"}, "split must be 'train' or 'test'"),
                                             ({"n": 0}, "n must be an integer ≥ 1, got 0")])
def test_an_unknown_kind_or_split_and_no_scenes_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        load_scenes(**{"split": "test", "n": 2} | given)
