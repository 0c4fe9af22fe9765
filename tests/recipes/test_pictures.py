"""Your own pictures through the command line: folders of many kinds train, draw and are measured, or end in one line."""

from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils import checkpoints
from diffusion_utils.__main__ import main
from diffusion_utils.commands.asked import conditions_to_ask
from diffusion_utils.conditions import in_proportion
from diffusion_utils.data import load_data
from diffusion_utils.data.pictures import read_pictures
from diffusion_utils.networks import UNet
from diffusion_utils.recipes.pictures import class_facts, network_for, pictures_recipe, run_name

MOMENT = "0.001"  # minutes: enough for one step


def noise(width: int, height: int, channels: int, seed: int) -> Image.Image:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def fill(folder, n: int, width: int = 16, height: int = 16, channels: int = 3, ending: str = "png", mode: str | None = None,
         first: int = 0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + n):
        image = noise(width, height, channels, i)
        (image.convert(mode) if mode else image).save(folder / f"{i:05d}.{ending}")
    return folder


def grey(folder):
    fill(folder, 40, channels=1)


def five_thousand(folder):
    fill(folder, 5000)


def large_and_wide(folder):
    fill(folder, 20, 128, 96)
    fill(folder, 20, 40, 128, first=20)


def transparent(folder):
    fill(folder, 40, channels=4)


def one_unreadable(folder):
    fill(folder, 40)
    (folder / "cut.png").write_bytes((folder / "00000.png").read_bytes()[:100])


def nested(folder):
    fill(folder / "a" / "b" / "c", 20)
    fill(folder / "a" / "d", 20, first=20)


def cmyk(folder):
    fill(folder, 40, ending="jpg", mode="CMYK")


def animated(folder):
    folder.mkdir()
    for i in range(40):
        noise(16, 16, 1, i).save(folder / f"{i}.gif", save_all=True, append_images=[noise(16, 16, 1, i + 100)])


def chinese_with_spaces(folder):
    for seed, name in enumerate(("猫 们", "狗 们")):
        fill(folder / name, 20, first=100 * seed)
    (folder / "猫 们" / "00000.png").rename(folder / "猫 们" / "第 一 只.png")


def webp_of_any_size(folder):
    for i in range(40):
        fill(folder, 1, 16 + 2 * i, 128 - 2 * i, ending="webp", first=i)


def train(folder, runs, *more: str) -> int:
    options = ["--data", str(folder), "--minutes", MOMENT, "--device", "cpu", "--folder", str(runs)]
    return main(["train", "pictures", *options, *more])


@pytest.mark.parametrize(("make", "shape", "classes"), [
    (grey, [1, 8, 8], []), pytest.param(five_thousand, [3, 8, 8], [], marks=pytest.mark.slow),
    (large_and_wide, [3, 8, 8], []), (transparent, [3, 8, 8], []),
    (one_unreadable, [3, 8, 8], []), (nested, [3, 8, 8], ["b", "d"]), (cmyk, [3, 8, 8], []), (animated, [1, 8, 8], []),
    (chinese_with_spaces, [3, 8, 8], ["狗 们", "猫 们"]), (webp_of_any_size, [3, 8, 8], []),
])
def test_a_folder_of_any_kind_becomes_a_model_with_a_report(make, shape, classes, tmp_path, capsys):
    make(tmp_path / "my 图")
    assert train(tmp_path / "my 图", tmp_path / "runs", "--size", "8") == 0, capsys.readouterr().err
    run = tmp_path / "runs" / "pictures-my-图"
    card = checkpoints.read_card(run / "pictures-my-图")
    assert card["config"]["sample"] == {"shape": shape, "clip": [-1.0, 1.0],
                                        "condition": card["config"]["sample"]["condition"]}
    assert card["classes"] == classes and card["config"]["network"]["num_classes"] == len(classes)
    assert card["figures"]["fd"] > card["figures"]["floor_held_out"] > 0  # after a step it draws noise
    assert (run / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(("make", "says"), [
    (lambda folder: folder.mkdir(), "holds no pictures"),
    (lambda folder: None, "does not exist"),
    (lambda folder: fill(folder, 3), "at least 10 different pictures are needed"),
    (lambda folder: (fill(folder, 1) / "text.txt").write_text("x"), "at least 10"),
])
def test_a_folder_without_pictures_ends_in_one_line_and_leaves_no_run(make, says, tmp_path, capsys):
    make(tmp_path / "mine")
    assert train(tmp_path / "mine", tmp_path / "runs") == 2
    told = capsys.readouterr().err
    assert says in told and told.startswith("error: ") and told.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("options", "says"), [
    (["train", "pictures"], "give --data FOLDER"),
    (["train", "mnist-unet", "--size", "32"], "--size belongs to 'train pictures'"),
    (["train", "pictures", "--data", "nowhere", "--size", "33"], "got 33"),
])
def test_options_that_do_not_fit_are_named(options, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(options) == 2
    assert says in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(the folder of pictures, the checkpoint): two classes, trained for a moment."""
    root = tmp_path_factory.mktemp("pictures")
    chinese_with_spaces(root / "mine")
    assert train(root / "mine", root / "runs", "--size", "8") == 0
    return root / "mine", root / "runs" / "pictures-mine" / "pictures-mine"


def test_sample_writes_a_grid_and_numbers_of_the_same_pictures(trained, tmp_path):
    options = ["--checkpoint", str(trained[1]), "--n", "4", "--steps", "2", "--label", "all", "--guidance", "2"]
    for name in ("x.png", "x.npy"):
        assert main(["sample", *options, "--out", str(tmp_path / name)]) == 0
    x, sheet = np.load(tmp_path / "x.npy"), np.asarray(Image.open(tmp_path / "x.png"))
    assert x.shape == (4, 3, 8, 8) and sheet.shape == (18, 18, 3)
    assert np.abs(sheet[10:, 10:] / 127.5 - 1 - x[3].transpose(1, 2, 0)).max() <= 0.5 / 127.5 + 1e-6
    assert (sheet[8:10] == 255).all() and np.load(tmp_path / "x.labels.npy").tolist() == [0, 1, 0, 1]


def test_a_label_may_be_the_name_of_its_class(trained, tmp_path):
    for label in ("1", "猫 们"):
        assert main(["sample", "--checkpoint", str(trained[1]), "--n", "2", "--steps", "2", "--label", label,
                     "--out", str(tmp_path / f"{label}.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "1.npy"), np.load(tmp_path / "猫 们.npy"))


def test_evaluate_reads_the_folder_of_the_card_or_another_one(trained, tmp_path, capsys):
    folder, checkpoint = trained
    fill(tmp_path / "other", 40, channels=3, first=500)
    results = []
    for more in ([], ["--data", str(folder)], ["--data", str(tmp_path / "other")]):
        capsys.readouterr()
        assert main(["evaluate", str(checkpoint), "--n", "16", "--steps", "2", *more]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[0] == results[1] and results[0]["n"] == 16 and results[0]["calls"] == 2
    assert results[2]["floor_held_out"] != results[0]["floor_held_out"]
    assert main(["evaluate", str(checkpoint), "--metric", "digits", "--data", str(folder), "--n", "2"]) == 2
    assert "--data belongs to the metrics pictures and text" in capsys.readouterr().err


def test_evaluate_finds_the_figures_of_the_report(trained, capsys):
    """The same labels are asked for, in the same proportion."""
    card = checkpoints.read_card(trained[1])
    figures = card["figures"]
    capsys.readouterr()
    assert main(["evaluate", str(trained[1].parent)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {name: again[name] for name in figures} == figures
    labels = conditions_to_ask(checkpoints.load(trained[1], "cpu"), 20)  # after one step they hardly show in the samples
    assert torch.equal(labels, in_proportion(card["class_counts"], 20)) and labels[:6].tolist() != [0, 1, 0, 1, 0, 1]


def test_a_class_of_few_pictures_is_asked_for_as_seldom(tmp_path):
    fill(tmp_path / "many", 36)
    fill(tmp_path / "few", 12, first=100)
    facts = class_facts(read_pictures(tmp_path, 8))
    few, many = facts["class_counts"]
    assert facts["classes"] == ["few", "many"] and few + many == 44 and 8 <= few <= 12  # 4 of 48 are kept back


def test_the_last_line_is_a_command_that_draws_more(tmp_path, capsys, monkeypatch):
    chinese_with_spaces(tmp_path / "my cats")
    assert train(tmp_path / "my cats", tmp_path / "the runs", "--size", "8") == 0
    command = capsys.readouterr().out.strip().splitlines()[-1].split(": ", 1)[1]
    monkeypatch.chdir(tmp_path)
    assert command.startswith("python -m diffusion_utils sample") and main(shlex.split(command)[3:]) == 0
    assert Image.open("more.png").size == (78, 78)  # 8 × 8 pictures of 8 pixels, with 2 between


def test_a_misspelt_class_is_answered_by_the_nearest(trained, tmp_path, capsys):
    assert main(["sample", "--checkpoint", str(trained[1]), "--label", "猫们", "--out", str(tmp_path / "x.png")]) == 2
    assert "Did you mean '猫 们'" in capsys.readouterr().err


def test_evaluate_takes_a_file_of_pictures_with_their_folder(trained, tmp_path, capsys):
    data = load_data({"name": "pictures", "folder": str(trained[0]), "size": 8, "channels": 3}, "train")
    np.save(tmp_path / "x.npy", data.x0(torch.arange(20)).numpy())
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "x.npy"), "--data", str(trained[0])]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["nearest"]["worst"][0]["distance"] < 1e-6  # they are training pictures


def test_info_prints_the_card(trained, capsys):
    assert main(["info", str(trained[1])]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["狗 们", "猫 们"]


def test_a_run_goes_on_with_resume_and_is_not_replaced_without(trained, capsys):
    folder, checkpoint = trained
    runs = checkpoint.parents[1]
    before = checkpoints.read_card(checkpoint)["sha256"]
    assert train(folder, runs, "--size", "8") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train(folder, runs, "--size", "8", "--resume") == 0  # its time is over: the same weights
    assert checkpoints.read_card(checkpoint)["sha256"] == before
    assert train(folder, runs, "--size", "12", "--resume") == 2
    assert "another" in capsys.readouterr().err


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_the_report_is_one_file_without_a_script(trained):
    text = (trained[1].parent / "report.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.seen and "link" not in tags.seen
    assert tags.addresses and all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert "url(" not in text and "light dark" in text
    assert tags.seen.count("img") == 3 and tags.seen.count("svg") == 1 and tags.seen.count("h1") == 1
    assert all(re.search(r'alt="[^"]+', image) for image in re.findall(r"<img[^>]+>", text))
    for part in ("猫 们", "Learnt by heart?", "pictures kept back", "training pictures themselves"):
        assert part in text


@pytest.mark.parametrize("size", [*range(8, 33, 4), *range(40, 65, 8), *range(80, 129, 16)])
def test_a_network_of_every_size_takes_its_pictures(size):
    config = network_for(size, 3, 2)
    net = UNet(**{name: value for name, value in config.items() if name != "kind"}).to("meta")
    x = torch.zeros(2, 3, size, size, device="meta")
    assert net(x, torch.zeros(2, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")).shape == x.shape
    assert 4 <= size // net.divisor <= 10  # attention over more positions than 10² is slow, and fewer than 4² see little


def test_the_recipe_is_an_ordinary_one(tmp_path):
    recipe = pictures_recipe(fill(tmp_path / "mine", 12), 8, minutes=0.001)
    path = recipe.run(tmp_path / "runs", device="cpu")  # it loads its data by what its card will say
    assert checkpoints.read_card(path)["data"]["name"] == "pictures-train"


@pytest.mark.parametrize(("folder", "name"), [
    ("/a/my cats", "pictures-my-cats"), ("/a/图 片", "pictures-图-片"), ("/a/b.v2", "pictures-b-v2"), ("C:", "pictures-C"),
])
def test_a_run_has_the_name_of_its_folder(folder, name):
    assert run_name(folder) == name
