"""What chapter 9 compares on names: letters as points and back, names in a row, and a run of seconds from start to record."""

from __future__ import annotations

import json
import sys

import names_bars
import pytest
import timing
import torch

from diffusion_utils.data.text import files as text_files
from diffusion_utils.data.text import load_names, names_of
from diffusion_utils.schedules import cosine


@pytest.fixture(autouse=True)
def shipped(monkeypatch, tmp_path):
    """The beginning of the names, as without folder and network."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(text_files, "fetch_file", lambda *given: "no network")


def test_points_are_scaled_as_noise_is_and_lead_back_to_their_letters():
    x = load_names("train").values[:200]
    found = names_bars.points(x)
    assert float(found.mean()) == pytest.approx(0, abs=1e-6) and float(found.std()) == pytest.approx(1, abs=1e-3)
    assert torch.equal(found.argmax(-1), x)


def test_names_stand_in_a_row_with_as_many_ends_between_them_as_a_count_looks_back():
    x = load_names("test").values[:3]
    first, second, third = names_of(x)
    row, scored = names_bars.one_after_the_other(x, 2)
    letters = "abcdefghijklmnopqrstuvwxyz."
    assert "".join(letters[k] for k in row) == f"..{first}..{second}..{third}."
    assert "".join(letters[k] for k in row[scored]) == f"{first}.{second}.{third}."


def test_counting_needs_fewer_bits_with_more_letters_at_first():
    bits = names_bars.counted(range(1, 4))["bits_a_name"]
    assert 35 > bits["1"] > bits["2"] > bits["3"] > 10


def test_the_versions_differ_in_their_noise_and_in_what_needs_the_time():
    recipes = names_bars.versions(1.0, torch.full((27,), 1 / 27))
    assert [bool(one.network.get("timed")) for one in recipes.values()] == [False, True, True, True]
    assert [one.limit["name"] for one in recipes.values()] == ["absorbing", "absorbing", "uniform", "marginal"]
    assert all(one.train == recipes["mask"].train for one in recipes.values())


def test_a_network_of_points_gives_means_of_points_and_is_told_the_time():
    torch.manual_seed(0)
    net = names_bars.SoftTokens(27, 27, 16, dim=16, layers=1, heads=2, timed=True)
    torch.nn.init.normal_(net.head.weight)
    x = names_bars.points(load_names("train").values[:4])
    early, late = (net(cosine(10).add_noise(x, 5, torch.zeros_like(x)), torch.full((4,), time)) for time in (1.0, 900.0))
    assert early.shape == x.shape and not torch.allclose(early, late)
    weights = early.detach() * names_bars.SCALE + 1 / 27
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 16))
    assert float(weights.min()) >= 0


def test_from_training_to_the_record(monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "HERE", tmp_path)
    monkeypatch.setattr(names_bars, "STEPS", 4)
    monkeypatch.setattr(names_bars, "DRAWS", 1)
    monkeypatch.setattr(names_bars, "arguments", lambda text: timing.arguments(text))
    monkeypatch.setattr(sys, "argv", ["names_bars.py", "--quick", "--device", "cpu"])
    names_bars.main()
    parts = json.loads((tmp_path / "names_bars-cpu.json").read_text(encoding="utf-8"))["parts"]
    assert set(parts) == {"n-grams", "real names", "mask", "confidence", "told the time", "uniform", "marginal", "gaussian"}
    for name in ("mask", "uniform", "marginal"):
        assert parts[name]["bits_per_row"] > 10 and parts[name]["steps_done"] >= 1
    for name in ("mask", "confidence", "uniform", "gaussian", "real names"):
        assert 0 <= parts[name]["broken"] <= 1 and len(parts[name]["examples"]) == 16
