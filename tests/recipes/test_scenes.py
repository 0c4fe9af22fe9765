"""The recipes of scenes, small: a prompt through the command line, and what is said where a checkpoint takes another thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import step_of
from PIL import Image

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.data.scenes import load_scenes, tokens_of
from diffusion_utils.recipes import get_recipe
from diffusion_utils.recipes.latent_data import encoded
from diffusion_utils.training.distributed import Group


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two steps, which draws pictures and no scenes."""
    recipe = get_recipe("scenes-latent")
    recipe = replace(recipe, network=recipe.network | {"channels": [8, 16], "dim": 16, "layers": 1}, snapshots=(),
                     sampling={"sampler": "ddim", "steps": 2, "spacing": "uniform"},
                     train=replace(recipe.train, steps=2, batch=4, log_every=1))
    return recipe.run(tmp_path_factory.mktemp("runs"), device="cpu", data=load_scenes("test", 8))


def test_a_prompt_becomes_pictures(card, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw = ["sample", "--checkpoint", str(card), "--n", "4", "--device", "cpu", "--guidance", "3"]
    assert main([*draw, "--prompt", "a large red 4 above a small blue 7", "--out", "x.png"]) == 0
    assert Image.open("x.png").size == (130, 130)  # 2 × 2 of 64, and 2 between
    assert main([*draw, "--prompt", "a large red 4 above a small blue 7", "--out", "x.npy"]) == 0
    assert main([*draw, "--prompt", "", "--out", "y.npy"]) == 0
    x, y = np.load("x.npy"), np.load("y.npy")
    assert x.shape == (4, 3, 64, 64) and np.abs(x).max() <= 1 and not np.array_equal(x, y)
    capsys.readouterr()
    for prompt, says in (("a purple 4", "unknown word 'purple'"), ("a gren 4", "Did you mean 'green'?"),
                         (" ".join(100 * ["4"]), "at most 13 words, got 100")):
        assert main([*draw, "--prompt", prompt, "--out", "z.npy"]) == 2
        assert says in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert not Path("z.npy").exists()


@pytest.mark.parametrize(("options", "says"), [
    (["--label", "4"], "--prompt says it in words"), (["--prompt", "a 4", "--label", "4"], "--label and --prompt each say"),
    (["--prompt", "a 4", "--like-data"], "--prompt and --like-data each say"), (["--guidance", "2"], "give --prompt or")])
def test_what_does_not_fit_a_prompt_ends_in_one_line(card, tmp_path, capsys, options, says):
    assert main(["sample", "--checkpoint", str(card), "--out", str(tmp_path / "x.npy"), "--device", "cpu", *options]) == 2
    assert says in (err := capsys.readouterr().err) and err.count("\n") == 1


def test_a_checkpoint_without_words_takes_no_prompt(tmp_path, capsys):
    assert main(["sample", "--checkpoint", "mnist-unet-class", "--prompt", "a 4", "--out", str(tmp_path / "x.npy")]) == 2
    assert "mnist-unet-class takes no prompt" in capsys.readouterr().err


def test_the_checkpoint_carries_what_decodes_to_the_bit(card):
    """The statistics of the codes are not rounded to half precision, as weights are."""
    mine, shipped = checkpoints.load(card, "cpu").parts["vae"], checkpoints.load("scenes-vae", "cpu").net
    for name, value in shipped.state_dict().items():
        assert torch.equal(mine.state_dict()[name], value), name
    assert not torch.equal(shipped.scale, shipped.scale.half().float())
    config = checkpoints.read_card(card)["config"]
    assert config["sample"] == {"shape": [4, 16, 16], "clip": None, "condition": {"shape": [14], "dtype": "int64"}}
    assert checkpoints.load(card, "cpu").drawn == ((3, 64, 64), (-1.0, 1.0))


def test_prompts_are_drawn_anew_at_each_step_and_a_tenth_is_hidden():
    recipe, scenes = get_recipe("scenes-latent"), load_scenes("test", 400)
    codes = encoded(scenes, checkpoints.load("scenes-vae", "cpu").net)
    told = []

    class Listener(torch.nn.Module):
        """Notes what it is told, and says 0."""

        hide = recipe.build().hide

        def forward(self, x, time, cond):
            told.append(cond)
            return torch.zeros_like(x)

    loss, rows = recipe.loss_fn(codes, torch.device("cpu"), Group()), torch.arange(400)
    for seed in (0, 1):
        loss(Listener(), step_of(rows, seed=seed))
    hidden = [(tokens == tokens_of("")).all(1) for tokens in told]
    assert all(abs(float(part.double().mean()) - 0.1) < 4 * (0.1 * 0.9 / 400) ** 0.5 for part in hidden)  # 4 standard errors
    both = ~hidden[0] & ~hidden[1]
    same = (told[0] == told[1]).all(1)[both].double().mean()
    # of one digit the three words are left out alike with 0.58³ = 0.2, and the digit is written alike with ½; two rarely agree
    assert 0 < float(same) < 0.1
