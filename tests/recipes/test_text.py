"""Recipes of text: a short run makes a checkpoint that writes, fills blanks, is measured, and goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.data.text import files as text_files
from diffusion_utils.data.text import load_text
from diffusion_utils.discrete import absorbing, make_limit
from diffusion_utils.metrics.text import bits_left_to_right, bits_of, both_bounds
from diffusion_utils.npy import write_npy
from diffusion_utils.recipes import RECIPES, get_recipe
from diffusion_utils.schedules import straight

SMALL = {"dim": 16, "layers": 1, "heads": 2}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Recipes of a few steps on the beginning of the texts, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(text_files, "fetch_file", lambda *given: "no network")
    for name in ("shakespeare", "shakespeare-left-to-right", "names"):
        recipe = get_recipe(name)
        train = replace(recipe.train, steps=6, minutes=None, batch=8, log_every=3, warmup=1, lr=2e-2)
        monkeypatch.setitem(RECIPES, name, replace(recipe, network=recipe.network | SMALL, train=train))


def said(capsys, *args: str) -> str:
    """What a command prints; an error fails the test."""
    capsys.readouterr()
    status = main([*args, "--device", "cpu"])
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


def test_shakespeare_from_training_to_figures(small, capsys):
    said(capsys, "train", "shakespeare")
    path = "runs/shakespeare/shakespeare"
    card = checkpoints.read_card(path)
    assert card["config"]["kind"] == "discrete" and card["config"]["sample"]["shape"] == [128]
    assert 3 < card["figures"]["bits_per_letter"] < 8 and card["training"]["steps_done"] == 6

    out = said(capsys, "sample", "--checkpoint", path, "--n", "2", "--steps", "4")
    assert out.startswith("――― 1 ―――\n") and "――― 2 ―――\n" in out and len(out) > 256
    assert said(capsys, "sample", "--checkpoint", path, "--n", "2", "--steps", "4") == out
    kept = "ROMEO: ____ love ____"
    lines = said(capsys, "sample", "--checkpoint", path, "--keep", kept, "--n", "3", "--steps", "4", "--order", "confidence")
    for text in [part.split("\n", 1)[1][:len(kept)] for part in lines.split("――― ")[1:]] or lines.splitlines():
        assert all(a == b for a, b in zip(text, kept, strict=True) if b != "_") and "_" not in text

    found = json.loads(said(capsys, "evaluate", path, "--n", "4", "--steps", "3", "--kappa", "0.2", "--order", "independent"))
    assert found["order"] == "independent" and found["kappa"] == 0.2 and found["calls"] == 3
    assert set(found["bounds"]) == {"any_order", "straight_128", "cosine_128", "straight_1000", "cosine_1000"}
    assert found["hidden_words_found"]["words"] == 400
    assert {"judge_bits", "entropy", "distinct_4_grams", "real_words", "longest_copy", "real_text"} <= set(found)


def test_options_that_do_nothing_for_text_are_refused(small, capsys):
    said(capsys, "train", "shakespeare")
    for options, message in [
            (["--keep", "Maß_"], "unknown character 'ß'"), (["--keep", "_" * 129], "1…128 characters, got 129"),
            (["--out", "x.png"], "must end in .txt"), (["--label", "3"], "--keep is how a text begins"),
            (["--rings", "2"], "--rings says what to draw"), (["--frames", "20"], "--frames says what to draw"),
            (["--sampler", "ddim"], "--sampler is no setting of shakespeare; it has --steps, --spacing, --order, --kappa"),
            (["--kappa", "0.5"], "belongs to the order 'independent'")]:
        assert main(["sample", "--checkpoint", "runs/shakespeare/shakespeare", "--device", "cpu", *options]) == 2
        assert message in capsys.readouterr().err


def test_texts_go_into_a_file_as_text_or_as_numbers(small, capsys, tmp_path):
    said(capsys, "train", "names")
    how = "sample", "--checkpoint", "runs/names/names", "--n", "4"
    printed = said(capsys, *how)
    said(capsys, *how, "--out", "names.txt")
    assert (tmp_path / "names.txt").read_text() == printed and len(printed.splitlines()) == 4
    said(capsys, *how, "--out", "names.npy")
    found = json.loads(said(capsys, "evaluate", "runs/names/names", "--n", "16"))
    assert 0 <= found["broken"] <= 1 and found["real_names"]["in_training"] == 0


def test_pictures_take_no_beginning_and_need_a_file(capsys):
    assert main(["sample", "--checkpoint", "mnist-unet", "--keep", "a_", "--out", "x.npy"]) == 2
    assert "writes none" in capsys.readouterr().err
    assert main(["sample", "--checkpoint", "mnist-unet"]) == 2
    assert "--out is needed" in capsys.readouterr().err


def test_the_twin_learns_the_next_letter_and_is_no_diffusion(small, capsys):
    said(capsys, "train", "shakespeare-left-to-right")
    card = checkpoints.read_card("runs/shakespeare-left-to-right/shakespeare-left-to-right")
    assert "kind" not in card["config"] and 3 < card["figures"]["bits_per_letter"] < 8
    one, other = get_recipe("shakespeare"), get_recipe("shakespeare-left-to-right")
    assert other.train == one.train and other.network == one.network | {"causal": True}


def test_a_text_of_ones_own_is_learnt_from_and_written(small, capsys, tmp_path):
    path = tmp_path / "my notes.txt"
    path.write_text("Übung macht den Meister, sagt man.\n" * 150, encoding="utf-8")
    out = said(capsys, "train", "text", "--data", str(path), "--minutes", "0.02")
    assert "5,250 characters" in out and "learn it by heart" in out and "bits a letter" in out
    assert said(capsys, "sample", "--checkpoint", "runs/text-my-notes/text-my-notes", "--n", "1", "--steps", "2").strip()
    assert main(["train", "text"]) == 2 and "--data FILE.txt" in capsys.readouterr().err
    assert main(["train", "text", "--data", str(path), "--size", "3"]) == 2
    assert "belongs to 'train pictures'" in capsys.readouterr().err


def test_numbers_are_read_as_the_letters_of_the_file_that_is_named(small, capsys, tmp_path):
    """The same numbers stand for other letters in another text, and nothing but --data says in which."""
    path = tmp_path / "my notes.txt"
    path.write_text("Practice makes perfect, they say.\n" * 150, encoding="utf-8")
    write_npy("x.npy", load_text("test", str(path)).x0(torch.arange(3)))
    own, other = (json.loads(said(capsys, "evaluate", "x.npy", "--metric", "text", *data))
                  for data in (["--data", str(path)], []))
    assert own["n"] == 3 and own["compared_with"] == "my notes-test" and own["real_words"] == 1 and own["judge_bits"] < 1
    assert other["compared_with"] == "shakespeare-test" and other["judge_bits"] > 3


def test_other_limits_train_and_are_scored_over_t(small, tmp_path):
    recipe = get_recipe("names")
    other = replace(recipe, limit={"name": "uniform", "classes": 27}, schedule={"name": "cosine", "T": 50},
                    sampling={"steps": 8}, network=recipe.network | {"states": 27, "timed": True})
    card = checkpoints.read_card(other.run(tmp_path / "runs", device="cpu"))
    assert card["figures"]["bits_per_letter"] > 2
    checkpoint = checkpoints.load(tmp_path / "runs" / "names" / "names", "cpu")
    assert make_limit(checkpoint.card["config"]["limit"]).name == "uniform"
    assert checkpoint.kind.measured(checkpoint) == {"bounds": {}}


def test_data_that_a_recipe_cannot_read_are_refused(small, tmp_path):
    recipe = replace(get_recipe("names"), alphabet="abc")
    with pytest.raises(ValueError, match="27 classes and an alphabet of 3"):
        recipe.run(tmp_path / "runs", device="cpu")
    with pytest.raises(ValueError, match="reads rows of at most 16 classes"):
        get_recipe("names").run(tmp_path / "runs", device="cpu", data=get_recipe("shakespeare").load("train"))


# --- The figures of a network


class Ignorant(torch.nn.Module):
    """Says of every letter that all are as likely."""

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, x, time, cond=None):
        return self.level * torch.ones(*x.shape, 65)


def test_a_network_that_knows_nothing_needs_the_logarithm_of_the_number_of_letters(small):
    test = get_recipe("shakespeare").load("test")
    wanted = pytest.approx(torch.tensor(65.0).log2().item(), abs=1e-6)
    assert bits_of(Ignorant(), absorbing(65), straight(100), test, 2)["bits_per_letter"] == wanted
    assert bits_left_to_right(Ignorant(), test)["bits_per_letter"] == wanted
    found = both_bounds(Ignorant(), absorbing(65), test, most=64)
    assert found["any_order"]["bits_per_letter"] == wanted
    for name in ("straight_128", "cosine_1000"):  # how many letters are hidden is chance here
        error = found[name]["standard_error"]
        assert found[name]["bits_per_letter"] == pytest.approx(torch.tensor(65.0).log2().item(), abs=4 * error)
