"""Goals are met or missed by the figures of the records, and what is not measured is said."""

from __future__ import annotations

from pathlib import Path

import bars
import pytest


def race(ours: float, peer: float, slow: float) -> dict:
    """Curves that fall from 100 as 100/minutes, so that `arm` is at 1 after 100 minutes; each a factor faster or slower."""
    def part(arm: str, factor: float) -> dict:
        minutes = [1.0, 10.0, 100.0]
        return {"arm": arm, "points": [{"minutes": m, "fd": 100 * factor / m} for m in minutes]}

    arms = {"ours": ours, "peer": peer, "slow": slow}
    return {"settings": {"floor_test": 0.1}, "parts": {arm: part(arm, factor) for arm, factor in arms.items()}}


@pytest.mark.parametrize(("peer", "met"), [(0.29, False), (0.31, True)])
def test_the_best_peer_counts(peer: float, met: bool) -> None:
    """20 floors are 2: ours is there after 0.1·100/2 = 5 minutes, the peer after 14.5 or 15.5, the slow one after 45."""
    at_20, at_5 = bars.time_to_quality(race(0.1, peer, 0.9), "cpu")
    assert at_20[2] is met and "5.0 minutes" in at_20[1]
    assert at_5[2] is None, "on a CPU the second is reported alone"
    assert next(bars.time_to_quality(race(0.1, peer, 0.9), "cuda"))[2] is None


def test_a_peer_that_does_not_arrive_counts_with_what_it_was_given() -> None:
    """It needs more than its 100 minutes; ours 5, or 40, which is not three times less than what is known."""
    (_, words, met), _ = bars.time_to_quality(race(0.1, 9.0, 9.0), "cpu")
    assert met and "not within 100" in words
    assert not list(bars.time_to_quality(race(0.8, 9.0, 9.0), "cpu"))[0][2]
    assert not list(bars.time_to_quality(race(9.0, 9.0, 9.0), "cpu"))[0][2], "who does not arrive meets nothing"


def test_throughput_is_judged_by_sampler_and_network() -> None:
    def part(ours: float, theirs: float) -> dict:
        return {f"{who} {sampler}": {"median_s": s} for sampler in ("ddim", "dpmpp_2m")
                for who, s in (("ours", ours), ("diffusers", theirs))}

    record = {"parts": {"no network": part(0.03, 0.1), "our network": part(1.0, 1.1), "diffusers' network": part(2.0, 1.9)}}
    found = {what: met for what, _, met in bars.throughput(record, "cpu") if what.startswith("ddim")}
    assert list(found.values()) == [False, True, False]  # 3 %, 1.1 ×, 0.95 ×


def test_quality_compares_as_many_samples() -> None:
    record = {"own": "a", "floor_test": 0.1, "default": [{"name": "a", "steps": 20, "fd": 0.21}],
              "points": [{"name": name, "steps": 10, "calls": 10, "fd": fd} for name, fd in (("a", 1.1), ("b", 9.0))],
              "long": [{"name": "b", "steps": 250, "fd": 1.0}, {"name": "a", "steps": 250, "fd": 1.0}],
              "peer": [{"name": "p", "calls": 50, "fd": 1.08}, {"name": "p", "calls": 20, "fd": 0.5}]}
    found = list(bars.quality(record))
    assert [met for _, _, met in found] == [False, True, True, False]
    assert [figure for _, figure, _ in found] == ["2.10 × floor", "1.10 ×", "5.0 ×", "not reached"]


def test_what_is_not_measured_is_said(tmp_path: Path) -> None:
    assert [(what, met) for what, _, met in bars.bars(tmp_path, "cuda")] == [
        ("time_to_quality", None), ("throughput", None), ("quality_vs_calls", None)]
