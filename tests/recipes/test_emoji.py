"""Emoji: autoencoder and latent model are trained for a few steps, and a typed prompt becomes pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.data.emoji import load_emoji
from diffusion_utils.recipes import get_recipe


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    """The card of a small latent model after two steps; its autoencoder's is beside it."""
    runs, few = tmp_path_factory.mktemp("runs"), load_emoji("train").first(16)
    coder, latent = get_recipe("emoji-vae"), get_recipe("emoji-latent")
    coder = replace(coder, network=coder.network | {"channels": [8, 16]},
                    train=replace(coder.train, steps=2, batch=4, log_every=1))
    coder.run(runs, device="cpu", data=few)
    latent = replace(latent, autoencoder=coder, network=latent.network | {"channels": [8, 16], "dim": 16, "layers": 1},
                     snapshots=(2,), sampling={"sampler": "ddim", "steps": 2, "spacing": "uniform"},
                     train=replace(latent.train, steps=2, batch=4, log_every=1))
    return latent.run(runs, device="cpu", data=few)


def test_a_prompt_becomes_pictures(card, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw = ["sample", "--checkpoint", str(card), "--n", "4", "--device", "cpu", "--guidance", "3"]
    assert main([*draw, "--prompt", "a red apple, noto", "--out", "x.png"]) == 0
    assert Image.open("x.png").size == (66, 66)  # 2 × 2 of 32, and 2 between
    for prompt, out in (("noto red apple", "x.npy"), ("openmoji red apple", "y.npy")):
        assert main([*draw, "--prompt", prompt, "--out", out]) == 0
    assert np.load("x.npy").shape == (4, 3, 32, 32) and np.abs(np.load("x.npy")).max() <= 1
    capsys.readouterr()
    for prompt, says in (("a red appple", "Did you mean 'apple'?"), ("noto openmoji apple", "names one style")):
        assert main([*draw, "--prompt", prompt, "--out", "z.npy"]) == 2
        assert says in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert not Path("z.npy").exists()


def test_the_card_says_what_it_is_and_how_it_came(card):
    content = checkpoints.read_card(card)
    config = content["config"]
    assert config["codec"]["shape"] == [3, 32, 32] and config["sample"]["shape"] == [8, 8, 8]
    assert config["prompts"] == config["metric"] == config["data"] == "emoji"
    (over,) = content["right_over_training"]
    assert over["step"] == 2 and {"seen", "styles", "tones"} < set(over) and content["asked_of_each_kind"] == 100
    assert checkpoints.read_tensors(card)["snapshots"].shape == (1, 24, 8, 8, 8)


def test_the_checkpoint_can_be_measured(card, capsys):
    """The first test data are held out in a style."""
    assert main(["evaluate", str(card), "--n", "6", "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["styles"]["n"] == found["n_judged"] == 6 and 0 <= found["styles"]["top_5"] <= 1


def test_the_checkpoint_will_fit_eight_mebibytes():
    """Two bytes a weight, of both networks, and the codes of the snapshots."""
    coder, latent = get_recipe("emoji-vae"), get_recipe("emoji-latent")
    weights = sum(p.numel() for recipe in (coder, latent) for p in recipe.build().parameters())
    assert 2 * (weights + len(latent.snapshots) * 24 * 8 * 8 * 8) < 8 * 2**20 - 2**17


def test_the_codes_of_training_are_of_what_may_be_shown(card):
    """The recipe's own training data hold no test picture; the tests of the data say more."""
    shown, new = get_recipe("emoji-latent").load("train"), load_emoji("test")
    looks = {picture.numpy().tobytes() for picture in shown.pictures}
    assert not any(picture.numpy().tobytes() in looks for picture in new.pictures)
    assert get_recipe("emoji-vae").load("train").sha256 == shown.sha256
    codes = checkpoints.load(card, "cpu").parts["vae"].encode(shown.x0(torch.arange(2)))
    assert codes.shape == (2, 8, 8, 8)
