"""Speech through the command line: said, repaired, or refused in one line, with no file half written."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_utils.__main__ import main
from diffusion_utils.commands.repair import clipped, gaps_asked
from diffusion_utils.data import DataError
from diffusion_utils.data.wav import read_wav, write_wav

RNG = np.random.default_rng(0)


def speech_like(seconds: float, rate: int) -> np.ndarray:
    """A voice of 120 Hz that comes and goes."""
    t = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * 3 * t) ** 2 * sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 9))


@pytest.fixture
def said(runs, tmp_path):
    """A command on the small checkpoint → its exit status."""
    return lambda *words: main([*map(str, words), "--checkpoint", str(runs / "speech-waveform"), "--device", "cpu"])


def test_words_are_said_one_after_the_other(said, tmp_path, capsys):
    out = tmp_path / "seven.wav"
    assert said("sample", "--label", 7, "--voice", "theo", "--n", 4, "--out", out) == 0
    x, rate = read_wav(out)
    assert rate == 8000 and x.shape == (1, 4 * 6144) and 0 < np.abs(x).max() <= 1
    assert "4 words of speech-waveform written" in capsys.readouterr().out
    again = tmp_path / "again.wav"
    assert said("sample", "--label", 7, "--voice", "theo", "--n", 4, "--out", again) == 0
    assert out.read_bytes() == again.read_bytes()
    for words in (["--label", 7, "--voice", "lucas"], ["--label", 2, "--voice", "theo"], [], ["--voice", "all"],
                  ["--label", "all", "--guidance", 1]):
        assert said("sample", *words, "--n", 2, "--out", again) == 0 and out.read_bytes() != again.read_bytes()
    assert said("sample", "--n", 2, "--out", tmp_path / "x.npy") == 0 and np.load(tmp_path / "x.npy").shape == (2, 1, 6144)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2)])
def test_a_gap_of_a_long_file_is_filled_and_all_else_is_kept(said, tmp_path, capsys, rate, channels):
    wave = np.stack([speech_like(2.5, rate) * (1 - 0.3 * c) for c in range(channels)])
    file, out = tmp_path / "long.wav", tmp_path / "repaired.wav"
    write_wav(file, wave, rate)
    before, _ = read_wav(file)
    assert said("repair", file, "--gap", "1.30:1.35", "--out", out) == 0
    after, found = read_wav(out)
    assert found == rate and after.shape == before.shape
    changed = np.flatnonzero((after != before).any(0))
    assert changed.min() >= round(1.3 * rate) and changed.max() < round(1.35 * rate) and len(changed) > 0.04 * rate
    text = capsys.readouterr().out
    assert ("nothing above 4,000 Hz" in text) == (rate != 8000) and "filled in" in text
    step = np.abs(np.diff(after, axis=1))[:, changed.min() - 1:changed.max() + 1].max()
    assert step < 1.5, "finite, and no jump through the whole range"


def test_what_is_clipped_reaches_farther_and_nothing_else_changes(said, tmp_path, capsys):
    wave = 2 * speech_like(1.2, 8000)
    level = 0.5 * np.abs(wave).max()
    file, out = tmp_path / "loud.wav", tmp_path / "mended.wav"
    write_wav(file, np.clip(wave, -level, level), 8000)
    before, _ = read_wav(file)
    assert said("repair", file, "--clipped", "--out", out) == 0
    after = read_wav(out)[0] * (1 if "softer" not in (text := capsys.readouterr().out) else
                                10 ** (float(text.split("whole file is ")[1].split(" dB")[0]) / 20))
    missing = clipped("loud.wav", before)
    assert np.abs(after - before)[~missing].max() < 0.02 * level
    assert (np.abs(after)[missing] > 0.98 * np.abs(before)[missing]).all()
    assert (np.sign(after) == np.sign(before))[missing].all()


def test_silence_stays_silence(said, tmp_path):
    file, out = tmp_path / "silence.wav", tmp_path / "out.wav"
    write_wav(file, np.zeros(8000), 8000)
    assert said("repair", file, "--gap", "0.3:0.4", "0.6:0.65", "--out", out) == 0
    assert np.abs(read_wav(out)[0]).max() == 0


def test_only_flat_tops_are_clipped():
    wave = speech_like(0.5, 8000)
    with pytest.raises(DataError, match="nothing in x.wav is clipped"):
        clipped("x.wav", np.stack([wave, wave / 2]))
    flat = np.clip(wave, -0.1, 0.1)
    missing = clipped("x.wav", np.stack([wave, flat]))
    alone = np.abs(flat) > 0.0999
    assert not missing[0].any() and alone.sum() * 0.9 < missing[1].sum() <= alone.sum() and not (missing[1] & ~alone).any()
    gap = gaps_asked(["0.1:0.2", "0.3:0.3001"], np.stack([wave, flat]), 8000)
    assert gap.sum(1).tolist() == [801, 801]


@pytest.mark.parametrize(("words", "says"), [
    (["--gap", "0.3:0.35", "--clipped"], "--gap START:END, in seconds, or --clipped"), ([], "--gap START:END"),
    (["--gap", "0.3-0.35"], "such as 0.30:0.35, got '0.3-0.35'"), (["--gap", "0.9:1.2"], "within the 1.000 s of the file"),
    (["--gap", "0.5:0.5"], "end after it begins"), (["--gap", "0.1:0.7"], "longer than 0.3 s"),
    (["--clipped"], "is clipped"), (["--gap", "0.1:0.2", "--voice", "teo"], "Did you mean 'theo'"),
    (["--gap", "0.1:0.2", "--label", "12"], "must be a digit, 0…9")])
def test_what_cannot_be_repaired_is_said_in_one_line(said, tmp_path, capsys, words, says):
    file, out = tmp_path / "x.wav", tmp_path / "out.wav"
    write_wav(file, speech_like(1, 8000), 8000)
    assert said("repair", file, *words, "--out", out) == 2
    err = capsys.readouterr().err
    assert says in err and err.startswith("error: ") and err.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize(("words", "says"), [
    (["sample", "--out", "x.mp3"], "--out must end in"),
    (["sample", "--voice", "teo", "--out", "x.wav"], "Did you mean 'theo'"),
    (["sample", "--label", "ten", "--out", "x.wav"], "must be an integer or 'all'"),
    (["sample", "--label", "10", "--out", "x.wav"], "must be a digit, 0…9, or 'all', got 10"), (["sample"], "--out is needed"),
    (["sample", "--prompt", "seven", "--out", "x.wav"], "--prompt does nothing here"),
    (["sample", "--n", "0", "--out", "x.wav"], "n must be an integer ≥ 1"), (["sample", "--out", "x.png"], "must end in .wav"),
    (["sample", "--guidance", "2", "--out", "x.wav"], "--guidance needs a condition"),
    (["repair", "nothing.wav", "--gap", "0:0.1", "--out", "x.wav"], "nothing.wav"),
    (["repair", "broken.wav", "--gap", "0:0.1", "--out", "x.wav"], "broken.wav is no WAV file"),
    (["repair", "broken.wav", "--gap", "0:0.1", "--out", "x.flac"], "--out must end in .wav")])
def test_bad_input_is_said_in_one_line_and_writes_nothing(said, tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    assert said(*words) == 2
    err = capsys.readouterr().err
    assert says in err and err.startswith("error: ") and err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"broken.wav"}


def test_a_voice_is_asked_for_where_there_are_some(tmp_path, capsys):
    assert main(["sample", "--checkpoint", "mnist-unet", "--voice", "theo", "--out", str(tmp_path / "x.npy")]) == 2
    assert "--voice belongs to speech" in capsys.readouterr().err
    assert main(["repair", "x.wav", "--gap", "0:0.1", "--checkpoint", "mnist-unet", "--out", str(tmp_path / "x.wav")]) == 2
    assert "mnist-unet knows no speech" in capsys.readouterr().err
