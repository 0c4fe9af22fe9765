"""Recipes: a short run of each kind makes a checkpoint that loads, samples, and says how it came to be."""

from dataclasses import replace

import pytest
import torch

from diffusion_utils import checkpoints
from diffusion_utils.data import ImageData
from diffusion_utils.generate import generate
from diffusion_utils.recipes import RECIPES, get_recipe

SMALL = {"kind": "unet", "patch": 2, "channels": [8, 16], "blocks": 1, "emb_dim": 16}


def few_digits(n: int = 32) -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return ImageData(images, torch.arange(n) % 10, "noise", "made here", "0" * 64)


def short(name: str, network: dict, steps: int = 4, **changes):
    recipe = get_recipe(name)
    return replace(recipe, network=network, train=replace(recipe.train, steps=steps, batch=8, log_every=2), **changes)


def test_a_diffusion_recipe_makes_a_checkpoint_that_samples(tmp_path):
    recipe = short("mnist-unet", SMALL, snapshots=(1, 4), warm_start=None)
    path = recipe.run(tmp_path, device="cpu", data=few_digits())
    card = checkpoints.read_card(path)
    assert card["training"]["steps_done"] == 4 and card["data"]["n"] == 32 and card["data"]["sha256"] == "0" * 64
    assert [step for step, _ in card["training"]["history"]] == [1, 2, 4]
    assert card["snapshot_steps"] == [1, 4]
    assert checkpoints.read_tensors(path)["snapshots"].shape == (2, 16, 1, 28, 28)
    x = generate(checkpoints.load(path, "cpu"), 3, steps=2)
    assert x.shape == (3, 1, 28, 28) and torch.isfinite(x).all()


def test_a_class_recipe_takes_labels_and_drops_some(tmp_path):
    recipe = short("mnist-unet-class", SMALL | {"num_classes": 10}, snapshots=())
    path = recipe.run(tmp_path, device="cpu", data=few_digits())
    checkpoint = checkpoints.load(path, "cpu")
    assert checkpoint.num_classes == 10
    assert generate(checkpoint, 2, labels=7, weight=3.0, steps=2).shape == (2, 1, 28, 28)


def test_a_warm_start_is_the_unlabelled_model_until_it_is_trained(tmp_path):
    labelled = short("mnist-unet-class", SMALL | {"num_classes": 10}, snapshots=())
    path = labelled.run(tmp_path, device="cpu", data=few_digits())
    warm = short("mnist-unet", SMALL, warm_start=str(path)).build().eval()
    x, time, no_label = torch.randn(4, 1, 28, 28), torch.full((4,), 500.0), torch.full((4,), 10)
    expected = checkpoints.load(path, "cpu").net(x, time, no_label)
    # (W·h + b) + e and W·h + (b + e) round differently: a few units in the last place of float32 in the embedding
    torch.testing.assert_close(warm(x, time), expected, rtol=1e-4, atol=1e-5)


def test_a_warm_start_without_labels_is_refused(tmp_path):
    path = short("mnist-unet", SMALL, warm_start=None).run(tmp_path, device="cpu", data=few_digits())
    with pytest.raises(ValueError, match="has no labels"):
        short("mnist-unet", SMALL, warm_start=str(path)).build()


def test_a_finished_run_is_not_overwritten(tmp_path):
    recipe = short("mnist-unet", SMALL, warm_start=None)
    recipe.run(tmp_path, device="cpu", data=few_digits())
    with pytest.raises(FileExistsError, match="--resume"):
        recipe.run(tmp_path, device="cpu", data=few_digits())


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_checkpoints_are_what_the_recipe_says(name):
    card, recipe = checkpoints.read_card(name), get_recipe(name)
    assert card["config"] == recipe.config()
    assert card["training"]["steps_done"] == recipe.train.steps
    assert card["data"]["name"] == "mnist-train" and card["data"]["n"] == 60_000
    assert card["training"]["hardware"] and card["training"]["seconds"] > 0 and card["figures"]
    assert checkpoints.find_card(name).with_suffix(".safetensors").stat().st_size <= 8 * 2**20
    checkpoints.load(name, "cpu")


def test_the_shipped_classifier_is_accurate_enough_to_measure_with():
    assert checkpoints.read_card("mnist-classifier")["figures"]["test_accuracy"] >= 0.994
