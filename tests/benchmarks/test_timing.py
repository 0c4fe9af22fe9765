"""A benchmark's record: written whole or not at all, never measured twice, never mixed with another machine's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import timing
import torch

from diffusion_utils.records import FOLDER

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Records go to a folder of the test; the machine's rates are measured with a small product and a small copy."""
    monkeypatch.setattr(timing, "HERE", tmp_path)
    monkeypatch.setattr(timing, "matrix_rate", lambda device, rate=timing.matrix_rate: rate(device, side=128))
    monkeypatch.setattr(timing, "copy_rate", lambda device, rate=timing.copy_rate: rate(device, mebibytes=1))


def results(n: int = 3) -> timing.Results:
    return timing.Results("small", CPU, "seconds of nothing", n, {"batch": 4}, quick=True)


def test_a_stopped_run_goes_on_after_its_last_part() -> None:
    measured: list[str] = []

    def part(name: str, fails: bool = False) -> dict:
        measured.append(name)
        if fails:
            raise KeyboardInterrupt
        return {"s": float(len(measured))}

    first = results()
    first.part("a", lambda: part("a"))
    with pytest.raises(KeyboardInterrupt):
        first.part("b", lambda: part("b", fails=True))
    assert list(json.loads(first.path.read_text(encoding="utf-8"))["parts"]) == ["a"]
    again = results()
    assert again.part("a", lambda: part("a"))["s"] == 1.0
    assert again.part("b", lambda: part("b"))["s"] == 3.0
    assert measured == ["a", "b", "b"]


def test_each_part_says_when_how_long_with_what_and_how_fast_the_machine_was() -> None:
    part = results().part("a", lambda: {"s": 1.0})
    assert {"date", "took_s", "versions", "commit", "processor", "machine"} <= part.keys()
    assert part["versions"]["torch"] == torch.__version__.split("+")[0]
    for rates in (part["machine"]["before"], part["machine"]["after"]):
        assert rates["matrix_gflop_per_s"] > 0 and rates["copy_gbyte_per_s"] > 0


@pytest.mark.parametrize(("slow_looks", "warned"), [(1, False), (3, True)])
def test_a_machine_that_is_slow_for_a_moment_is_looked_at_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
                                                                slow_looks: int, warned: bool) -> None:
    rates = [100.0, *[50.0] * slow_looks, *[99.0] * 3]  # before the part, and at each look after it
    monkeypatch.setattr(timing, "machine", lambda device: {"matrix_gflop_per_s": rates.pop(0)})
    monkeypatch.setattr(timing, "PAUSE", 0.0)
    part = results().part("a", lambda: {"s": 1.0})
    assert part["machine"]["after"]["matrix_gflop_per_s"] == (50.0 if warned else 99.0)
    assert part["looks"] == (3 if warned else 2)
    assert ("WARNING" in capsys.readouterr().out) == warned


def test_a_record_of_other_settings_ends_the_run_and_is_kept() -> None:
    first = results()
    first.write("a", {"s": 1.0})
    before = first.path.read_bytes()
    with pytest.raises(SystemExit, match=r"was made differently.*'n': \(3, 4\)"):
        results(n=4)
    assert first.path.read_bytes() == before


def test_what_does_not_depend_on_the_machine_may_come_from_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    results().write("a", {"fd": 1.0})
    monkeypatch.setattr(timing, "describe", lambda device: "another machine")
    with pytest.raises(SystemExit, match="made differently.*another machine"):
        results()
    there = timing.Results("small", CPU, "seconds of nothing", 3, {"batch": 4}, quick=True, anywhere=True)
    there.write("b", {"fd": 2.0})
    record = json.loads(there.path.read_text(encoding="utf-8"))
    assert record["parts"]["b"]["hardware"] == "another machine" != record["hardware"]
    assert "hardware" not in record["parts"]["a"], "the file's own"


def test_a_full_disk_leaves_the_old_record_whole(full_disk) -> None:
    first = results()
    first.write("a", {"s": 1.0})
    before = first.path.read_bytes()
    with full_disk(len(before)), pytest.raises(OSError, match="nothing was changed"):
        first.write("b", {"s": [1.0] * 1000})
    assert first.path.read_bytes() == before
    assert not list(first.path.parent.glob("*.part"))


def test_a_reduced_run_does_not_touch_the_records_that_are_shipped() -> None:
    assert results().path.parent == timing.HERE != timing.FOLDER
    full = timing.Results("small", CPU, "seconds of nothing", 3, {}, quick=False)
    assert full.path.parent == timing.FOLDER and not full.path.exists()


def test_a_kind_of_device_may_have_a_record_of_its_own() -> None:
    names = [timing.Results("small", CPU, "seconds", 3, {}, quick=True, kind=kind).path.name for kind in (None, "cpu-float32")]
    assert names == ["small-cpu.json", "small-cpu-float32.json"]


def test_a_commit_is_that_of_the_checkout_and_says_where_files_differ_from_it() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(timing.__file__).parent).stdout
    named, *changes = timing.commit().split(" ", 1)
    assert head.startswith(named) if head else timing.commit() == timing.UNKNOWN
    assert changes in ([], ["and changes"])


RECORDS = sorted(set(FOLDER.glob("*.json")) - {FOLDER / "mnist-unet-base.json"})


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_record_says_when_and_on_what_it_was_made_or_that_this_is_not_known(path: Path) -> None:
    """Of mnist-unet-base, a training run, the card says it."""
    record = json.loads(path.read_text(encoding="utf-8"))
    assert {"date", "hardware"} <= record.keys()
    parts = record.get("parts", {"the whole": record})
    for part in [record] if "commit" in record else parts.values():
        assert {"commit", "processor"} <= part.keys()
    assert all(("versions" in part or "torch" in part) and "date" in part for part in parts.values())


def test_a_rival_has_learnt() -> None:
    """A thousand steps are not many; with fewer no recipe shows what it is worth."""
    race = json.loads((FOLDER / "time_to_quality-cpu.json").read_text(encoding="utf-8"))
    steps = {name: part["points"][-1]["images"] / part["batch"] for name, part in race["parts"].items()}
    assert min(steps.values()) > 1000, steps
