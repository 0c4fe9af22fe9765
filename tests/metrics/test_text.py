"""Measures of text: the n-gram judge against the formula written out, and figures that notice what low surprise does not."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from diffusion_utils.data.text import TextWindows, alphabet_of, load_shakespeare
from diffusion_utils.data.text import files as text_files
from diffusion_utils.metrics import infilling, ngram, text
from diffusion_utils.metrics.ngram import NGram, discounts


@pytest.fixture(autouse=True)
def shipped(monkeypatch, tmp_path):
    """The beginning of the texts, as without folder and network."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(text_files, "fetch_file", lambda *given: "no network")


def kneser_ney(tokens: list[int], K: int, order: int, history: list[int], letter: int) -> float:
    """The formula of the docstring, one letter at a time."""
    if order == 0:
        return 1 / K
    def counts_of(k: int) -> Counter:
        if k == top:
            return Counter(tuple(tokens[i:i + k]) for i in range(len(tokens) - k + 1))
        return Counter(gram[1:] for gram in {tuple(tokens[i:i + k + 1]) for i in range(len(tokens) - k)})
    top, p = order, 1 / K
    for k in range(1, order + 1):
        counts, before = counts_of(k), tuple(history[len(history) - k + 1:])
        D = discounts(np.array(list(counts.values())))
        after = {gram: c for gram, c in counts.items() if gram[:-1] == before}
        if not after:
            continue
        total, left = sum(after.values()), sum(D[min(c, 3)] for c in after.values())
        c = counts.get((*before, letter), 0)
        p = max(c - D[min(c, 3)], 0) / total + left / total * p
    return p


def test_the_judge_is_interpolated_modified_kneser_ney():
    rng = np.random.default_rng(0)
    tokens = rng.choice(4, 300, p=[0.5, 0.3, 0.15, 0.05])
    judge = NGram(tokens, 4, 3)
    history = [2, 0, 1]
    wanted = [kneser_ney(tokens.tolist(), 4, 3, history, letter) for letter in range(4)]
    np.testing.assert_allclose(judge.probabilities(np.array([history[1:]]))[0], wanted, rtol=0, atol=1e-12)
    row = np.array([[*history, 3]])
    assert 2 ** -judge.bits(row)[0, 3] == pytest.approx(wanted[3], abs=1e-12)


def test_what_the_judge_gives_sums_to_one_after_any_beginning():
    judge = NGram(np.random.default_rng(1).integers(0, 5, 200), 5, 4)
    for length in (0, 1, 3):
        context = np.random.default_rng(2).integers(0, 5, (50, length))
        np.testing.assert_allclose(judge.probabilities(context).sum(1), 1, rtol=0, atol=1e-12)


def test_what_the_judge_writes_has_the_shares_that_it_gives():
    judge = NGram(np.array([0, 1, 1, 0, 2, 0, 1, 0, 1, 2, 0, 1] * 9), 3, 2)
    rows = judge.sample(20_000, 2)
    p = judge.probabilities(np.zeros((1, 0), dtype=np.int64))[0]
    # five standard deviations of a share among 20,000
    np.testing.assert_allclose(np.bincount(rows[:, 0], minlength=3) / 20_000, p, rtol=0, atol=5 * 0.5 / 20_000**0.5)
    after = judge.probabilities(np.array([[1]]))[0]
    seconds = rows[rows[:, 0] == 1, 1]
    np.testing.assert_allclose(np.bincount(seconds, minlength=3) / len(seconds), after, rtol=0, atol=2.5 / len(seconds)**0.5)
    with pytest.raises(ValueError, match="order must lie"):
        NGram(np.zeros(9, dtype=np.int64), 3, 10)


def windows(content: str) -> TextWindows:
    alphabet = alphabet_of(content)
    return TextWindows(alphabet.encode(content), alphabet, 4)


TRAIN = windows("the cat sat on the mat with another cat and sang of home. ha ha ha ha ha ha ha ha ha. " * 20)


def rows_of(*texts: str) -> np.ndarray:
    return np.stack([TRAIN.alphabet.encode(one).numpy() for one in texts])


def test_the_longest_copy_is_the_longest_run_that_stands_in_the_training_text():
    rows = rows_of("cat sat on the home", "t.t.t.t.t.t.t.t.t.t", "the mat with anothe")
    assert text.longest_copies(rows, TRAIN.tokens.numpy()).tolist() == [15, 1, 19]
    assert len({int(code) for code in ngram.coded(rows[0], 2, 30)}) == len({a + b for a, b in zip(
        "cat sat on the home", "cat sat on the home"[1:], strict=False)})


def test_words_are_looked_up_but_short_ones_and_those_cut_off():
    assert text.whole_words("ther sang Cats of anot") == ["sang", "cats"]
    assert text.real_words(rows_of("the mat home cat sat", " sang sanh sat th on"), TRAIN) == pytest.approx(2 / 3)
    assert text.real_words(rows_of("t t t t"), TRAIN) is None


def test_a_text_that_repeats_itself_surprises_little_and_is_found_out():
    """Low surprise alone says nothing: entropy and distinct pieces fall."""
    judge = NGram(TRAIN.tokens.numpy(), len(TRAIN.alphabet), 5)
    dull, real = (text.figures_of(rows_of(*[one] * 3), judge, TRAIN)
                  for one in (" ha ha ha ha ha ha ha ha", "cat and sang of home. ha"))
    assert dull["judge_bits_error"] == dull["entropy_error"] == 0 and real["words"] == 6 and real["real_words"] == 1
    assert dull["judge_bits"] < 1 and dull["entropy"] < 2.2 < real["entropy"]
    assert dull["distinct_4_grams"] < 0.1 < real["distinct_4_grams"]


def test_the_error_of_a_mean_over_texts_is_that_of_its_rows():
    assert text.standard_error(np.array([1.0, 3.0, 5.0])) == pytest.approx(2 / 3**0.5)
    assert text.standard_error(np.array([1.0])) is None


def test_entropy_is_that_of_the_letters_of_each_text():
    np.testing.assert_allclose(text.entropies(np.array([[0, 1, 2, 3], [0, 0, 0, 0], [0, 0, 1, 1]]), 4), [2, 0, 1])


def test_texts_are_judged_beside_real_ones_and_those_of_the_judge():
    x = torch.from_numpy(text.judge_of(None, 64).sample(8, 64, seed=3))
    found = text.evaluate(x, calls=64)
    assert found["n"] == found["real_text"]["n"] == 8 and found["calls"] == 64 and found["compared_with"] == "shakespeare-test"
    for one in (found, found["real_text"], found["samples_of_a_5_gram_model"]):
        assert 0 < one["judge_bits"] < 6.02 and 2 < one["entropy"] < 6 and 0 <= one["real_words"] <= 1
    with pytest.raises(ValueError, match="numbers of letters 0…64"):
        text.evaluate(x.float())


def test_names_that_go_on_after_their_end_are_broken():
    x = torch.full((4, 16), 26)
    x[:, 0] = torch.tensor([0, 0, 1, 2])
    x[3, 4] = 5
    found = text.evaluate_names(x)
    assert found["broken"] == 0.25 and found["distinct"] == 0.75 and found["mean_length"] == 2.0
    assert found["real_names"]["broken"] == 0 and found["real_names"]["in_training"] == 0


def test_hidden_words_are_whole_and_filled_from_what_stands_before_them():
    test = load_shakespeare("test")
    rows, hidden = infilling.hidden_words(test, 40)
    for row, where in zip(rows, hidden, strict=True):
        places = where.nonzero()[:, 0]
        content = test.alphabet.decode(row)
        first, last = int(places[0]), int(places[-1]) + 1
        assert last - first == len(places) >= 4 and content[first:last].isalpha()
        assert not content[first - 1].isalpha() and not content[last].isalpha()
    certain = NGram(np.tile(np.arange(5), 400), 5, 3)  # 0 1 2 3 4 0 1 …: the letter that follows is known
    given = np.tile(np.arange(5), (3, 4))
    where = np.zeros_like(given, dtype=bool)
    where[:, 6:10] = True
    filled = infilling.filled_from_the_left(certain, np.where(where, 0, given), where)
    assert (filled == given).mean() > 0.95 and (filled[~where] == given[~where]).all()


def test_a_text_without_words_has_none_to_find():
    data = windows("acgt" * 500)
    rows, hidden = infilling.hidden_words(data, 4)
    assert rows.shape == hidden.shape == (0, *data.shape)
    assert infilling.hit_rates(None, data, n=4) == {"words": 0}


def test_real_text_is_taken_from_all_over():
    assert torch.equal(text.spread(TRAIN, 3), TRAIN.x0(torch.tensor([0, (len(TRAIN) - 1) // 2, len(TRAIN) - 1])))
    assert len(text.spread(TRAIN, 10**6)) == len(TRAIN)
