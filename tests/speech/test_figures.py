"""The figures of chapter 10: words in noise from the package, and what a record of a checkpoint holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import speech_figures
import torch
from safetensors import torch as safetensors

from diffusion_utils import checkpoints
from diffusion_utils.chapters import speech_figures as figures
from diffusion_utils.data.speech import LENGTH, SPEAKERS
from diffusion_utils.schedules import cosine
from diffusion_utils.sound import active_rms
from diffusion_utils.widgets.sound_still import RMS, wave_of

SIZE = 500_000  # bytes of a figure, its code left out


def light(widget) -> bool:
    return widget.state_bytes() - len(widget._esm) - len(widget._css) < SIZE


def test_a_word_dissolves_at_every_t_in_noise_of_two_colours():
    widget = figures.dissolving(cosine(1000))
    assert [len(axis["values"]) for axis in widget.axes] == [1001, 4, 2] and light(widget)
    assert widget.readouts[0][1][0] == "∞ dB" and widget.readouts[0][1][1] == "43.8 dB"
    heard = [wave_of(widget.settings, widget.sounds, 8 * 1000 + kind) for kind in (0, 1)]  # t = T
    spectra = [np.abs(np.fft.rfft(x)) ** 2 for x in heard]
    low, high = (slice(50, 400), slice(2400, 3000))
    steeper, flat = (float(power[low].mean() / power[high].mean()) for power in spectra)
    assert steeper > 30 and 0.7 < flat < 1.4
    clean = wave_of(widget.settings, widget.sounds, 0)
    assert float(active_rms(torch.from_numpy(clean))) == pytest.approx(RMS, rel=0.01)


def test_waves_of_a_record_come_back():
    waves = torch.randn(3, 2, 500, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.01, 1, 30])[:, None, None]
    code, peaks = figures.as_bytes(waves)
    back = figures.as_waves({"w": code, "w_peaks": peaks}, "w")
    assert code.dtype == torch.uint8 and back.shape == (3, 2, 500)
    off = np.sqrt(((back - waves.numpy()) ** 2).mean(-1)) / waves.numpy().std(-1)
    assert off.max() < 0.02  # the μ-law keeps 38 dB


def test_a_record_has_paths_and_gaps_and_becomes_figures(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["speech_figures.py", "--quick", "--out", str(tmp_path), "--checkpoint",
                                     str(runs / "speech-waveform"), "--device", "cpu"])
    speech_figures.main()
    record = json.loads((tmp_path / "speech_figures.json").read_text(encoding="utf-8"))
    tensors = safetensors.load((tmp_path / "speech_figures.safetensors").read_bytes())
    assert record["path"]["times"][0] == 1000 and record["path"]["times"][-1] == 0
    widget = figures.from_noise(record, tensors)
    frames = len(record["path"]["times"])
    assert [len(axis["values"]) for axis in widget.axes] == [frames, 2, 2]
    state, estimate = (wave_of(widget.settings, widget.sounds, 4 * (frames - 1) + kind) for kind in (0, 1))
    np.testing.assert_array_equal(state, estimate)  # at t = 0 they are the same

    widget = figures.gaps(record, tensors)
    assert [axis["values"][0] for axis in widget.axes] == ["10 ms", "nine, jackson", "as it was"]
    words = figures.as_waves(tensors, "words")
    for g, samples in enumerate(record["gaps"]["samples"]):
        for w, start in enumerate(record["gaps"]["starts"][g]):
            true, erased, *filled = (wave_of(widget.settings, widget.sounds, 12 * g + 4 * w + way) for way in range(4))
            outside = np.r_[0:start, start + samples:LENGTH]
            assert np.abs(erased[start + 2:start + samples - 2]).max() < 1e-3 and words[w][start:start + samples].any()
            for x in (erased, *filled):  # each has a loudness of its own
                share = x[outside] @ true[outside] / (true[outside] @ true[outside])
                np.testing.assert_allclose(x[outside], share * true[outside], atol=0.03)  # steps of μ-law: 2 % each
    first = record["gaps"]["starts"][0][0]
    assert light(widget) and widget.settings["marks"][0] == [first, first + 80]


def test_words_over_a_training_are_named_as_the_look_asked_for_them(runs):
    card, snapshots = (read(runs / "speech-waveform") for read in (checkpoints.read_card, checkpoints.read_tensors))
    look = card["looks"][0]
    two = card | {"snapshot_steps": [2, 4], "looks": [look, look | {"step": 4, "digit": 0.5}]}  # as if it had gone on
    widget = figures.over_training(two, snapshots["snapshots"].repeat(2, 1, 1))
    assert widget.readouts[0][1][1] == "50 %" and widget.axes[0]["values"] == ["2", "4"] and light(widget)
    names = widget.axes[1]["values"]
    assert len(names) == len(figures.HEARD) == len(set(names))
    for name, k in zip(names, figures.HEARD, strict=True):
        place = 4 * k
        assert name == f"{figures.DIGITS[place % 10]}, {SPEAKERS[place // 10 % 6]}"
