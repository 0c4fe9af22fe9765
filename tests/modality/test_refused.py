"""What does not fit together ends in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from modality import (
    SERIES,
    SeriesNet,
    TwofoldNet,
    distance_to,
    load_series,
    load_tokens,
)

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.data import LOADERS
from diffusion_utils.networks import NETWORKS
from diffusion_utils.recipes import RECIPES


@pytest.mark.parametrize(("changes", "says"), [
    ({"data": "toy-tokens"}, "adds Gaussian noise, which needs floating point, and 'toy-tokens-train' holds torch.int64"),
    ({"network": {"kind": "toy-twofold-net", "width": 32}}, "is told a condition, and 'toy-series-train' has none"),
    ({"data": None}, "no data set is named. Allowed: emoji"),
    ({"data": "toy-serie"}, "unknown data set 'toy-serie'. Did you mean 'toy-series'?"),
])
def test_a_recipe_that_does_not_fit_its_data_ends_in_one_line(registered, monkeypatch, tmp_path, capsys, changes, says):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"), tokens=(LOADERS, "toy-tokens", load_tokens),
               twofold=(NETWORKS, "toy-twofold-net", TwofoldNet))
    monkeypatch.setitem(RECIPES, "toy-series", replace(SERIES, **changes))
    assert main(["train", "toy-series", "--device", "cpu", "--folder", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(("config", "says"), [
    ({"kind": "gausian"}, "unknown kind of diffusion 'gausian'. Did you mean 'gaussian'?"),
    ({"schedule": {"name": "cosin"}}, "unknown schedule 'cosin'"),
    ({"codec": {"kind": "tokeniser"}}, "unknown codec 'tokeniser'"),
    ({"codec": {"kind": "network", "part": "coder"}}, "unknown part 'coder'"),
    ({"network": {"kind": "transformer"}}, "unknown network 'transformer'"),
    ({"metric": None}, "no metric is named. Allowed: "),
])
def test_a_card_with_what_is_not_known_here_ends_in_one_line(registered, tmp_path, capsys, config, says):
    registered(SERIES, load_series, SeriesNet, distance_to("toy-series"))
    data = load_series("train")
    full = SERIES.config() | SERIES.uses(data) | config
    path = checkpoints.save(tmp_path, {"name": "toy", "config": full}, checkpoints.half(SERIES.build()))
    assert main(["evaluate", str(path), "--n", "2", "--steps", "1", "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


