"""The law of the package: a new modality is a network, a loader, a recipe and a metric, and one line in each registry.

Each toy in this folder is such a modality, as small as it can be and unlike the others. It registers itself, and then the
command line trains, describes, samples and evaluates it. Nothing else of the package knows of it.
"""

from __future__ import annotations

import torch
from modality import (
    SERIES,
    SeriesNet,
    card_of,
    distance_to,
    drawn,
    evaluated,
    load_series,
    trained,
)

from diffusion_utils import checkpoints
from diffusion_utils.generate import generate


def test_a_series_whose_values_leave_the_range_of_pictures(registered, command):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"))
    path = trained(command, "toy-series")
    card = card_of(command, path)
    assert card["config"]["sample"] == {"shape": [2, 16], "clip": None, "condition": None}
    assert (card["config"]["data"], card["config"]["metric"]) == ("toy-series", "toy-series")
    x = drawn(command, path, 128)
    assert x.shape == (128, 2, 16) and x.dtype == torch.float32
    assert float(x.abs().max()) > 1.2  # √2 in the data; clipped to ±1, as once everything was, it is 1
    assert torch.equal(x, generate(checkpoints.load(path, "cpu"), 128))
    figures = evaluated(command, path, "--n", "128")
    assert figures["checkpoint"] == "toy-series" and figures["calls"] == 10 and figures["n"] == 128
    assert figures["floor_test"] < figures["fd"] < figures["noise"] / 5
    assert evaluated(command, "x.npy", "--metric", "toy-series")["fd"] == figures["fd"]
    assert checkpoints.read_tensors(path)["snapshots"].shape == (2, 16, 2, 16)


