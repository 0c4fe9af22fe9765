"""Goals are met or missed by the figures of the records, and what is not measured is said."""

from __future__ import annotations

from pathlib import Path

import bars
import pytest

from diffusion_utils.chapters.speed import training_rates


def race(ours: float, peer: float, slow: float) -> dict:
    """Curves that fall from 100 as 100/minutes, so that `arm` is at 1 after 100 minutes; each a factor faster or slower."""
    def part(arm: str, factor: float) -> dict:
        minutes = [1.0, 10.0, 100.0]
        points = [{"minutes": m, "images": round(6000 * m), "fd": 100 * factor / m} for m in minutes]
        return {"arm": arm, "finished": True, "points": points}

    arms = {"ours": ours, "peer": peer, "slow": slow}
    return {"hardware": "here", "settings": {"floor_test": 0.1},
            "parts": {arm: part(arm, factor) for arm, factor in arms.items()}}


@pytest.mark.parametrize(("peer", "met"), [(0.58, False), (0.62, True)])
def test_the_best_peer_counts(peer: float, met: bool) -> None:
    """20 floors are 2: ours is seen there after 10 minutes, the peer after 29 or 31 by its curve, the slow one after 45."""
    at_20, at_5 = bars.time_to_quality(race(0.1, peer, 0.9), "cpu", {})
    assert at_20[2] is met and "10.0 minutes" in at_20[1] and "of 2" in at_20[1]
    assert at_5[2] is None, "on a CPU the second is reported alone"
    assert next(bars.time_to_quality(race(0.1, peer, 0.9), "cuda", {}))[2] is None


def test_a_peer_that_does_not_arrive_counts_with_what_it_was_given() -> None:
    """It needs more than its 100 minutes; ours is seen there after 10, or 100, which is not three times less than that."""
    (_, words, met), _ = bars.time_to_quality(race(0.1, 9.0, 9.0), "cpu", {})
    assert met and "not within 100" in words
    assert not list(bars.time_to_quality(race(0.8, 9.0, 9.0), "cpu", {}))[0][2]
    assert not list(bars.time_to_quality(race(9.0, 9.0, 9.0), "cpu", {}))[0][2], "who does not arrive meets nothing"


def test_a_run_that_goes_on_is_not_judged_yet() -> None:
    """A peer that was not there after 10 of its minutes would make a third of that the goal."""
    run = race(0.1, 9.0, 9.0)
    run["parts"]["slow"] |= {"finished": False, "points": run["parts"]["slow"]["points"][:2]}
    (_, words, met), _ = bars.time_to_quality(run, "cpu", {})
    assert met and "of 1 not within 100" in words


def test_a_run_of_another_machine_is_judged_by_its_images() -> None:
    """Ours is seen at 20 floors, 2, after 60,000 images: 10 minutes at 100 a second, 5 at 200."""
    run = race(0.1, 0.62, 0.9)
    run["parts"]["peer"]["hardware"] = "elsewhere"
    (what, words, met), = bars.time_to_quality(run, "cpu", {})
    assert what == "time to quality" and "not measured" in words and "elsewhere" in words and met is None
    arms = {arm: {"images_per_s": rate} for arm, rate in (("ours", 200.0), ("peer", 300.0), ("slow", 100.0))}
    rates = training_rates({"parts": {"training, each recipe": {"arms": arms}}})
    assert rates == {"ours": 200.0, "peer": 300.0, "slow": 100.0}
    assert training_rates(None) == training_rates({"parts": {}}) == {}
    # the peer's curve arrives after 31 minutes at 100 a second, a third of that at 300
    (_, words, met), _ = bars.time_to_quality(run, "cpu", rates)
    assert words == "5.0 minutes; the best peer of 2 10.3" and not met


def test_throughput_is_judged_by_sampler_and_network() -> None:
    def part(ours: float, theirs: float) -> dict:
        return {f"{who} {sampler}": {"median_s": s, "iqr_s": 0.1349 * s} for sampler in ("ddim", "dpmpp_2m", "dpmpp_2m_sde")
                for who, s in (("ours", ours), ("diffusers", theirs))}

    parts = {"no network": part(0.03, 0.1), "our network": part(1.0, 1.1), "diffusers' network": part(2.0, 1.9)}
    record = {"n": 50, "parts": parts | {"training": {"utilisation": 0.25}}}
    found = list(bars.throughput(record, "cpu"))
    assert [met for what, _, met in found if what.startswith("ddim")] == [False, True, False]  # 3 %, 1.1 ×, 0.95 ×
    assert found[-1][1:] == ("25%", None)
    record["parts"]["our network"]["ours ddim, graph"] = {"median_s": 0.3, "iqr_s": 0.0}
    graphed = [figure for what, figure, _ in bars.throughput(record, "cuda") if what.startswith("ddim, our network")]
    # of σ = 10 % a median of 50 rounds has √(π/2)·0.1/√50 = 1.77 %
    assert graphed == ["3.667 ± 0.065 ×"], "the faster of our two ways counts"


def test_the_live_training_is_judged_by_its_median_seed() -> None:
    parts = {f"{m}, {seed}": {"minutes": m, "fd": fd} for m, fds in ((2, (3.0, 5.0, 9.0)), (5, (4.1, 1.0))) for seed, fd in
             enumerate(fds)}
    found = list(bars.live({"settings": {"floor_test": 0.0625}, "parts": parts}))
    assert [met for _, _, met in found] == [True, False]  # 80 and 40.8 times the floor
    assert "80.0 ×" in found[0][1] and "2 seeds" in found[1][1]


def test_a_gpus_waiting_is_what_its_kernels_do_not_fill() -> None:
    part = {"timed": {"launched": {"median_s": 0.4}, "graph": {"median_s": 0.1}}, "kernels_s": {"launched": 0.1, "graph": 0.09}}
    assert [figure for _, figure, _ in bars.waiting({"parts": {"CUDA graph, one call": part}})] == [
        "75% of the time", "10% of the time"]
    assert not list(bars.waiting({"parts": {}}))


def test_quality_compares_as_many_samples() -> None:
    record = {"own": "a", "floor_test": 0.1, "default": [{"name": "a", "steps": 20, "fd": 0.21}],
              "points": [{"name": name, "steps": 10, "calls": 10, "fd": fd} for name, fd in (("a", 1.1), ("b", 9.0))],
              "long": [{"name": "b", "steps": 250, "fd": 1.0}, {"name": "a", "steps": 250, "fd": 1.0}],
              "peer": [{"name": name, "calls": calls, "n": 2000, "fd": fd} for name, calls, fd in
                       (("p", 50, 1.08), ("worse", 50, 2.0), ("p", 20, 0.5))]}
    found = list(bars.quality(record))
    assert not any("own sampler" in what for what, _, _ in found), "20 calls were not measured"
    assert [met for _, _, met in found] == [False, True, False, True]
    assert [figure for _, figure, _ in found] == ["2.10 × floor", "1.10 ×", "not reached", "5.0 ×"]


@pytest.mark.parametrize(("name", "calls", "figure"), [("p", 50, "2.5 ×"), ("p", 20, "5.0 ×"), ("worse", 50, "5.0 ×")])
def test_equal_distance_is_judged_by_more_samples_where_both_have_them(name: str, calls: int, figure: str) -> None:
    record = {"own": "a", "floor_test": 0.1, "points": [{"name": "a", "steps": 10, "calls": 10, "fd": 1.1}],
              "default": [{"name": "a", "steps": steps, "calls": steps, "fd": fd} for steps, fd in ((10, 0.5), (20, 0.42))],
              "peer": [{"name": who, "calls": 50, "n": 2000, "fd": fd} for who, fd in (("p", 1.08), ("worse", 2.0))],
              "best-peer": [{"name": name, "calls": calls, "n": 10_000, "fd": 0.4}]}
    (what, found, met), = (bar for bar in bars.quality(record) if "fewer calls" in bar[0])
    assert (found, met) == (figure, figure == "5.0 ×")
    assert what.endswith("n = 10,000" if figure == "2.5 ×" else "n = 2,000")


def test_what_is_not_measured_is_said(tmp_path: Path) -> None:
    assert [(what, met) for what, _, met in bars.bars(tmp_path, "cuda")] == [
        ("time_to_quality", None), ("throughput", None), ("speedups", None), ("quality_vs_calls", None)]
    assert list(bars.time_to_quality({"settings": {"floor_test": 0.1}, "parts": {}}, "cpu", {})) == [
        ("time to 20 × floor: 3 × less than the best peer", bars.MISSING, None), ("time to 5 × floor", bars.MISSING, None)]
    assert ("live", None) in [(what, met) for what, _, met in bars.bars(tmp_path, "cpu")]


@pytest.mark.parametrize(("other", "met"), [(0.96, True), (0.94, False)])
def test_the_default_sampler_is_what_the_curve_says(other: float, met: bool) -> None:
    record = {"own": "a", "floor_test": 0.1, "points": [],
              "default": [{"name": "a", "steps": steps, "fd": fd} for steps, fd in ((10, 9.0), (20, 1.0))],
              "rival": [{"name": "b", "steps": 20, "fd": other}]}
    assert [found for what, _, found in bars.quality(record) if "own sampler" in what] == [met]
