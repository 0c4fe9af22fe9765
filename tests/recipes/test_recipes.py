"""Recipes: a short run of each kind makes a checkpoint that loads, samples, and says how it came to be."""

import signal
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch
from cases import step_of

from diffusion_utils import checkpoints, records
from diffusion_utils.__main__ import main
from diffusion_utils.data import Dataset, ImageData
from diffusion_utils.data.electricity import toy_transformer
from diffusion_utils.data.molecules import load_qm9
from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.data.scenes import load_scenes
from diffusion_utils.data.text import load_shakespeare
from diffusion_utils.data.windows import windows_of
from diffusion_utils.generate import generate
from diffusion_utils.recipes import RECIPES, get_recipe
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.recipes.joint_data import VectorData
from diffusion_utils.recipes.latent import LatentRecipe
from diffusion_utils.recipes.latent_data import LatentData
from diffusion_utils.recipes.prior import PriorRecipe
from diffusion_utils.recipes.recipe import Recipe
from diffusion_utils.training import Progress
from diffusion_utils.training.distributed import Group

SMALL = {"kind": "unet", "patch": 2, "channels": [8, 16], "blocks": 1, "emb_dim": 16}


def few_digits(n: int = 32) -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return ImageData(images, torch.arange(n) % 10, "noise", "made here", "0" * 64)


def short(name: str, network: dict, steps: int = 4, **changes):
    recipe = get_recipe(name)
    return replace(recipe, network=network, train=replace(recipe.train, steps=steps, batch=8, log_every=2), **changes)


def test_a_diffusion_recipe_makes_a_checkpoint_that_samples(tmp_path):
    recipe = short("mnist-unet", SMALL, snapshots=(1, 4), warm_start=None, teacher=None)
    path = recipe.run(tmp_path, device="cpu", data=few_digits())
    card = checkpoints.read_card(path)
    assert card["training"]["steps_done"] == 4 and card["data"]["n"] == 32 and card["data"]["sha256"] == "0" * 64
    assert [step for step, _ in card["training"]["history"]] == [1, 2, 4]
    assert card["snapshot_steps"] == [1, 4]
    assert checkpoints.read_tensors(path)["snapshots"].shape == (2, 16, 1, 28, 28)
    x = generate(checkpoints.load(path, "cpu"), 3, steps=2)
    assert x.shape == (3, 1, 28, 28) and torch.isfinite(x).all()


def coloured(n: int = 8) -> ImageData:
    images = torch.randint(0, 256, (n, 3, 16, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return ImageData(images, torch.zeros(n, dtype=torch.int64), "colours", "made here", "0" * 64)


def test_snapshots_have_the_shape_of_the_data(tmp_path):
    recipe = short("mnist-unet", SMALL | {"in_channels": 3}, snapshots=(1, 4), warm_start=None, teacher=None)
    path = recipe.run(tmp_path, device="cpu", data=coloured())
    assert checkpoints.read_tensors(path)["snapshots"].shape == (2, 16, 3, 16, 20)
    assert checkpoints.read_card(path)["config"]["sample"]["shape"] == [3, 16, 20]


@dataclass(frozen=True)
class StoppedWhileDrawing(DiffusionRecipe):
    """A scheduler stops it while it draws the samples of step 2."""

    def on_progress(self, progress: Progress, data: ImageData, folder: Path) -> None:
        if progress.step == 2:
            signal.raise_signal(signal.SIGTERM)
        super().on_progress(progress, data, folder)


    def run(self, folder, **options) -> Path | None:
        return super().run(folder, data=few_digits(), **options)


def test_a_stop_while_a_snapshot_is_drawn_waits_for_it(tmp_path, monkeypatch, capsys):
    """At the command line, too, where whoever sent it sees the usual exit status."""
    recipe = short("mnist-unet", SMALL, snapshots=(2, 4), warm_start=None, teacher=None)
    stopped = StoppedWhileDrawing(**{field.name: getattr(recipe, field.name) for field in fields(recipe)})
    monkeypatch.setitem(RECIPES, recipe.name, stopped)
    assert main(["train", recipe.name, "--device", "cpu", "--folder", str(tmp_path)]) == 143
    assert "stopped at step 3 of 4; saved in" in capsys.readouterr().err
    assert checkpoints.read_card(recipe.run(tmp_path, device="cpu", data=few_digits(), resume=True))["snapshot_steps"] == [2, 4]


def test_a_class_recipe_takes_labels_and_drops_some(tmp_path):
    recipe = short("mnist-unet-class", SMALL | {"num_classes": 10}, warm_start=None)
    path = recipe.run(tmp_path, device="cpu", data=few_digits())
    checkpoint = checkpoints.load(path, "cpu")
    assert checkpoint.num_classes == 10
    assert generate(checkpoint, 2, cond=7, weight=3.0, steps=2).shape == (2, 1, 28, 28)


def loud(tensors):
    """Other weights of the same shapes: after a few steps from zero, what a network answers is still next to nothing."""
    return {name: 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(len(name)))
            for name, value in tensors.items()}


def trained_base(tmp_path):
    base = short("mnist-unet-base", SMALL | {"num_classes": 10}, snapshots=())
    path = base.run(tmp_path, device="cpu", data=few_digits())
    checkpoints.save(path.parent, checkpoints.read_card(path), loud(checkpoints.read_tensors(path)))
    return checkpoints.load(path, "cpu").net


def start(name: str, network: dict, runs, **changes):
    recipe = short(name, network, **changes)
    net = recipe.build()
    recipe.initialise(net, runs)
    return net.eval()


def test_a_warm_start_without_labels_is_the_unlabelled_model(tmp_path):
    base = trained_base(tmp_path)
    net = start("mnist-unet", SMALL, tmp_path, warm_start="mnist-unet-base")
    x, time, no_label = torch.randn(4, 1, 28, 28), torch.full((4,), 500.0), torch.full((4,), 10)
    # (W·h + b) + e and W·h + (b + e) round differently: a few units in the last place of float32 in the embedding
    torch.testing.assert_close(net(x, time), base(x, time, no_label), rtol=1e-4, atol=1e-5)
    # and the label matters to it by a thousand times more
    assert float((base(x, time, no_label) - base(x, time, 0 * no_label)).abs().mean()) > 1e-2


def test_a_warm_start_with_labels_is_the_same_model(tmp_path):
    base = trained_base(tmp_path)
    net = start("mnist-unet-class", SMALL | {"num_classes": 10}, tmp_path)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in base.state_dict().items())


def test_a_warm_start_without_labels_to_leave_out_is_refused(tmp_path):
    short("mnist-unet", SMALL, warm_start=None, teacher=None).run(tmp_path, device="cpu", data=few_digits())
    with pytest.raises(ValueError, match="has no labels"):
        start("mnist-unet", SMALL, tmp_path, warm_start="mnist-unet")


def test_a_warm_start_that_was_not_trained_yet_is_named_with_the_command(tmp_path):
    with pytest.raises(ValueError, match="Train it first: python -m diffusion_utils train mnist-unet-base"):
        start("mnist-unet-class", SMALL | {"num_classes": 10}, tmp_path)


def test_a_student_of_a_teacher_that_labels_tell_nothing_has_nothing_to_learn(tmp_path):
    path = short("mnist-unet-class", SMALL | {"num_classes": 10}, warm_start=None).run(
        tmp_path, device="cpu", data=few_digits())
    card, student = checkpoints.read_card(path), short("mnist-unet", SMALL)
    tensors = loud(checkpoints.read_tensors(path))

    def first_loss():
        checkpoints.save(path.parent, card, tensors)
        net = student.build()
        student.initialise(net, tmp_path)
        loss = student.loss_fn(few_digits(), torch.device("cpu"), Group(), tmp_path)
        return loss(net, step_of(torch.arange(8))).item()

    assert first_loss() > 1e-3
    tensors["net.embed.table.weight"][:] = tensors["net.embed.table.weight"][-1]  # every label says what "no label" says
    # a bias is added where an embedding was: both round to a few units of 1e-7, and the loss is the square of that
    assert first_loss() < 1e-10


def test_a_teacher_that_was_not_trained_yet_is_named_with_the_command(tmp_path):
    student = short("mnist-unet", SMALL, warm_start=None, teacher="mnist-unet-base")
    with pytest.raises(ValueError, match="Train it first: python -m diffusion_utils train mnist-unet-base"):
        student.run(tmp_path, device="cpu", data=few_digits())


def test_a_finished_run_is_not_overwritten(tmp_path):
    recipe = short("mnist-unet", SMALL, warm_start=None, teacher=None)
    recipe.run(tmp_path, device="cpu", data=few_digits())
    with pytest.raises(FileExistsError, match="--resume"):
        recipe.run(tmp_path, device="cpu", data=few_digits())


def data_like(recipe: Recipe) -> Dataset:
    """A little data of the kind that a shipped checkpoint learnt from."""
    if recipe.kind == "series":
        return windows_of(toy_transformer(hours=2000), "train")
    if recipe.kind == "graph":
        return load_qm9("test")
    if recipe.kind == "discrete":
        return load_shakespeare("test")
    if recipe.kind == "video":
        return load_next_door("test", 2)
    if isinstance(recipe, PriorRecipe):
        return VectorData(torch.zeros(2, 64), load_scenes("test", 2), checkpoints.load(recipe.embedding, "cpu").net)
    if isinstance(recipe, LatentRecipe):
        return LatentData(torch.zeros(2, 4, 16, 16), load_scenes("test", 2))
    return few_digits()


@pytest.mark.parametrize("name", checkpoints.available())
def test_shipped_checkpoints_are_what_the_recipe_says(name):
    card, recipe = checkpoints.read_card(name), get_recipe(name)
    assert card["config"] == recipe.config() | recipe.uses(data_like(recipe))
    assert card["training"]["steps_done"] == recipe.train.steps
    learnt_from = {"mnist": ("mnist-train", 60_000), "scenes": ("scenes-train (100000 seen, seed 0)", 100_000),
                   "emoji": ("emoji-train", 13_776), "etth1": ("etth1-train", 8449),
                   "qm9": ("qm9-train", 108_514), "shakespeare": ("shakespeare-train", 1_003_728),
                   "next-door": ("next-door-train (240000 videos, seed 0)", 240_000)}
    of = card["data"]["name"].removeprefix("codes of ").removeprefix("embeddings of ")
    assert (of, card["data"]["n"]) == learnt_from[recipe.data]
    assert card["training"]["hardware"] and card["training"]["seconds"] > 0 and card["figures"]
    assert checkpoints.find_card(name).with_suffix(".safetensors").stat().st_size <= 8 * 2**20
    checkpoints.load(name, "cpu")


def test_what_is_not_shipped_of_the_recipes_is_kept_as_a_record():
    in_the_making = {"shakespeare-left-to-right", "shakespeare-left-to-right-stopped", "names", "emoji-vae", "emoji-latent",
                     "qm9-graph", "next-door-fdm", "scenes-clip", "scenes-prior", "scenes-unclip", "speech-judge",
                     "speech-judge-b", "speech-waveform"}
    assert set(RECIPES) - set(checkpoints.available()) == {"mnist-unet-base"} | in_the_making
    record, recipe = records.load_record("mnist-unet-base"), get_recipe("mnist-unet-base")
    assert record["config"] == recipe.config() | recipe.uses(few_digits())
    assert record["training"]["steps_done"] == recipe.train.steps
    assert len(records.load_tensors("mnist-unet-base")["snapshots"]) == len(record["snapshot_steps"]) == len(recipe.snapshots)


def test_the_shipped_classifier_is_accurate_enough_to_measure_with():
    assert checkpoints.read_card("mnist-classifier")["figures"]["test_accuracy"] >= 0.994
