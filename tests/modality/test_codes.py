"""Codes: a second network in the checkpoint makes samples of what is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from modality import (
    HOW,
    SCHEDULE,
    SERIES,
    TRAIN,
    SeriesNet,
    distance_to,
    drawn,
    evaluated,
    load_series,
    trained,
)
from torch import Tensor, nn

from diffusion_utils import checkpoints
from diffusion_utils.data import Dataset
from diffusion_utils.networks import NETWORKS
from diffusion_utils.recipes.diffusion import DiffusionRecipe


class Doubler(nn.Module):
    """A codec with a weight: codes are half as large as the points."""

    def __init__(self, start: float = 0.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start))

    def encode(self, x: Tensor) -> Tensor:
        return x / self.factor

    def decode(self, z: Tensor) -> Tensor:
        return z * self.factor


@dataclass(frozen=True)
class CodeRecipe(DiffusionRecipe):
    """A diffusion of codes; the checkpoint carries what decodes them."""

    def config(self) -> dict:
        return super().config() | {"codec": {"kind": "network", "part": "coder"}, "parts": {"coder": {"kind": "toy-doubler"}}}

    def load(self, split: str) -> Dataset:
        data = super().load(split)
        return replace(data, values=Doubler(2.0).encode(data.values).detach())

    def extras(self, net: nn.Module, data: Dataset, folder: Path) -> tuple[dict, dict]:
        return checkpoints.half(Doubler(2.0), "coder"), {}


CODES = CodeRecipe("toy-codes", SERIES.network, TRAIN, data="toy-series", metric="toy-series", schedule=SCHEDULE, sampling=HOW)


def test_codes_that_a_second_network_decodes(registered, command, monkeypatch):
    registered(CODES, load_series, SeriesNet, distance_to("toy-series"), coder=(NETWORKS, "toy-doubler", Doubler))
    path = trained(command, "toy-codes")
    checkpoint = checkpoints.load(path, "cpu")
    assert float(checkpoint.parts["coder"].factor) == 2
    x = drawn(command, path, 64)
    assert float(x.abs().max()) > 1.2  # √2 in the data, and half of it in the codes
    figures = evaluated(command, path, "--n", "64")
    assert figures["fd"] < figures["noise"] / 5


