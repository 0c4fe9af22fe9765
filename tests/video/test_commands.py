"""Videos by the command line: films and numbers, of any length, by any scheme; or an error of one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils.__main__ import main
from diffusion_utils.commands.videos import frames_given
from diffusion_utils.data.next_door import load_next_door
from diffusion_utils.gif import gif
from diffusion_utils.recipes import get_recipe
from diffusion_utils.training import TrainConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    """A checkpoint of one step."""
    folder = tmp_path_factory.mktemp("runs")
    network = {"kind": "video-unet", "channels": [8, 16], "emb_dim": 16}
    recipe = replace(get_recipe("next-door-fdm"), network=network, snapshots=(), sampling={"sampler": "ddim", "steps": 1},
                     train=TrainConfig(steps=1, batch=2, lr=1e-3, warmup=1, log_every=1, optimiser="muon"))
    recipe.run(folder, device="cpu", data=load_next_door("train", 10))
    return str(folder / "next-door-fdm")


def drawn(run, tmp_path, *options) -> np.ndarray:
    out = tmp_path / "x.npy"
    assert main(["sample", "--checkpoint", run, "--device", "cpu", "--n", "2", "--out", str(out), *options]) == 0
    return np.load(out)


def test_a_film_has_every_frame_and_says_how_it_was_made(run, tmp_path, capsys) -> None:
    out = tmp_path / "x.gif"
    assert main(["sample", "--checkpoint", run, "--device", "cpu", "--n", "4", "--frames", "13", "--scheme", "long-range",
                 "--given", "five", "--out", str(out)]) == 0
    assert f"4 videos of 13 frames by next-door-fdm, long-range, written to {out}" in capsys.readouterr().out
    with Image.open(out) as film:
        assert lasts(film) == 1300 and film.size == (4 * 66, 4 * 66) and film.info["loop"] == 0


def lasts(film: Image.Image) -> int:
    """Milliseconds of all frames."""
    total = 0
    for frame in range(film.n_frames):
        film.seek(frame)
        total += film.info["duration"]
    return total


@pytest.mark.parametrize("options", [[], ["--given", "first"], ["--given", "0-4,11", "--scheme", "autoregressive"],
                                     ["--given", "loop"]])
def test_what_is_given_is_kept_and_the_same_seed_gives_the_same(run, tmp_path, options) -> None:
    x = drawn(run, tmp_path, "--frames", "12", *options)
    assert x.shape == (2, 12, 1, 32, 32) and np.isfinite(x).all()
    assert np.array_equal(drawn(run, tmp_path, "--frames", "12", *options), x)
    assert not np.array_equal(drawn(run, tmp_path, "--frames", "12", "--seed", "1", *options), x)
    real = load_next_door("test").x0(torch.arange(2)).numpy()
    if options[1:2] == ["loop"]:
        assert np.array_equal(x[:, 0], real[:, 0]) and np.array_equal(x[:, 11], real[:, 0])
    elif options:
        given = frames_given(options[1], 12)
        assert np.array_equal(x[:, given], real[:, given])


@pytest.mark.parametrize(("options", "says"), [
    (["--scheme", "hierarchy"], "unknown scheme 'hierarchy'. Did you mean 'hierarchy-2'?"),
    (["--frames", "0"], "--frames must lie in 1…1000, got 0"), (["--guidance", "2"], "--guidance needs"),
    (["--given", "0-60"], "--given must name frames of 0…59, got 0-60"),
    (["--given", "fiv"], "Did you mean 'five'?"), (["--label", "3"], "--label says nothing to"), (["--n", "0"], "n must be"),
    (["--out", "x.png"], "--out must end in .gif for videos, or in .npy for numbers")])
def test_what_cannot_be_drawn_is_said_in_one_line(run, tmp_path, monkeypatch, capsys, options, says) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sample", "--checkpoint", run, "--device", "cpu", "--out", "x.gif", *options]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1 and not list(tmp_path.iterdir())


def test_what_draws_no_videos_is_told_so(capsys, tmp_path) -> None:
    for option in (["--frames", "20"], ["--scheme", "long-range"], ["--given", "five"]):
        assert main(["sample", "--checkpoint", "mnist-unet", "--out", str(tmp_path / "x.npy"), *option]) == 2
        assert "belong to videos, and mnist-unet draws none; next-door-fdm does" in capsys.readouterr().err


def test_a_film_is_the_videos_side_by_side_also_where_nothing_moves(tmp_path) -> None:
    x = load_next_door("test").x0(torch.arange(3))[:, :4]
    (tmp_path / "x.gif").write_bytes(gif(torch.cat([x, x[:, -1:]], 1), columns=3))
    with Image.open(tmp_path / "x.gif") as film:
        assert lasts(film) == 500
        film.seek(2)
        shown = np.asarray(film.convert("L"))[:128:4, ::4].astype(float)
    for k in range(3):
        wanted = (x[k, 2, 0].numpy() + 1) * 127.5
        assert np.abs(shown[:, 34 * k:34 * k + 32] - wanted).max() < 3  # of 256 greys, in a palette of 256
    with pytest.raises(ValueError, match="a GIF file holds videos"):
        gif(x[0])
