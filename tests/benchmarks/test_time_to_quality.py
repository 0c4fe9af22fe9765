"""The race against the clock: its looks, and that a race that was stopped goes on with what it had learnt."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import time_to_quality
import timing
import torch
from peers import Arm
from torch import Tensor, nn

from diffusion_utils.data import ImageData, load_mnist, to_model
from diffusion_utils.metrics.digits import Yardstick

CPU = torch.device("cpu")
DATA = ImageData(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64), "black", "made here", "")


class Small(Arm):
    """Learns one number; a step takes as long as a step takes."""

    name, settings, batch, calls = "small", "as they are", 4, 1

    def __init__(self, minutes: float, folder: Path | None, rate: float | None = None):
        super().__init__(DATA, CPU, minutes, folder, rate)
        self.net = nn.Linear(1, 1)
        self.average = nn.Linear(1, 1)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=0.01)

    def step(self) -> None:
        self.net(torch.ones(1, 1)).square().sum().backward()
        self.descend(clip=1.0)

    def draw(self, n: int) -> Tensor:
        return torch.zeros(n, 1, 28, 28)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A look each hundredth of a second, records in a folder of the test."""
    monkeypatch.setattr(time_to_quality, "FIRST_LOOK", 0.01 / 60)
    monkeypatch.setattr(timing, "HERE", tmp_path)
    monkeypatch.setattr(time_to_quality, "machine", lambda device: {"matrix_gflop_per_s": 1.0})


def results() -> timing.Results:
    return timing.Results("race", CPU, "distance", 10, {}, quick=True)


def look() -> tuple[dict, Tensor]:
    return {"n": 10, "fd": 1.0}, torch.zeros(time_to_quality.KEPT, 28, 28, dtype=torch.uint8)


def stopped_at(number: int):
    """A look that is interrupted when it is the given one."""
    count = 0

    def interrupted() -> tuple[dict, Tensor]:
        nonlocal count
        count += 1
        if count == number:
            raise KeyboardInterrupt
        return look()

    return interrupted


@pytest.mark.parametrize(("minutes", "wanted"), [(0.5, [0.5]), (2, [0.5, 1, 2]), (18, [0.5, 1, 2, 4, 8, 18]),
                                                (30, [0.5, 1, 2, 4, 8, 16, 30])])
def test_looks_double_and_end_with_the_run(minutes: float, wanted: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_to_quality, "FIRST_LOOK", 0.5)
    assert time_to_quality.looks(minutes) == wanted


def test_the_clock_counts_training_alone() -> None:
    arm = Small(1.0, None)
    time_to_quality.train_until(arm, 0.001)
    first, steps = arm.elapsed, arm.k
    assert first >= 0.001 and steps > 0
    time.sleep(0.5)  # as long as a look
    time_to_quality.train_until(arm, first)  # which is over
    assert arm.k == steps
    assert arm.elapsed - first < 0.5 / 60


def test_a_clock_that_counts_pictures_is_the_same_on_any_machine() -> None:
    """100 images a second at 4 a step: 0.6 seconds are 15 steps, however long these take here."""
    arm = Small(1.0, None, rate=100.0)
    time_to_quality.train_until(arm, 0.01)
    assert arm.k == 15 and arm.elapsed == pytest.approx(0.01)
    time_to_quality.train_until(arm, 0.011)  # 1.5 steps more
    assert arm.k == 17


def test_a_race_that_was_stopped_goes_on_from_its_last_look(tmp_path: Path) -> None:
    """In the third of five looks, so that two points stand and the state is that of the third."""
    minutes, name = 0.16 / 60, "small, short"
    arm = Small(minutes, tmp_path / "state")
    with pytest.raises(KeyboardInterrupt):
        time_to_quality.race(arm, results(), name, stopped_at(3))
    kept = results().record["parts"][name]
    assert len(kept["points"]) == 2 and not kept["finished"]

    again = Small(minutes, tmp_path / "state")
    with pytest.raises(KeyboardInterrupt):
        time_to_quality.race(again, results(), name, stopped_at(1))
    assert again.k == arm.k and again.elapsed == pytest.approx(arm.elapsed, abs=1e-5)  # no step was lost, none was added
    for name_of, value in arm.net.state_dict().items():
        assert torch.equal(again.net.state_dict()[name_of], value)
    old, new = (a.optimiser.state_dict()["state"][0] for a in (arm, again))
    assert torch.equal(old["exp_avg_sq"], new["exp_avg_sq"])

    last = Small(minutes, tmp_path / "state")
    time_to_quality.race(last, results(), name, look)
    whole = results().record["parts"][name]
    assert whole["finished"] and whole["stopped"] == 1 and len(whole["points"]) == len(time_to_quality.looks(minutes))
    assert whole["points"][:2] == kept["points"]
    times = [point["images"] for point in whole["points"]]
    assert times == sorted(times)
    assert len(time_to_quality.read_pictures(results())[name]) == len(whole["points"])


def test_a_race_that_was_stopped_between_two_looks_goes_on_from_its_last_state(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks are at 0.01, 0.02 … 0.64 seconds; a state is kept each 0.05 seconds, and the stop comes after one at 0.4."""
    monkeypatch.setattr(time_to_quality, "SAVE_MINUTES", 0.05 / 60)
    minutes, name = 0.64 / 60, "small, short"

    class Stopped(Small):
        def save(self) -> None:
            super().save()
            if self.elapsed > 0.4 / 60:
                raise KeyboardInterrupt

    stopped, again = Stopped(minutes, tmp_path), Small(minutes, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        time_to_quality.race(stopped, results(), name, look)
    time_to_quality.begin(again, results(), name)
    assert again.k == stopped.k and again.elapsed == pytest.approx(stopped.elapsed, abs=1e-5)
    last = results().record["parts"][name]["points"][-1]
    assert again.elapsed > last["minutes"] and again.seen > last["images"]


def test_a_state_of_another_length_is_refused(tmp_path: Path) -> None:
    arm = Small(1.0, tmp_path)
    arm.step()
    arm.save()
    with pytest.raises(ValueError, match="config.minutes was 1.0 and is now 2.0"):
        Small(2.0, tmp_path).resume()
    with pytest.raises(ValueError, match="config.rate was None and is now 100.0"):
        Small(1.0, tmp_path, rate=100.0).resume()


def test_a_part_that_was_removed_is_measured_from_the_beginning(tmp_path: Path) -> None:
    arm = Small(0.01 / 60, tmp_path / "state")
    time_to_quality.race(arm, results(), "small", look)
    record = results()
    record.record["parts"].clear()
    again = Small(0.01 / 60, tmp_path / "state")
    figures, pictures = time_to_quality.begin(again, record, "small")
    assert figures["points"] == [] and len(pictures) == 0 and again.k == 0


def test_only_what_comes_near_is_measured_with_the_large_number() -> None:
    """Real digits are as near as can be; grey pictures are not."""
    digits = load_mnist("test")
    if digits.name != "mnist-test":
        pytest.skip("the digits of MNIST are not at hand")

    class Copier(Small):
        def draw(self, n: int) -> Tensor:
            return to_model(digits.images[:n])

    yardstick = Yardstick("cpu")
    near, kept = time_to_quality.look(Copier(1.0, None), yardstick, [(1000, 40), (1100, 0)])
    assert near["n"] == 1100 and torch.equal(kept, digits.images[:9, 0])
    far, _ = time_to_quality.look(Small(1.0, None), yardstick, [(20, 200), (30, 40), (40, 0)])
    assert far["n"] == 20
