"""A run trains on the data it began with, the same in all processes, and says before its first step what it cannot use."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import torch as safetensors
from torch import nn

import diffusion_utils
from diffusion_utils.data import DataError, ImageData
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.diffusion import DiffusionRecipe
from diffusion_utils.training import TrainConfig, TrainingDiverged, TrainingInterrupted, fit
from diffusion_utils.training.distributed import Group

CPU = torch.device("cpu")
TINY = DiffusionRecipe(
    name="tiny", schedule={"name": "cosine", "T": 100}, sampling={"sampler": "ddim", "steps": 5},
    network={"kind": "unet", "channels": [8], "patch": 4, "emb_dim": 8, "num_classes": 3},
    train=TrainConfig(steps=6, batch=4, log_every=2, bf16=False),
)


def pictures(n: int = 9, name: str = "mine", first_label: int = 0, shape: tuple[int, ...] = (1, 28, 28)) -> ImageData:
    """Random pixels, labels in turn; a made-up hash that tells two of these apart."""
    images = torch.randint(0, 256, (n, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return ImageData(images, first_label + torch.arange(n) % 3, name, "made here", f"{name}-{n}")


def run(recipe: DiffusionRecipe, folder: Path, data: ImageData, **options) -> Path:
    return recipe.run(folder, device="cpu", data=data, log=lambda _: None, **options)


def interrupt(recipe: DiffusionRecipe, folder: Path, data: ImageData) -> Path:
    """A run that was stopped by Ctrl-C after 3 of 6 steps; returns its state."""
    class Interrupted(type(recipe)):
        def on_progress(self, progress, *_) -> None:
            if progress.step == 2:
                signal.raise_signal(signal.SIGINT)

    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    with pytest.raises(TrainingInterrupted, match="stopped at step 3 of 6"):
        run(Interrupted(**values), folder, data)
    return folder / recipe.name / "state.safetensors"


def never(*_: object) -> torch.Tensor:
    raise AssertionError("a step was made")


# --- resuming


def test_a_run_is_not_resumed_on_other_data(tmp_path: Path) -> None:
    """As where the 60,000 digits can no longer be had, and scikit-learn's would be taken."""
    interrupt(TINY, tmp_path, pictures(9, "mnist-train"))
    wanted = "data.name was 'mnist-train' and is now 'sklearn-digits-train'; data.n was 9 and is now 6; data.sha256 was"
    with pytest.raises(ValueError, match=f"belongs to another run: {wanted}.*start anew in another folder"):
        run(TINY, tmp_path, pictures(6, "sklearn-digits-train"), resume=True)
    run(TINY, tmp_path, pictures(9, "mnist-train"), resume=True)


def test_the_number_of_rows_is_compared_where_nothing_else_is_known(tmp_path: Path) -> None:
    def start(n: int, **options):
        return fit(nn.Linear(1, 1), lambda net, step: net(torch.ones(1, 1)).sum(), n, TINY.train, folder=tmp_path, **options)

    next(start(9))
    with pytest.raises(ValueError, match="n was 9 and is now 8"):
        next(start(8, resume=True))


@pytest.mark.parametrize("changes", [{"predicts": "eps"}, {"dropout": 0.5}, {"schedule": {"name": "cosine", "T": 200}}])
def test_a_run_is_not_resumed_as_another_recipe(tmp_path: Path, changes: dict) -> None:
    """The network's shapes would fit, and nothing else would tell."""
    interrupt(TINY, tmp_path, pictures())
    with pytest.raises(ValueError, match=f"belongs to another run: recipe.{next(iter(changes))}"):
        run(replace(TINY, **changes), tmp_path, pictures(), resume=True)


def test_what_moves_no_weight_may_change_in_the_middle(tmp_path: Path) -> None:
    interrupt(TINY, tmp_path, pictures())
    often = replace(TINY, sampling={"sampler": "ddpm", "steps": 3}, train=replace(TINY.train, log_every=1))
    history = json.loads(run(often, tmp_path, pictures(), resume=True).read_text())["training"]["history"]
    assert [step for step, _ in history] == [1, 2, 3, 4, 5, 6]


def test_a_run_cannot_be_made_longer_and_the_error_says_why(tmp_path: Path) -> None:
    interrupt(TINY, tmp_path, pictures())
    longer = replace(TINY, train=replace(TINY.train, steps=8))
    with pytest.raises(ValueError, match="config.steps was 6 and is now 8.*cannot be made longer.* learning rate follows"):
        run(longer, tmp_path, pictures(), resume=True)


def test_a_state_of_an_earlier_version_goes_on_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """It does not say what data it belongs to."""
    path = interrupt(TINY, tmp_path, pictures())
    content = path.read_bytes()
    header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
    old = json.loads(header["__metadata__"]["training"])
    del old["about"]
    path.write_bytes(safetensors.save(safetensors.load(content), {"training": json.dumps(old)}))
    assert run(TINY, tmp_path, pictures(), resume=True).is_file()
    assert "Notice: " in (told := capsys.readouterr().err) and "cannot be checked" in told


# --- several processes

WORKER = """
import importlib.util, json, os, sys
from dataclasses import replace
spec = importlib.util.spec_from_file_location("this", sys.argv[1])
this = importlib.util.module_from_spec(spec)
spec.loader.exec_module(this)
rank = int(os.environ["RANK"])
sizes, rates = json.loads(sys.argv[3])
recipe = replace(this.TINY, train=replace(this.TINY.train, lr=rates[rank]))
try:
    this.run(recipe, sys.argv[2], this.pictures(sizes[rank]))
except ValueError as error:
    with open(f"{sys.argv[2]}-told-{rank}", "w") as told:  # each its own file: two writers to one stream may mix their words
        told.write(str(error))
    sys.exit(1)
"""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")
def test_processes_that_differ_stop_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    sizes, rates = [8, 64], [1e-3, 2e-3]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1",
               f"--master-port={free_port()}", tmp_path / "worker.py", __file__, tmp_path / "runs", json.dumps([sizes, rates])]
    ours = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(diffusion_utils.__file__).parents[1])}  # the package under test
    done = subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    # torchrun ends the other process as soon as one has failed: if too soon, it leaves no words
    told = [text for path in tmp_path.glob("runs-told-*") if (text := path.read_text())]
    says = ("all processes must train the same network on the same data, but processes 0 and 1 differ in "
            "config.lr: 0.001 and 0.002; data.n: 8 and 64; data.sha256: 'mine-8' and 'mine-64'; n: 8 and 64")
    assert told and set(told) == {says}, done.stderr
    assert not list(tmp_path.glob("runs/tiny/*.safetensors"))


# --- what a recipe cannot use


@pytest.mark.parametrize(("first", "says"), [(1, "got 1…3 in 'mine'. Labels that begin at 1 are to be shifted: labels - 1"),
                                             (-1, "got -1…1 in 'mine'.$"), (2, "got 2…4.*labels - 2")])
def test_labels_outside_their_range_are_refused(tmp_path: Path, first: int, says: str) -> None:
    """3 of 3 classes would be "no label"; beyond, a GPU stops for good."""
    with pytest.raises(ValueError, match=f"labels must lie in 0…2 for 3 classes, {says}"):
        run(TINY, tmp_path, pictures(first_label=first))
    assert not any(tmp_path.rglob("*")), "before anything was written"
    with pytest.raises(ValueError, match="labels must lie in 0…2"):
        TINY.loss_fn(pictures(first_label=first), CPU, Group())  # for those who call `fit` themselves


def test_a_network_without_labels_takes_any(tmp_path: Path) -> None:
    plain = replace(TINY, network=TINY.network | {"num_classes": 0})
    assert run(plain, tmp_path, pictures(first_label=100)).is_file()


def test_no_data_is_an_error_and_not_mnist() -> None:
    with pytest.raises(ValueError, match="no data to train on: n must be ≥ 1, got 0"):
        next(fit(nn.Linear(1, 1), never, 0, TINY.train))


def test_a_loss_that_is_nan_in_the_first_step_points_at_the_data() -> None:
    data = torch.full((9, 1), float("nan"))
    with pytest.raises(TrainingDiverged, match="loss is nan at step 1. No weight had changed yet: look for NaN in the data"):
        list(fit(nn.Linear(1, 1), lambda net, step: net(data[step.rows]).square().mean(), 9, TINY.train))


def test_a_batch_that_cannot_be_shared_is_refused_first() -> None:
    group = Group()
    group.size = 3
    with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 3 processes"):
        next(fit(nn.Linear(1, 1), never, 9, TINY.train, group=group))


def test_missing_test_digits_are_found_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifier is measured with them when it has been trained."""
    (tmp_path / "data" / "MNIST" / "raw").mkdir(parents=True)
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path / "data"))
    recipe = get_recipe("mnist-classifier")
    with pytest.raises(DataError, match="t10k-images"):
        run(replace(recipe, train=replace(recipe.train, steps=2, batch=4)), tmp_path / "runs", pictures())
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("data", "says"), [(pictures(3), r"got \(3, 1, 28, 28\)"), (pictures(9, shape=(3, 32, 32)), "3, 32"),
                                            (pictures(9, first_label=9), "labels must lie in 0…9 for 10 classes, got 9…11")])
def test_the_classifier_says_what_it_cannot_use(data: ImageData, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        get_recipe("mnist-classifier").check_data(data)


@pytest.mark.parametrize(("changes", "says"), [
    ({"sampling": {"sampler": "ddmi", "steps": 5}}, "unknown sampler 'ddmi'"),
    ({"sampling": {"sampler": "ddim", "steps": 101}}, "steps must be an integer in 1…100, got 101"),
    ({"sampling": {"sampler": "ddim"}}, "sampling must name a sampler and its steps"),
    ({"sampling": None}, "sampling must name a sampler and its steps"),
    ({"snapshots": (2, 8)}, r"snapshots \(2, 8\) must lie in 1…6"),
    ({"predicts": "epsilon"}, "unknown prediction target 'epsilon'"),
    ({"schedule": {"name": "cosin"}}, "unknown schedule 'cosin'. Did you mean 'cosine'?"),
    ({"schedule": None}, "unknown schedule None"),
    ({"warm_start": "mnist-unet-base"}, "the weights of mnist-unet-base are needed.*Train it first"),
    ({"teacher": "mnist-unet-base"}, "the weights of mnist-unet-base are needed.*Train it first"),
])
def test_what_is_used_at_the_end_is_checked_at_the_start(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run(replace(TINY, **changes), tmp_path, pictures())
    assert not any(tmp_path.rglob("*"))


def test_an_unknown_network_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown network 'unit'. Did you mean 'unet'?"):
        replace(TINY, network={"kind": "unit"}).build()


@pytest.mark.parametrize("wrong", [{"dropout": 1.5}, {"dropout": float("nan")}, {"time_power": 0.0}])
def test_a_senseless_recipe_is_refused_when_it_is_made(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        replace(TINY, **wrong)
