"""The same thing done in several ways is the same thing, and a machine without a compiler misses only what needs one."""

from __future__ import annotations

import pytest
import speedups
import torch
from torch import nn

CPU = torch.device("cpu")


def test_a_part_says_what_was_expected_what_the_first_run_took_and_the_rest() -> None:
    order: list[str] = []

    def make(device: torch.device) -> dict:
        return {name: lambda name=name: order.append(name) for name in ("plain", "other")}

    figures = speedups.part(make, "no difference", CPU, rounds=2)
    assert figures["expected"] == "no difference"
    assert list(figures["first_s"]) == list(figures["timed"]) == ["plain", "other"]
    assert order == ["plain", "other"] * 4, "once for the start, once to warm up, and two rounds"
    assert "kernels_s" not in figures, "a CPU has no kernels to wait for"


@pytest.mark.parametrize(("fast", "formats", "kind"), [(True, ["float32", "bfloat16"], "cpu"),
                                                       (False, ["float32"], "cpu-float32")])
def test_a_cpu_without_bfloat16_does_not_emulate_it_and_has_a_record_of_its_own(
        monkeypatch: pytest.MonkeyPatch, fast: bool, formats: list[str], kind: str) -> None:
    monkeypatch.setattr(speedups, "has_fast_bf16", lambda device: fast)
    monkeypatch.setattr(speedups, "network", lambda device: nn.Conv2d(1, 1, 3))
    assert list(speedups.precision(CPU)) == formats
    assert speedups.kind_of(CPU) == kind


def test_both_layouts_of_a_call_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[torch.Tensor] = []
    last: list[bool] = []  # whether the weights of each are laid out channels last

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3))

        def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            last.append(self.conv[1].weight.is_contiguous(memory_format=torch.channels_last))
            found.append(self.conv(x))
            return found[-1]

    monkeypatch.setattr(speedups, "network", lambda device: Small())
    torch.manual_seed(0)
    for run in speedups.layout_of_calls(CPU).values():
        run()
    assert last == [False, True]
    # sums of 9 and of 36 products and a bias, in the device's precision, added in another order
    far = 47 * torch.finfo(found[0].dtype).eps * float(found[0].abs().max())
    torch.testing.assert_close(*found, rtol=0, atol=far, check_stride=False)


@pytest.mark.parametrize("positions", [49, 100])
def test_the_ways_to_compute_attention_all_work_here(positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speedups, "BATCH", 2)
    for run in speedups.attention(CPU, positions).values():
        run()


def test_a_step_is_made_in_each_of_two_processes() -> None:
    for run in speedups.freed_memory(CPU).values():
        run()
        run()


def test_each_optimiser_moves_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    nets: list[nn.Module] = []

    def small(device: torch.device) -> nn.Module:
        nets.append(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3)))
        return nets[-1]

    monkeypatch.setattr(speedups, "network", small)
    steps = speedups.optimisers(CPU)
    before = [net[0].weight.clone() for net in nets]
    for step in steps.values():
        step()
    assert len(steps) == len(nets) == 4
    assert all(not torch.equal(net[0].weight, old) for net, old in zip(nets, before, strict=True))


def test_the_ways_to_compute_muons_polynomial_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speedups, "network", lambda device: nn.Sequential(nn.Linear(8, 24), nn.Linear(24, 8)))
    plain, gram, together = (way() for way in speedups.polynomials(CPU).values())
    assert [tuple(one.shape) for one in plain] == [(24, 8), (8, 24)]
    for a, b, c in zip(plain, gram, together, strict=True):
        torch.testing.assert_close(b, c, rtol=0, atol=1e-4)
        # five steps of three products and two sums, each rounded to bfloat16
        torch.testing.assert_close(a, c, rtol=0, atol=25 * 2**-9)


@pytest.mark.slow
def test_without_a_compiler_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("a-compiler-that-is-not-there",))
    monkeypatch.setattr(config, "force_disable_caches", True)
    monkeypatch.setattr(speedups, "network", lambda device: nn.Conv2d(1, 1, 3))
    assert list(speedups.layout_and_compiler(CPU)) == ["plain", "channels_last"]
    assert "torch.compile is left out" in capsys.readouterr().out
