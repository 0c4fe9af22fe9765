"""The three recipes of unCLIP, small, one after the other; and the command line, which draws through all of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import step_of
from PIL import Image

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.checkpoints import CheckpointError
from diffusion_utils.data.scenes import load_scenes, tokens_of
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.joint_data import VectorData
from diffusion_utils.recipes.recipe import Recipe
from diffusion_utils.training.distributed import Group

NAMES = ("scenes-clip", "scenes-prior", "scenes-unclip")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three, trained for a step or two; the decoder is as large as it has to be to begin as scenes-latent."""
    folder, scenes = tmp_path_factory.mktemp("runs"), load_scenes("test", 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "load", lambda self, split: scenes)
        for name, batch in zip(NAMES, (8, 8, 2), strict=True):
            small(name, batch).run(folder, device="cpu", data=scenes)
    return folder


def small(name: str, batch: int):
    """A recipe whose steps and samples take no time."""
    recipe = get_recipe(name)
    changes = {} if name == "scenes-clip" else {"sampling": {"sampler": "ddim", "steps": 2}}
    return replace(recipe, **changes, train=replace(recipe.train, steps=1, batch=batch, log_every=1))


def test_each_card_names_what_it_needs_and_what_it_learnt_from(runs):
    cards = {name: checkpoints.read_card(runs / name) for name in NAMES}
    clip = {"checkpoint": "scenes-clip", "sha256": cards["scenes-clip"]["sha256"]}
    assert cards["scenes-prior"]["needs"] == {"clip": clip}
    assert cards["scenes-unclip"]["needs"] == {"clip": clip, "prior": {"checkpoint": "scenes-prior"}}
    assert cards["scenes-prior"]["config"]["sample"]["condition"] == {
        "tokens": {"shape": [14], "dtype": "int64"}, "text": {"shape": [64], "dtype": "float32"}}
    assert cards["scenes-unclip"]["config"]["sample"]["condition"] == {"shape": [14], "dtype": "int64"}
    assert cards["scenes-clip"]["figures"]["among"] == 100 and cards["scenes-prior"]["figures"]["fd_floor_test"] > -1e-9
    loaded = checkpoints.load(runs / "scenes-unclip", "cpu")
    assert set(loaded.needs) == {"clip", "prior"} and loaded.drawn == ((3, 64, 64), (-1.0, 1.0))


def test_another_embedding_than_the_one_learnt_with_is_refused(runs, tmp_path):
    """Its vectors would mean something else."""
    for name in NAMES:
        shutil.copytree(runs / name, tmp_path / name)
    card = tmp_path / "scenes-prior" / "scenes-prior.json"
    content = json.loads(card.read_text(encoding="utf-8"))
    content["needs"]["clip"]["sha256"] = "0" * 64
    card.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CheckpointError, match="learnt with another scenes-clip"):
        checkpoints.load(tmp_path / "scenes-unclip", "cpu")


def test_together_they_take_no_more_than_12_mib(runs):
    assert sum((runs / name / f"{name}.safetensors").stat().st_size for name in NAMES) <= 12 * 2**20


def test_what_the_prior_learns_is_as_large_as_noise(runs):
    """DALLE2-pytorch #60: unit vectors as they are have numbers of ⅛."""
    net, scenes = checkpoints.load(runs / "scenes-clip", "cpu").net, load_scenes("test", 8)
    data = get_recipe("scenes-prior").prepare(scenes, runs, torch.device("cpu"))
    assert isinstance(data, VectorData) and data.clip is None and data.shape == (64,)
    rows = torch.arange(8)
    torch.testing.assert_close(data.x0(rows).square().mean(1), torch.ones(8), rtol=1e-2, atol=0)
    torch.testing.assert_close(data.condition(rows)["text"], net.text(scenes.condition(rows)))


def test_captions_and_vectors_are_hidden_each_by_a_chance_of_its_own(runs):
    """Ramesh et al. 2022, section 2.1: a tenth of the vectors, half of the captions."""
    recipe, scenes, told = get_recipe("scenes-unclip"), load_scenes("test", 400), []

    class Listener(torch.nn.Module):
        """Notes what it is told, and says 0."""

        hide = recipe.build().hide

        def forward(self, x, time, cond):
            told.append(cond)
            return torch.zeros_like(x)

    data = recipe.prepare(scenes, runs, torch.device("cpu"))
    recipe.loss_fn(data, torch.device("cpu"), Group())(Listener(), step_of(torch.arange(400)))
    words = (told[0]["tokens"] == tokens_of("")).all(1).double()
    vectors = (told[0]["image"] == 0).all(1).double()
    for hidden, share in ((words, 0.5), (vectors, 0.1), (words * vectors, 0.05)):
        assert abs(float(hidden.mean()) - share) < 4 * (share * (1 - share) / 400) ** 0.5  # 4 standard errors


def test_a_tenth_of_the_captions_is_hidden_from_the_prior(runs):
    recipe, scenes, told = get_recipe("scenes-prior"), load_scenes("test", 400), []

    class Listener(torch.nn.Module):
        """Notes what it is told, and says 0."""

        hide = recipe.build().hide

        def forward(self, x, time, cond):
            told.append(cond)
            return torch.zeros_like(x)

    data = recipe.prepare(scenes, runs, torch.device("cpu"))
    recipe.loss_fn(data, torch.device("cpu"), Group())(Listener(), step_of(torch.arange(400)))
    both = [(told[0]["tokens"] == tokens_of("")).all(1), (told[0]["text"] == 0).all(1)]
    assert torch.equal(*both) and abs(float(both[0].double().mean()) - 0.1) < 4 * (0.1 * 0.9 / 400) ** 0.5


def test_the_decoder_begins_as_scenes_latent(runs):
    recipe = get_recipe("scenes-unclip")
    net = recipe.build()
    recipe.initialise(net, runs)
    latent = checkpoints.load("scenes-latent", "cpu").net
    x, time, tokens = torch.randn(2, 4, 16, 16), torch.tensor([300.0, 700.0]), tokens_of(["a red 3", ""])
    with torch.no_grad():
        told = net.eval()(x, time, {"tokens": tokens, "image": torch.zeros(2, 64)})
        torch.testing.assert_close(told, latent(x, time, tokens), rtol=1e-4, atol=1e-5)
    other = replace(recipe, warm_start="scenes-vae")
    with pytest.raises(ValueError, match="scenes-unclip cannot begin with scenes-vae"):
        other.initialise(net, runs)


def test_a_prompt_and_a_picture_become_pictures(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw = ["sample", "--checkpoint", str(runs / "scenes-unclip"), "--n", "4", "--device", "cpu"]
    assert main([*draw, "--prompt", "a large red 4 above a small blue 7", "--guidance", "2", "--out", "x.png"]) == 0
    assert Image.open("x.png").size == (130, 130)  # 2 × 2 of 64, and 2 between
    picture = load_scenes("test", 1).pictures[0].permute(1, 2, 0).numpy()
    Image.fromarray(picture).save("scene.png")
    assert main([*draw, "--like", "scene.png", "--guidance", "2", "--out", "like.npy"]) == 0
    assert main([*draw, "--prompt", "a 4", "--out", "y.npy"]) == 0
    like, y = np.load("like.npy"), np.load("y.npy")
    assert like.shape == y.shape == (4, 3, 64, 64) and not np.array_equal(like[0], like[1]) and not np.array_equal(like, y)
    Image.fromarray(picture[:, :32]).save("narrow.png")
    Path("no.png").write_text("no picture", encoding="utf-8")
    Path("torn.png").write_bytes(Path("scene.png").read_bytes()[:200])
    capsys.readouterr()
    for options, says in ((["--like", "narrow.png"], "narrow.png is 32 × 64 pixels, and must be 64 × 64"),
                          (["--like", "no.png"], "no.png is no picture that can be read"),
                          (["--like", "torn.png"], "torn.png is"), (["--like", "gone.png"], "there is no file gone.png"),
                          (["--like", "scene.png", "--prompt", "a 4"], "--like says what to draw, and so does --prompt"),
                          (["--prompt", "a gren 4"], "Did you mean 'green'?"), (["--guidance", "2"], "give --prompt or")):
        assert main([*draw, *options, "--out", "z.npy"]) == 2
        assert says in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert main(["sample", "--checkpoint", "scenes-latent", "--like", "scene.png", "--device", "cpu", "--out", "z.npy"]) == 2
    assert "scenes-latent knows no embedding of pictures" in capsys.readouterr().err
    assert not Path("z.npy").exists()
