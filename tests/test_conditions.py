"""A condition is nothing, a tensor or a dictionary of tensors, and what is done to it is done to each of its samples."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.conditions import check_count, described, each, in_proportion, rows_of, without

LABELS, WORDS = torch.arange(4), torch.arange(12).reshape(4, 3).half()
BOTH = {"label": LABELS, "words": WORDS}


def test_each_reaches_every_tensor() -> None:
    assert each(torch.neg, None) is None
    assert torch.equal(each(torch.neg, LABELS), -LABELS)
    found = each(torch.neg, BOTH)
    assert list(found) == ["label", "words"] and torch.equal(found["words"], -WORDS)


@pytest.mark.parametrize("rows", [slice(1, 3), [1, 2], torch.tensor([1, 2])], ids=repr)
def test_rows_are_those_of_every_entry(rows) -> None:
    assert rows_of(None, rows) is None
    assert rows_of(LABELS, rows).tolist() == [1, 2]
    found = rows_of(BOTH, rows)
    assert found["label"].tolist() == [1, 2] and found["words"].tolist() == [[3, 4, 5], [6, 7, 8]]


@pytest.mark.parametrize("cond", [None, LABELS, BOTH], ids=["nothing", "labels", "both"])
def test_a_condition_of_as_many_samples_is_one(cond) -> None:
    check_count(cond, 4)


@pytest.mark.parametrize(("cond", "message"), [
    (LABELS[:3], r"cond must be a tensor for each of 4 samples, \(4, …\), got \(3,\)"),
    (torch.tensor(3), r"cond must be .* got \(\)"), ("a cat", "cond must be .* got str"), ([0, 1, 2, 3], "got list"),
    (BOTH | {"words": WORDS[:2]}, r"words must be .* \(4, …\), got \(2, 3\)"),
    (BOTH | {"label": 3}, "label must be .* got int"),
], ids=str)
def test_any_other_is_named(cond, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_count(cond, 4)


def test_without_leaves_entries_out() -> None:
    assert without(BOTH, "label") == {"words": WORDS} and list(BOTH) == ["label", "words"]
    assert without(BOTH, "label", "words") is None, "nothing is told"


@pytest.mark.parametrize(("cond", "given"), [(BOTH, "of label, words"), (LABELS, "Tensor"), (None, "NoneType")], ids=str)
def test_what_is_not_there_cannot_be_left_out(cond, given: str) -> None:
    with pytest.raises(ValueError, match=f"image cannot be left out of a condition that is {given}"):
        without(cond, "image")


def test_labels_come_as_often_as_they_are_counted() -> None:
    labels = in_proportion([900, 0, 100], 1000)
    assert labels.dtype == torch.int64 and (labels == 1).sum() == 0
    # multiples of the golden ratio miss the share of any interval by less than a few in a thousand
    assert abs(int((labels == 2).sum()) - 100) <= 3
    assert 2 in labels[:20] and torch.equal(in_proportion([900, 0, 100], 20), labels[:20])


def test_a_card_says_shape_and_type_of_one_sample() -> None:
    assert described(None) is None
    assert described(LABELS) == {"shape": [], "dtype": "int64"}
    assert described(BOTH) == {"label": {"shape": [], "dtype": "int64"}, "words": {"shape": [3], "dtype": "float16"}}
