"""What a machine trains in a second, of ways to train that take turns."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from peers import Arm
from torch import Tensor, nn

from diffusion_utils.data import ImageData

if find_spec("diffusers") is None:
    pytest.skip("diffusers is not installed: pip install -r benchmarks/requirements.txt", allow_module_level=True)
import throughput

CPU = torch.device("cpu")
DATA = ImageData(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64), "black", "made here", "")


class Small(Arm):
    """Learns one number."""

    name, settings, batch, calls = "small", "as they are", 4, 1

    def __init__(self, data: ImageData, device: torch.device, minutes: float):
        super().__init__(data, device, minutes)
        self.net = nn.Linear(1, 1)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=0.01)

    def step(self) -> None:
        self.net(torch.ones(1, 1)).square().sum().backward()
        self.descend(clip=1.0)

    def draw(self, n: int) -> Tensor:
        return torch.zeros(n, 1, 28, 28)


class Lines(Small):
    """As our own loop, which makes several steps between two lines."""

    name, batch = "ours", 16

    def step(self) -> None:
        for _ in range(10):
            super().step()


class Absent(Small):
    """One whose package is not installed."""

    def __init__(self, data: ImageData, device: torch.device, minutes: float):
        import no_such_package  # noqa: F401


def test_rates_count_the_images_of_the_rounds_that_are_timed(monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture) -> None:
    """A turn is 160 pictures for either: 10 steps of 16 in one line, or 40 steps of 4."""
    monkeypatch.setattr(throughput, "ARMS", {"ours": Lines, "small": Small, "absent": Absent})
    monkeypatch.setattr(throughput, "TURN", 160)
    monkeypatch.setattr(throughput, "load_mnist", lambda split: DATA)
    found = throughput.each_recipe(CPU, rounds=2)
    assert found["rounds"] == 2 and found["arms"].keys() == {"ours", "small"}
    assert "absent: not measured, No module named" in capsys.readouterr().out
    for name, batch in (("ours", 16), ("small", 4)):
        assert found["arms"][name]["batch"] == batch
        rate, seconds = found["arms"][name]["images_per_s"], found["arms"][name]["median_s"]
        assert rate == pytest.approx(160 / seconds, rel=1e-3, abs=0.1)  # rounded
