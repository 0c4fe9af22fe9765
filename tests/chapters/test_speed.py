"""What is counted of a network, and how times become figures."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from diffusion_utils.chapters.speed import (
    arrival,
    copy_rate,
    disturbed,
    first_arrival,
    interleaved,
    layers_of,
    matrix_rate,
    one_clock,
    whole_speedup,
)
from diffusion_utils.networks.unet import UNet

CPU = torch.device("cpu")


def small() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    return UNet(patch=2, channels=(8, 16), emb_dim=16), torch.randn(3, 1, 28, 28), torch.full((3,), 500.0)


def test_the_layers_hold_the_convolutions_and_products_of_a_call() -> None:
    """Against PyTorch's own counter, which also counts what attention multiplies and knows no norms."""
    net, x, time = small()
    with FlopCounterMode(display=False) as counter:
        net(x, time)
    attention = 2 * 2 * 3 * 49 * 49 * 16  # q·kᵀ and its product with v, a multiplication and an addition each
    counted = sum(layer.flop for layer in layers_of(net, x, time) if layer.kind != "GroupNorm")
    assert counted + attention == counter.get_total_flops()


def test_a_layer_moves_what_goes_in_what_comes_out_and_its_weights() -> None:
    layer = layers_of(*small())[0]
    assert layer.name == "embed.mlp.0" and layer.kind == "Linear"
    numbers = 3 * 16 + 3 * 16 + 16 * 16 + 16
    assert numbers * 2 <= layer.traffic <= numbers * 4  # the output takes two bytes a number under autocast, else four
    assert layer.run().shape == (3, 16)


def test_counting_leaves_no_hook_behind() -> None:
    net, x, time = small()
    layers_of(net, x, time)
    assert not any(module._forward_hooks for module in net.modules())


def test_candidates_take_turns_and_the_first_round_is_thrown_away() -> None:
    order: list[str] = []
    timed = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, CPU, rounds=2)
    assert order == ["a", "b"] * 3
    assert all(0 <= value["best_s"] <= value["median_s"] and value["iqr_s"] >= 0 for value in timed.values())
    with pytest.raises(ValueError, match="rounds must be ≥ 1, got 0"):
        interleaved({}, CPU, rounds=0)


def test_the_two_limits_are_those_of_a_computer() -> None:
    """Between a processor of the 1980s and the whole of a data centre: a wrong unit lies outside."""
    assert 1e7 < matrix_rate(CPU, side=256) < 1e17
    assert 1e7 < copy_rate(CPU, mebibytes=4) < 1e15


@pytest.mark.parametrize(("before", "after", "found"), [(400.0, 395.0, False), (400.0, 210.0, True), (210.0, 400.0, True)])
def test_a_machine_that_was_busy_is_noticed(before: float, after: float, found: bool) -> None:
    """One of two cores taken halves the rate; an idle machine's own scatter is some per cent."""
    assert disturbed({"matrix_gflop_per_s": before}, {"matrix_gflop_per_s": after}) is found


def test_a_curve_arrives_between_two_looks_where_a_power_law_does() -> None:
    """fd = 8/√minutes, so that it is at 3 after (8/3)² minutes; two looks know as much as ten."""
    points = [{"minutes": m, "fd": 8 / m**0.5} for m in (0.5, 2.0, 32.0)]
    assert arrival(points, 3.0) == pytest.approx((8 / 3) ** 2)
    assert arrival(points, points[1]["fd"]) == pytest.approx(2.0)
    assert arrival(points, 100.0) == 0.5, "it was there at the first look; when before, nobody knows"
    assert arrival(points, 1.0) is None and arrival([], 1.0) is None


def test_a_curve_that_rises_again_has_arrived() -> None:
    points = [{"minutes": m, "fd": fd} for m, fd in ((1.0, 8.0), (2.0, 2.0), (4.0, 5.0))]
    assert arrival(points, 4.0) == pytest.approx(2**0.5)


def test_ours_is_there_when_it_was_seen_there_and_a_peer_when_its_curve_is() -> None:
    """The same curve, fd = 8/minutes, is at 3 after 8/3 minutes and is seen there at the look after 4."""
    points = [{"minutes": m, "fd": 8 / m} for m in (1.0, 2.0, 4.0)]
    slow = [{"minutes": m, "fd": 9.0} for m in (1.0, 7.0)]
    race = {"parts": {str(k): {"arm": arm, "points": run} for k, (arm, run) in enumerate(
        [("ours", points), ("ours", slow), ("peer", points), ("peer", []), ("late", slow[:1]), ("late", slow)])}}
    assert first_arrival(race, "ours", 3.0) == (4.0, True)
    assert first_arrival(race, "peer", 3.0) == (pytest.approx(8 / 3), True)
    assert first_arrival(race, "late", 3.0) == (7.0, False), "the length of its longest run"


def test_runs_of_several_machines_come_to_one_clock_by_their_images() -> None:
    """600 pictures at 5 a second are two minutes, whatever the clock of the machine said."""
    def run(arm: str, **more) -> dict:
        looks = [{"minutes": 9.0, "images": 300, "fd": 5.0}, {"minutes": 99.0, "images": 600, "fd": 2.0}]
        return {"arm": arm, "points": looks} | more

    race = {"hardware": "here", "parts": {"a": run("ours"), "b": run("peer", hardware="there")}}
    found = one_clock(race, {"ours": 5.0, "peer": 10.0, "unused": 1.0})
    assert [point["minutes"] for point in found["parts"]["a"]["points"]] == [1.0, 2.0]
    assert [point["minutes"] for point in found["parts"]["b"]["points"]] == [0.5, 1.0]
    assert race["parts"]["a"]["points"][0]["minutes"] == 9.0, "what was measured is left as it is"
    with pytest.raises(ValueError, match="here and there need .* none of peer"):
        one_clock(race, {"ours": 5.0})
    alone = {"hardware": "here", "parts": {"a": run("ours"), "b": run("peer")}}
    assert one_clock(alone, {"ours": 5.0}) is alone, "on one machine the measured minutes are comparable"


def test_a_senseless_share_is_refused() -> None:
    with pytest.raises(ValueError, match="share must lie in 0…1"):
        whole_speedup(1.5, 2.0)
