"""Data that is a tensor already: what it says of itself, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from pretended_device import pretended

from diffusion_utils.data import ImageData, TensorData

SERIES = torch.arange(24.0).reshape(4, 2, 3) / 5 - 2
BOTH = {"level": torch.tensor([[0.5], [1.0], [1.5], [2.0]]), "kind": torch.arange(4)}


def test_samples_and_conditions_belong_to_their_rows() -> None:
    data = TensorData(SERIES, BOTH, name="waves", clip=(-3.0, 3.0))
    assert (len(data), data.shape, data.clip, data.name) == (4, (2, 3), (-3.0, 3.0), "waves")
    rows = torch.tensor([3, 0])
    assert torch.equal(data.x0(rows), SERIES[[3, 0]])
    found = data.condition(rows)
    assert found["kind"].tolist() == [3, 0] and found["level"].tolist() == [[2.0], [0.5]]
    assert TensorData(SERIES).condition(rows) is None and TensorData(SERIES).clip is None
    assert TensorData(SERIES, BOTH["kind"]).condition(rows).tolist() == [3, 0]


def test_tokens_stay_integers() -> None:
    tokens = torch.arange(6).reshape(3, 2)
    assert torch.equal(TensorData(tokens).x0(torch.tensor([2])), torch.tensor([[4, 5]]))


def test_all_of_it_goes_to_the_device() -> None:
    data = TensorData(SERIES, BOTH, name="waves", source="a test", clip=(-3.0, 3.0))
    with pretended("mps") as device:
        there = data.to(device)
        found = [there.x0(torch.tensor([1])), *there.condition(torch.tensor([1])).values()]
        assert {part.device.type for part in found} == {"mps"} and torch.equal(found[0].cpu(), SERIES[1:2])
    assert (there.name, there.source, there.clip) == ("waves", "a test", (-3.0, 3.0))


def test_the_hash_is_of_all_numbers_their_type_and_their_shape() -> None:
    given = [TensorData(SERIES), TensorData(SERIES + 1e-6), TensorData(SERIES.double()), TensorData(SERIES.reshape(4, 3, 2)),
             TensorData(SERIES, BOTH), TensorData(SERIES, BOTH | {"kind": torch.zeros(4)}), TensorData(SERIES, BOTH["kind"])]
    assert len({data.sha256 for data in given}) == len(given)
    assert TensorData(SERIES.clone(), dict(BOTH), name="another").sha256 == given[4].sha256


@pytest.mark.parametrize(("values", "cond", "message"), [
    (SERIES[:0], None, r"waves: values must be a tensor \(N, …\) with N ≥ 1, got \(0, 2, 3\)"),
    (torch.zeros(4), None, r"got \(4,\)"), ([[1.0]], None, "got list"),
    (SERIES / 0, None, "waves: values hold NaN or infinity"),
    (SERIES, torch.arange(3), r"cond must be a tensor for each of 4 samples, \(4, …\), got \(3,\)"),
    (SERIES, BOTH | {"kind": torch.arange(5)}, r"kind must be .* got \(5,\)"),
], ids=["none", "a row", "a list", "infinite", "too few", "too many"])
def test_what_is_no_data_set_is_refused(values, cond, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TensorData(values, cond, name="waves")


def test_pictures_say_the_same_things_of_themselves() -> None:
    """Bytes outside, [−1, 1] inside."""
    images = torch.tensor([0, 255, 51, 204], dtype=torch.uint8).reshape(2, 1, 1, 2)
    data = ImageData(images, torch.tensor([7, 3]), "two", "a test", "")
    assert (len(data), data.shape, data.clip) == (2, (1, 1, 2), (-1.0, 1.0))
    rows = torch.tensor([1, 0])
    torch.testing.assert_close(data.x0(rows).flatten(), torch.tensor([-0.6, 0.6, -1.0, 1.0]))
    assert data.condition(rows).tolist() == [3, 7]
