"""Each technique is the base with one change, and each change changes something."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import fields, replace

import pytest
import torch
from techniques import TECHNIQUES, Technique, changed, minutes_for, mix, rate_of, shifted, train

from diffusion_utils.data import ImageData
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine
from diffusion_utils.training import TrainConfig

CPU = torch.device("cpu")
BY_NAME = {technique.name: technique for technique in TECHNIQUES}
NOISE = ImageData(torch.randint(256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
                  torch.zeros(64, dtype=torch.int64), "noise", "made here", "")


def test_names_are_unique_since_they_name_the_parts_of_the_record() -> None:
    assert [name for name, count in Counter(t.name for t in TECHNIQUES).items() if count > 1] == []


@pytest.mark.parametrize("technique", TECHNIQUES[1:], ids=lambda technique: technique.name)
def test_a_technique_changes_one_thing(technique: Technique) -> None:
    base, said = TECHNIQUES[0], {"name", "expected"}
    names = [field.name for field in fields(Technique) if field.name not in said]
    differing = [name for name in names if getattr(technique, name) != getattr(base, name)]
    if technique.name == "flow":  # the schedule of flow matching and its target belong together
        assert differing == ["schedule", "predicts"]
    else:
        assert len(differing) == 1
    for entries in (technique.train, technique.network):  # 28 pixels folded by 4 cannot be halved a second time
        assert len(entries) <= 1 or (technique.name == "fold by 4" and set(entries) == {"patch", "channels"})
    before, after = changed(base, 3.0), changed(technique, 3.0)
    assert all(getattr(before.train, key) != value for key, value in technique.train.items())
    assert all(before.network.get(key) != value for key, value in technique.network.items())
    assert after.schedule == (technique.schedule or before.schedule) and after.train.minutes == 3.0


@pytest.mark.parametrize("technique", [t for t in TECHNIQUES if t.network], ids=lambda technique: technique.name)
def test_a_changed_network_takes_a_digit(technique: Technique) -> None:
    with torch.device("meta"):
        net = changed(technique, 3.0).build()
        assert net(torch.empty(2, 1, 28, 28), torch.empty(2)).shape == (2, 1, 28, 28)


def test_steps_compare_where_a_step_costs_the_same() -> None:
    same = {technique.name for technique in TECHNIQUES if technique.costs_as_the_base}
    assert {"base", "base, seed 1", "constant rate", "half the rate", "no average", "average that does not rise"} <= same
    assert same.isdisjoint({"AdamW", "narrow", "batch ramp", "batch 32", "float32", "late times", "channels_last", "flow"})
    train = changed(BY_NAME["half the rate"], None, 846).train
    assert (train.steps, train.minutes, train.lr) == (846, None, 0.75e-3)


def test_the_time_for_many_steps_is_that_of_a_few() -> None:
    """Of a tiny network; the clock's own unit is far below a step."""
    recipe = changed(TECHNIQUES[0], None)
    recipe = replace(recipe, network=recipe.network | {"channels": [8, 8], "emb_dim": 8}, train=replace(recipe.train, batch=4))
    started = time.perf_counter()
    minutes = minutes_for(recipe, 1000, NOISE, CPU, measured=10)
    took = time.perf_counter() - started
    assert 0 < minutes < 1000 * took / 60, "a step takes less than all ten and the rest"


def test_every_run_starts_from_scratch_whatever_the_recipe_begins_with() -> None:
    assert get_recipe("mnist-unet").warm_start is not None, "else this test says nothing"
    recipe = changed(TECHNIQUES[0], 1.0)
    assert recipe.warm_start is None and getattr(recipe, "teacher", None) is None


@pytest.mark.parametrize(("shape", "half", "end"), [("cosine", 0.5, 0.0), ("linear", 0.5, 0.0), ("constant", 1.0, 1.0)])
def test_rates_rise_alike_and_fall_as_named(shape: str, half: float, end: float) -> None:
    config, rate = TrainConfig(lr=2.0, warmup=50), rate_of(shape)
    assert rate(config, 25, 0.0) == pytest.approx(1.0)
    assert rate(config, 1000, 0.5) == pytest.approx(2 * half)
    assert rate(config, 1000, 1.0) == rate(config, 1000, 1.3) == pytest.approx(2 * end)


def test_weights_make_an_error_of_x0_hat_count_as_they_say() -> None:
    """A v-error e is an error noise·e of x̂₀ where variance is preserved, and noise²·SNR = ᾱ."""
    schedule = cosine(100)
    t = torch.arange(1, 101)
    of_eps, of_x0 = (BY_NAME[f"weights of {name}"].weight(schedule, "v", t) for name in ("ε", "x₀"))
    torch.testing.assert_close(of_eps, schedule.alpha_bar[1:], rtol=1e-12, atol=0)
    torch.testing.assert_close(of_x0, 1 - schedule.alpha_bar[1:], rtol=1e-9, atol=0)  # 1 − ᾱ_1 has lost digits to the 1
    capped = BY_NAME["min-SNR 5"].weight(schedule, "v", t)
    torch.testing.assert_close(capped, schedule.snr[1:].clamp(max=5) / (schedule.snr[1:] + 1), rtol=1e-12, atol=0)


def test_a_shift_moves_the_log_snr_by_as_much_at_every_time() -> None:
    schedule = cosine(1000)
    moved = shifted(schedule, 1.0)
    # ln SNR is ln(ᾱ/(1 − ᾱ)): 1 − ᾱ keeps 11 digits at t = 1, ᾱ all of them at T
    torch.testing.assert_close(moved.snr[1:].log(), schedule.snr[1:].log() + 1, rtol=0, atol=1e-10)
    assert float(moved.signal[0]) == 1 and shifted(schedule, 0.0) is schedule


def test_a_mixture_lies_between() -> None:
    old, new = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    wanted = {name: 0.75 * value + 0.25 * new.state_dict()[name] for name, value in old.state_dict().items()}
    mix(old, new, 0.25)
    for name, value in old.state_dict().items():
        torch.testing.assert_close(value, wanted[name])


@pytest.mark.parametrize("name", ["batch ramp", "late times", "weights of x₀", "noise comes later",
                                  "average that does not rise", "constant rate"])
def test_a_switch_trains(name: str) -> None:
    """Half a second each, with a network of some thousand parameters; what is drawn with has left its start."""
    recipe = changed(BY_NAME[name], 0.5 / 60)
    recipe = replace(recipe, network=recipe.network | {"channels": [8, 8], "emb_dim": 8},
                     train=replace(recipe.train, batch=4, log_every=1))
    steps, net = train(BY_NAME[name], recipe, NOISE, CPU)
    start = recipe.build().state_dict()
    assert steps >= 1
    assert any(not torch.equal(value, start[key]) for key, value in net.state_dict().items())
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())
