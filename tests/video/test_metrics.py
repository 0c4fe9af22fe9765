"""The reader of frames against the truth, and what each distance notices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.metrics.video import (
    distances,
    evaluate,
    forecast_errors,
    long_videos,
    looks,
    memory,
    short_forecasts,
    shuffled,
    ways,
)
from diffusion_utils.metrics.video_reading import digits_in, own_style, read
from diffusion_utils.npy import read_npy, write_npy

DATA = load_next_door("test")
ROWS = torch.arange(80)


@pytest.fixture(scope="module")
def real() -> tuple[torch.Tensor, torch.Tensor]:
    return long_videos(DATA, ROWS)


def test_the_reader_knows_place_digit_and_hand(real) -> None:
    """Its ceilings: what it says of real videos."""
    frames, truth = real
    reading = read(frames)
    off = forecast_errors(frames, truth)
    off = off[off.isfinite()]
    assert len(off) > 800 and float(off.median()) < 0.04 and float(off.quantile(0.95)) < 0.14
    right = digits_in(frames, reading, reading.whole) == DATA.labels(ROWS).numpy()
    assert right.mean() >= 0.96
    assert float(own_style(frames, reading, reading.whole, DATA, ROWS).float().mean()) >= 0.96
    other = own_style(frames, reading, reading.whole, DATA, ROWS.roll(1))  # beside another video's digits
    assert float(other.float().mean()) < 0.4


def test_what_is_asked_of_a_video_is_what_it_says(real) -> None:
    frames, truth = short_forecasts(DATA, ROWS)
    assert frames.shape == (80, 10, 1, 32, 32) and bool((truth[:, -1, 0] < 12.5).all())
    torch.testing.assert_close(truth.diff(dim=1)[..., 0], torch.full((80, 9), -2.5, dtype=torch.float64))  # no wall
    assert float(forecast_errors(frames[:, [4] * 10], truth)[:, -1].nan_to_num(nan=99).median()) > 10
    long, where = real
    assert bool((where[:, 0, 0] < 12.5).all()) and bool((where[:, 1, 0] > where[:, 0, 0]).all())
    assert bool(read(long).whole[:, :4].all())


def test_a_digit_that_is_not_there_is_infinitely_far_off_and_what_is_out_of_sight_does_not_count() -> None:
    truth = torch.tensor([[[15.0, 16.0], [40.0, 16.0]]])
    found = forecast_errors(torch.full((1, 2, 1, 32, 32), -1.0), truth)
    assert float(found[0, 0]) == float("inf") and bool(found[0, 1].isnan())
    empty = torch.full((2, 60, 1, 32, 32), -1.0)
    assert looks(empty).shape == (0, 128) and distances(empty, DATA.x0(ROWS[:2]))["fd_of_frames"] is None


def test_memory_tells_the_same_digit_from_another(real) -> None:
    frames, _ = real
    found = memory(frames, frames, DATA, ROWS)
    assert found["identity"] >= 0.96 and found["own_style"] >= 0.95
    assert found["returns"] == 1 and found["return_error_frames"] == 0
    strangers = frames.clone()
    strangers[:, 12:] = frames.roll(1, 0)[:, 12:]
    found = memory(strangers, frames, DATA, ROWS)
    assert found["identity"] < 0.25 and found["own_style"] < 0.3
    gone = frames.clone()
    gone[:, 12:] = -1
    assert memory(gone, frames, DATA, ROWS)["identity"] == 0
    late = torch.cat([frames[:, :20], frames[:, 20:21].expand(-1, 3, -1, -1, -1), frames[:, 20:-3]], 1)
    assert memory(late, frames, DATA, ROWS)["return_error_frames"] == 3


def test_shuffled_frames_fool_one_distance_and_not_the_other() -> None:
    """And none is ever negative (pitfall 10), but for rounding."""
    train = load_next_door("train").x0(ROWS)
    test = DATA.x0(ROWS)
    plain, mixed = distances(test, train), distances(shuffled(test), train)
    assert mixed["fd_of_frames"] == pytest.approx(plain["fd_of_frames"], rel=1e-4)  # sums in float32
    assert mixed["fd_of_ways"] > 5 * plain["fd_of_ways"] > 0
    for rows in (looks(test[:4]), ways(test[:4]).double()):
        same = distances(test[:4], test[:4])
        assert len(rows) > 1 and abs(same["fd_of_frames"]) < 1e-3 and abs(same["fd_of_ways"]) < 1e-3


def test_given_frames_are_not_counted_and_it_is_said() -> None:
    """Pitfall 11 (mcvd-pytorch #19, fitvid #3)."""
    test, other = DATA.x0(ROWS[:20]), load_next_door("train").x0(ROWS[:20])
    changed = test.clone()
    changed[:, :5] = other[:, :5]
    assert distances(test, other) == distances(changed, other) and distances(test, other)["frames_counted"] == "5…"
    assert distances(test, other)["fd_of_ways"] != distances(test, other, first=0)["fd_of_ways"]


def test_what_is_measured_is_the_array_that_was_drawn(tmp_path) -> None:
    """Pitfall 12 (VideoGPT #15): a film that was compressed is another one."""
    frames = DATA.x0(ROWS[:2])
    write_npy(tmp_path / "x.npy", frames)
    assert torch.equal(read_npy(str(tmp_path / "x.npy")), frames)
    found = evaluate(frames, DATA.condition(ROWS[:2]))
    assert found["n"] == 2 and found["given"] == 5 and found["floor_test"]["fd_of_frames"] == found["fd_of_frames"]
    with pytest.raises(ValueError, match=r"videos must be \(N ≥ 2, 60, 1, 32, 32\)"):
        evaluate(frames[:, :, :, :16])
    with pytest.raises(ValueError, match="frames must be"):
        read(torch.zeros(2, 1, 28, 28))


def test_a_digit_that_most_frames_hold_is_the_one_that_is_read(real) -> None:
    frames, _ = real
    reading = read(frames[:4])
    assert digits_in(frames[:4], reading, torch.zeros_like(reading.whole)).tolist() == [-1] * 4
    assert isinstance(digits_in(frames[:4], reading, reading.whole), np.ndarray)
