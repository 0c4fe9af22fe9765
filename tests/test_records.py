"""Recorded measurements: found by name, complete, and made with the checkpoint that is shipped."""

from __future__ import annotations

import pytest

from diffusion_utils import checkpoints, records


def test_an_unknown_name_is_answered_by_the_allowed_ones(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "quality.json").write_text('{"n": 3}')
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    assert records.load_record("quality") == {"n": 3}
    with pytest.raises(ValueError, match="unknown record 'qualty'. Did you mean 'quality'"):
        records.load_record("qualty")


def test_the_days_of_a_record_are_those_of_its_parts() -> None:
    parts = [{"date": day} for day in ("2026-11-24", "2026-11-29", "2026-11-28")]
    assert records.dates({"parts": dict(enumerate(parts)), "date": "2026-12-01"}) == "2026-11-24 to 2026-11-29"
    assert records.dates({"parts": {"one": parts[0], "two": parts[0]}}) == "2026-11-24"


def test_a_record_without_samples_is_answered_by_those_that_have_some() -> None:
    with pytest.raises(ValueError, match="bugs"):
        records.load_tensors("quality_vs_calls")


@pytest.mark.parametrize("name", records.available())
def test_a_record_says_how_and_on_which_checkpoint_it_was_measured(name: str) -> None:
    record = records.load_record(name)
    assert {"measure", "n", "hardware", "date"} <= record.keys()
    if "checkpoint" in record:  # a record of a training run measures no finished model
        card = checkpoints.read_card(record["checkpoint"])
        assert record["sha256"] == card["sha256"], f"{name} is of another checkpoint: run python benchmarks/{name}.py"


def test_quality_against_calls_is_what_chapter_4_says() -> None:
    """One seed of n = 2,000: only orders that hold at several budgets are claimed."""
    points = records.load_record("quality_vs_calls")["points"]

    def best(name: str, budget: int) -> float:
        return min(point["fd"] for point in points if point["name"] == name and point["calls"] <= budget)

    for budget in (5, 10, 20, 30):
        others = [point["name"] for point in points if point["steps"] > 1 and "sde" not in point["name"]]
        assert min(best("dpmpp_2m_sde", budget), best("dpmpp_2m_sde-late", budget)) < min(best(name, budget) for name in others)
        assert best("ddpm", budget) < best("ddim", budget) and best("dpmpp_2m", budget) <= best("heun", budget)
    for budget in (5, 10, 20):  # the greatest single gain
        assert best("dpmpp_2m_sde-late", budget) < 0.8 * best("dpmpp_2m_sde", budget)
    assert best("ddpm-large", 5) > 3 * best("ddpm", 5) and best("ddpm-large", 30) < 1.5 * best("ddpm", 30)
