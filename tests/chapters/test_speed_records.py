"""The tables of chapter 18: what they say of records that are known."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_utils.chapters import speed_records
from diffusion_utils.records import load_record


def test_further_runs_of_the_base_fall_into_the_band_as_often_as_it_says() -> None:
    """Of bands made from five runs, 95 % hold a sixth one; 4,000 tries scatter by 0.35 %."""
    runs = np.exp(np.random.default_rng(0).normal(1.0, 0.2, (4000, 6)))
    held = [low < run[5] < high for run in runs for low, high in [speed_records.by_chance(run[:5])]]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(("fd", "says"), [(1.9, "better"), (2.5, "as the base"), (3.1, "worse")])
def test_a_verdict_is_by_the_band(fd: float, says: str) -> None:
    assert speed_records.verdict({"fd": fd}, 2.0, 3.0) == says


def test_what_does_not_arrive_is_said_with_how_long_it_ran(capsys) -> None:
    speed_records.arrivals("cpu")
    said = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "not in" not in said["ours"].split("  ")[1] and "not in 60" in said["diffusers"]


def test_gains_are_over_the_plain_way_and_guesses_are_said_once(capsys) -> None:
    timed = {"plain": {"median_s": 0.2, "iqr_s": 0.02}, "other": {"median_s": 0.1, "iqr_s": 0.0}}
    rest = {"matrix_gflop_per_s": 100.0}
    group = {"timed": timed, "expected": "twice", "machine": {"before": rest, "after": rest},
             "first_s": {"plain": 1, "other": 9}, "date": "2026-11-01"}
    record = {"parts": {"group": group}, "hardware": "a machine", "n": 7}
    speed_records.gains(record)
    text = capsys.readouterr().out
    assert "Expected: twice" in text and "200.00 ± 10.00   1.00 ×" in text and "2.00 ×" in text
    speed_records.gains(record, known=record["parts"])
    assert "Expected" not in capsys.readouterr().out


def test_a_gpu_waits_for_what_its_kernels_leave(capsys) -> None:
    part = {"timed": {"plain": {"median_s": 0.004}}, "kernels_s": {"plain": 0.001}}
    speed_records.gpu_gains({"parts": {"call": part}, "hardware": "a GPU", "date": "2026-11-01"})
    assert "75%" in capsys.readouterr().out


def test_walks_are_in_the_order_of_calls_and_none_is_left_out() -> None:
    record = load_record("quality_vs_calls")
    found = speed_records.walks(record)
    assert all([p["calls"] for p in points] == sorted(p["calls"] for p in points) for _, points, style in found if "-" in style)
    assert sum(len(points) for _, points, style in found if ":" in style) == len(record["peer"]) + len(record["best-peer"])
