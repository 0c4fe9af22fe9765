"""What is asked of videos, judged on real ones, which meet every goal, and on blends of two futures, which must not."""

from __future__ import annotations

import pytest
import torch
import video_bars
from video_bars import around_toss, coin, drift, forecast, goals, infilling, remembered

from diffusion_utils.data.next_door import load_next_door

DATA = load_next_door("test")


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that draws what truly happened."""
    monkeypatch.setattr(video_bars, "drawn", lambda model, frames, *args, **how: frames)


def test_what_truly_happened_meets_the_goals(real) -> None:
    ahead, gap = forecast(None, DATA, 60), infilling(None, DATA, 60)
    assert ahead["median_error"] < 0.05 and ahead["standing_still"] > 12.5 and ahead["median_error"] == ahead["reader"]
    assert gap["median_error"] < 0.05
    free, told = coin(None, DATA, 150, 1, told=False), coin(None, DATA, 50, 1, told=True)
    assert free["legal"] == 1 and 0.35 < free["up"] < 0.65 and len(free["up_by_start"]) == 150  # 0.5 ± 3.7 standard errors
    assert told["legal"] == told["obeys"] == 1
    found = remembered(None, DATA, 30, "hierarchy-2")
    assert found["identity"] >= 0.96 and found["given_kept"] and found == remembered(None, DATA, 30, None)
    far = drift(None, DATA, 10, 200)
    assert far["network_first"] == far["real_first"] and far["network_last"] < 1.5 * far["network_first"]


def test_a_blend_of_two_futures_is_no_future_and_the_wrong_one_disobeys(monkeypatch) -> None:
    def wrong(model, frames, given):
        rows = video_bars.tossed_in_the_middle(DATA, 40, 5)
        _, index, toss = around_toss(DATA, rows, 5, 4)
        walks = DATA.walks(rows)
        other = ~walks.coins.gather(1, toss[:, None])[:, 0]
        paths = [walks.with_coin(toss, down).positions(index) for down in (False, True)]
        return torch.where(other[:, None, None, None, None], DATA.drawn(rows, paths[1]), DATA.drawn(rows, paths[0]))

    monkeypatch.setattr(video_bars, "drawn", wrong)
    found = coin(None, DATA, 40, 1, told=True)
    assert found["obeys"] == 0 and found["legal"] == 1

    def blend(model, frames, given):
        rows = video_bars.tossed_in_the_middle(DATA, 40, 5)
        _, index, toss = around_toss(DATA, rows, 5, 4)
        paths = [DATA.walks(rows).with_coin(toss, down).positions(index) for down in (False, True)]
        return DATA.drawn(rows, (paths[0] + paths[1]) / 2)

    monkeypatch.setattr(video_bars, "drawn", blend)
    assert coin(None, DATA, 40, 1, told=False)["legal"] == 0


def record(**changes) -> dict:
    memory = {"n": 100, "identity": 0.9, "own_style": 0.7, "return_error_frames": 0.0}
    return {"parts": {"size": {"bytes": 6_000_000}, "infilling": {"median_error": 0.2},
                      "forecast": {"median_error": 0.3, "standing_still": 13.0, "straight_on": 2.0},
                      "coin": {"n": 200, "up": 0.5, "legal": 0.97},
                      "coin told": {"obeys": 0.99}, "memory hierarchy-2": memory, "memory long-range": memory,
                      "memory autoregressive": memory | {"identity": 0.12},
                      "drift": {"frames": 200, "network_first": 10.0, "network_last": 15.0}} | changes}


@pytest.mark.parametrize(("changes", "missed"), [
    ({}, []), ({"forecast": {"median_error": 0.6, "standing_still": 13.0, "straight_on": 2.0}}, ["fifth new frame"]),
    ({"coin": {"n": 200, "up": 0.7, "legal": 0.9}}, ["40 to 60", "one of the two"]), ({"coin told": {"obeys": 0.9}}, ["obey"]),
    ({"memory autoregressive": {"n": 9, "identity": 0.3}}, ["autoregressive"]), ({"size": {"bytes": 7_000_000}}, ["6 MiB"]),
    ({"drift": {"frames": 200, "network_first": 10.0, "network_last": 25.0}}, ["end of 200"]),
    ({"drift": {"frames": 200, "network_first": 10.0, "network_last": None}}, ["end of 200"])])
def test_goals_are_met_or_missed(changes, missed) -> None:
    found = [what for what, _, met in goals(record(**changes)) if met is False]
    assert len(found) == len(missed) and all(word in what for word, what in zip(missed, found, strict=True)), found
    assert not list(goals({"parts": {}}))
