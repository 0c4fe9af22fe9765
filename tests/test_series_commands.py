"""Your own series through the command line: learnt, forecast and filled, or refused in one line."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_utils.__main__ import main
from diffusion_utils.commands.impute import windows
from diffusion_utils.commands.series import check_out
from diffusion_utils.commands.series_figure import alone, figure_png
from diffusion_utils.data.series_csv import FEWEST, Table

START = datetime(2024, 1, 1)
MOMENT = "0.001"  # minutes: enough for one step
RNG = np.random.default_rng(0)
HOURS = np.arange(FEWEST + 48)
DAYS = 2 * np.pi * HOURS / 24
VALUES = np.stack([10 + 3 * np.sin(DAYS), 1000 + 20 * np.cos(DAYS)]) + RNG.normal(0, 1, (2, len(HOURS)))
NAMES = ("heat", "load")


def write(path, values=VALUES, names=NAMES, start=START, skip=()):
    """A CSV file; NaN as an empty cell, and without the rows in `skip`."""
    rows = [[start + timedelta(hours=k), *("" if np.isnan(v) else f"{v:.4f}" for v in column)]
            for k, column in enumerate(values.T) if k not in skip]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["time", *names], *rows])
    return str(path)


def read(path):
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on VALUES, of one step: enough to have a checkpoint, whose Gaussian has seen them all."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "series", "--data", write(folder / "mine.csv"), "--minutes", MOMENT, "--folder", str(folder),
                 "--device", "cpu"]) == 0
    return folder / "series-mine"


def quick(*args):
    return [*args, "--samples", "6", "--steps", "3", "--device", "cpu"]


def test_a_forecast_is_written_for_each_hour_and_column(run, tmp_path, capsys):
    file, out = write(tmp_path / "now.csv", VALUES[:, :300]), tmp_path / "next.csv"
    assert main(quick("forecast", file, "--checkpoint", str(run), "--hours", "30", "--out", str(out))) == 0
    header, rows = read(out)
    assert header == ["time", "column", "q05", "q25", "q50", "q75", "q95"] and len(rows) == 2 * 30
    assert rows[0][:2] == [str(START + timedelta(hours=300)), "heat"]  # the hour after the last
    assert rows[-1][:2] == [str(START + timedelta(hours=329)), "load"]
    numbers = np.array([row[2:] for row in rows], float)
    assert (np.diff(numbers, axis=1) >= 0).all()
    header, paths = read(tmp_path / "next.paths.csv")
    assert header == ["sample", "time", "heat", "load"] and len(paths) == 6 * 30
    first = np.array([row[2] for row in paths if row[1] == rows[0][0]], float)
    wanted = np.quantile(first, [0.05, 0.25, 0.5, 0.75, 0.95], method="weibull")  # whose bands hold their share
    np.testing.assert_allclose(wanted, numbers[0], rtol=1e-5)  # seven digits each
    assert np.asarray(Image.open(tmp_path / "next.png").convert("RGB")).std() > 10
    assert "300 steps of 1:00:00" in capsys.readouterr().out


def test_gaps_are_filled_and_all_else_is_kept(run, tmp_path):
    holes = VALUES.copy()
    holes[0, 50:60] = np.nan
    holes[1, 400] = np.nan  # in another window
    file, out = write(tmp_path / "holes.csv", holes, skip=range(600, 605)), tmp_path / "all.csv"
    assert main(quick("impute", file, "--checkpoint", str(run), "--out", str(out))) == 0
    _, rows = read(out)
    assert len(rows) == 10 + 1 + 2 * 5
    assert [row[1] for row in rows[:11]] == ["heat"] * 10 + ["load"]
    _, whole = read(tmp_path / "all.filled.csv")
    found = np.array([row[1:] for row in whole], float).T
    missing = np.isnan(holes)
    missing[:, 600:605] = True
    assert found.shape == VALUES.shape and np.isfinite(found).all()
    np.testing.assert_array_equal(found[~missing], VALUES.round(4)[~missing])  # as they stand in the file
    medians = {(row[0], row[1]): float(row[4]) for row in rows}
    assert found[0, 55] == medians[str(START + timedelta(hours=55)), "heat"]
    # Noise has a standard deviation of 1 and of 1: the fill knows the daily waves of 3 and 20, or it would be off by as much.
    assert np.abs(found[missing] - VALUES[missing]).mean() < 3
    _, paths = read(tmp_path / "all.paths.csv")
    assert len(paths) == 6 * (10 + 1 + 5)


def test_a_column_that_the_file_lacks_is_missing_and_the_same_seed_gives_the_same(run, tmp_path, capsys):
    file = write(tmp_path / "part.csv", VALUES[1:, :100], ["load"])
    for name in ("a", "b"):
        assert main(quick("forecast", file, "--checkpoint", str(run), "--out", str(tmp_path / f"{name}.csv"))) == 0
    assert "has no heat: taken as missing throughout" in capsys.readouterr().err
    assert (tmp_path / "a.paths.csv").read_bytes() == (tmp_path / "b.paths.csv").read_bytes()
    assert main(quick("forecast", file, "--checkpoint", str(run), "--out", str(tmp_path / "c.csv"), "--seed", "1")) == 0
    assert (tmp_path / "a.paths.csv").read_bytes() != (tmp_path / "c.paths.csv").read_bytes()


@pytest.mark.parametrize("steps", [192, 193, 250, 288, 384, 1000])
def test_windows_keep_every_step_once_and_of_each_gap_both_sides(steps):
    kept = [(start, keep) for start, keep in windows(steps, 192)]
    assert [k for _, keep in kept for k in keep] == list(range(steps))
    for start, keep in kept:
        assert 0 <= start and start + 192 <= steps and start <= keep.start and keep.stop <= start + 192
        assert keep.start == 0 or keep.start >= start + 48
        assert keep.stop == steps or keep.stop <= start + 144


def doubled(path):
    write(path)
    lines = path.read_text().splitlines(True)
    path.write_text("".join(lines[:5] + lines[4:]))


def half_hours(path):
    path.write_text("time,heat,load\n" + "".join(f"{START + timedelta(minutes=30 * k)},{k},{k}\n" for k in range(700)))


@pytest.mark.parametrize(("command", "make", "message"), [
    (["forecast"], doubled, "line 6: the time 2024-01-01 03:00:00 is there twice"),
    (["forecast"], half_hours, "has a step of 0:30:00"),
    (["forecast"], lambda path: write(path, VALUES[:, :40]), "has 40 hours; at least 48 are needed"),
    (["forecast"], lambda path: write(path, VALUES, ["heat", "laod"]), "Did you mean 'load'?"),
    (["forecast"], lambda path: write(path, np.concatenate([VALUES, VALUES]), ["heat", "load", "a", "b"]),
     "column of series-mine 'a'"),
    (["forecast"], lambda path: write(path, VALUES * np.nan), "gaps only"),
    (["forecast"], lambda path: write(path, np.where(HOURS < 400, VALUES, np.nan)), "nothing measured in its last 168 hours"),
    (["forecast", "--hours", "145"], write, "--hours must lie in 1…144, got 145"),
    (["forecast", "--samples", "1"], write, "--samples must lie in 2…1000, got 1"),
    (["impute"], write, "has no gaps"),
    (["impute", "--out", "fill.txt"], write, "--out must end in .csv, got fill.txt"),
    (["impute", "--out", "nowhere/fill.csv"], write, "the folder nowhere does not exist"),
    (["forecast", "--out", "file.csv"], write, "--out file.csv would write over file.csv itself"),
    (["forecast", "--checkpoint", "mnist-unet"], write, "mnist-unet draws no series"),
    (["forecast", "--checkpoint", "eth1"], write, "unknown checkpoint"),
])
def test_what_cannot_be_done_is_said_and_nothing_is_written(run, tmp_path, monkeypatch, capsys, command, make, message):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "file.csv")
    given = [command[0], "file.csv", "--checkpoint", str(run), "--out", "out.csv", *command[1:]]
    assert main(given) == 2
    told = capsys.readouterr().err.splitlines()
    assert message in told[-1] and told[-1].startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file.csv"]


@pytest.mark.parametrize("file", ["a.csv", "a.filled.csv", "a.paths.csv"])
def test_no_file_is_written_over_what_is_read(tmp_path, file):
    write(tmp_path / file)
    with pytest.raises(ValueError, match="would write over"):
        check_out(str(tmp_path / "a.csv"), str(tmp_path / file))
    assert check_out(str(tmp_path / "b.csv"), str(tmp_path / file)) == tmp_path / "b.csv"


def test_the_figure_shows_a_value_that_was_measured_between_two_gaps():
    assert alone(np.array([1, np.nan, 2, np.nan, 3, 4, np.nan])).tolist() == [True, False, True, *4 * [False]]
    holes = np.where(np.arange(100) % 2, np.nan, np.linspace(5, 6, 100))
    table = Table(torch.from_numpy(holes[None]), ("heat",), START, timedelta(hours=1))
    quantiles = torch.where(table.values.isnan(), torch.linspace(5.4, 5.6, 5)[:, None, None], torch.nan)
    drawn = [np.asarray(Image.open(io.BytesIO(figure_png(table, ("heat",), values, quantiles, ""))).convert("L")) < 60
             for values in (table.values, table.values * torch.nan)]
    assert drawn[0].sum() > drawn[1].sum() + 100  # 50 points in black, beside the letters


@pytest.mark.parametrize(("more", "values", "message"), [
    ([], VALUES[:, :600], r"has 600 hours, and at least 672 (four weeks)"),
    ([], np.concatenate([VALUES, 0 * VALUES[:1] + 5]), "c is 5 throughout"),
    ([], np.stack([VALUES[0], np.where(HOURS < 600, np.nan, VALUES[1])]), "b is empty in the first 504 hours"),
    ([], np.stack([VALUES[0], np.where(HOURS < 600, 2, VALUES[1])]), "b is 2 throughout in the first 504 hours"),
    ([], np.where((HOURS < 500) | (HOURS > 580), VALUES, np.nan), "gaps only from 2024-01-22 00:00:00 to 2024-01-24 23:00:00"),
    ([], np.concatenate([VALUES] * 9), "has 18 columns beside the time, and at most 16"),
    (["--minutes", "0"], VALUES, "minutes must be positive"),
    (["--size", "8"], VALUES, "--size belongs to 'train pictures'"),
])
def test_what_cannot_be_learnt(tmp_path, capsys, more, values, message):
    file = write(tmp_path / "file.csv", values, "abcdefghijklmnopqr"[:len(values)])
    assert main(["train", "series", "--data", file, "--folder", str(tmp_path), *more]) == 2
    assert message in capsys.readouterr().err


def test_training_needs_a_file(capsys):
    assert main(["train", "series"]) == 2
    assert "give --data FILE.csv" in capsys.readouterr().err
