"""A toy registers itself, and the command line runs in an empty folder."""

from __future__ import annotations

import pytest

from diffusion_utils.__main__ import main
from diffusion_utils.data import LOADERS
from diffusion_utils.metrics import METRICS
from diffusion_utils.networks import NETWORKS
from diffusion_utils.recipes import RECIPES
from diffusion_utils.recipes.recipe import Recipe


@pytest.fixture
def registered(monkeypatch):
    """Adds a modality: one line in each registry that it needs."""
    def register(recipe: Recipe, loader, network: type, metric, **others) -> None:
        lines = [(RECIPES, recipe.name, recipe), (LOADERS, recipe.data, loader), (NETWORKS, recipe.network["kind"], network),
                 (METRICS, recipe.metric, metric), *others.values()]
        for registry, name, entry in lines:
            assert name not in registry
            monkeypatch.setitem(registry, name, entry)
    return register


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder; returns what it printed. An error fails the test with its line."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> str:
        capsys.readouterr()
        status = main(list(args))
        out, err = capsys.readouterr()
        assert status == 0, err
        return out
    return run


