"""A condition that is a dictionary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from modality import (
    HOW,
    SCHEDULE,
    TRAIN,
    TwofoldNet,
    card_of,
    drawn,
    evaluated,
    trained,
)
from torch import Tensor
from torch.nn import functional as F

from diffusion_utils import checkpoints, conditions
from diffusion_utils.__main__ import main
from diffusion_utils.data import TensorData
from diffusion_utils.generate import generate
from diffusion_utils.recipes.diffusion import DiffusionRecipe


def load_twofold(split: str) -> TensorData:
    """Points: the kind says along which of three axes they lie, the level how far."""
    n, generator = (512, torch.Generator().manual_seed(0)) if split == "train" else (100, torch.Generator().manual_seed(1))
    cond = {"level": 1 + 2 * torch.rand(n, 1, generator=generator), "kind": torch.randint(0, 3, (n,), generator=generator)}
    return TensorData(wanted_points(cond) + 0.1 * torch.randn(n, 3, generator=generator), cond, f"toy-twofold-{split}")


def wanted_points(cond: dict) -> Tensor:
    return cond["level"] * F.one_hot(cond["kind"], 3)


def miss(x: Tensor, cond=None, calls: int | None = None, device: str | None = None) -> dict:
    """A metric: the mean distance of samples from what was asked for, with that of the data and of an answer at random."""
    test = load_twofold("test")
    rows = torch.arange(len(test))

    def off(points: Tensor, cond: dict) -> float:
        return float((points - wanted_points(cond)).norm(dim=1).mean())

    return {"miss": None if cond is None else off(x, cond), "n": len(x), "calls": calls,
            "floor_test": off(test.x0(rows), test.condition(rows)),
            "random": off(test.x0(rows), test.condition(rows.roll(1)))}


TWOFOLD = DiffusionRecipe("toy-twofold", {"kind": "toy-twofold-net", "width": 32}, replace(TRAIN, steps=500),
                          data="toy-twofold", metric="toy-twofold", schedule=SCHEDULE, sampling=HOW, dropout=0.2)


def test_a_condition_that_is_a_dictionary(registered, command, capsys):
    registered(TWOFOLD, load_twofold, TwofoldNet, miss)
    path = trained(command, "toy-twofold")
    entries = {"level": {"shape": [1], "dtype": "float32"}, "kind": {"shape": [], "dtype": "int64"}}
    assert card_of(command, path)["config"]["sample"] == {"shape": [3], "clip": None, "condition": entries}

    x = drawn(command, path, 120, "--like-data")  # more than the test data, which begin again
    asked = conditions.read("x.cond.safetensors")
    told = load_twofold("test").condition(torch.arange(120) % 100)
    assert set(asked) == set(told) and all(torch.equal(asked[name], told[name]) for name in told)
    figures = evaluated(command, path, "--n", "120")
    assert figures["floor_test"] < figures["miss"] < figures["random"] / 3
    of_file = evaluated(command, "x.npy", "--metric", "toy-twofold", "--labels", "x.cond.safetensors")
    assert of_file["miss"] == figures["miss"]

    guided = drawn(command, path, 120, "--like-data", "--guidance", "2")
    free = drawn(command, path, 120)
    strong, weak, plain = (miss(points, told)["miss"] for points in (guided, free, x))
    assert weak > 3 * plain and strong < weak and not torch.equal(guided, x)
    # Where nothing is told a point lies along one of the axes all the same: that is learnt where the condition was hidden.
    assert float(free.abs().sort(1).values[:, 1].mean()) < 0.8  # 0.5; without hidden conditions 1.1
    # each sample is told its own condition, whatever the batch; bfloat16 may round otherwise in another one
    assert float((drawn(command, path, 120, "--like-data", "--batch", "50") - x).abs().mean()) < 0.1
    assert float((x[1:] - x[:-1]).abs().mean()) > 1

    net = checkpoints.load(path, "cpu")
    for wrong, says in ((told["kind"], "must be"), ({"level": told["level"]}, "must be"),
                        ({**told, "kind": told["kind"].float()}, "float32")):
        with pytest.raises(ValueError, match=says):
            generate(net, 120, cond=wrong)
    for options, says in ((["--label", "3"], "--like-data"), (["--label", "3", "--like-data"], "--like-data"),
                          (["--guidance", "2"], "--like-data")):
        assert main(["sample", "--checkpoint", path, "--out", "y.npy", *options]) == 2
        assert says in capsys.readouterr().err
    assert not Path("y.npy").exists()


