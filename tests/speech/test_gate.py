"""The gate of a training on speech: what its looks must have found."""

from __future__ import annotations

import json

import pytest
import speech_gate

from diffusion_utils.data.wav import read_wav

GOOD = {"digit": 0.55, "speaker": 0.7, "both": 0.4, "worst_band_db": -4.0, "seconds": 1800.0}


@pytest.mark.parametrize(("change", "ends"), [({}, 0), ({"worst_band_db": 6.0}, 0), ({"digit": 0.39}, "the gate asks"),
                                              ({"worst_band_db": -6.5}, "the gate asks")])
def test_the_first_look_decides(tmp_path, monkeypatch, capsys, change, ends):
    (tmp_path / "look-006500.json").write_text(json.dumps(GOOD | change), encoding="utf-8")
    (tmp_path / "look-013000.json").write_text(json.dumps(GOOD), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["speech_gate", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        speech_gate.main()
    assert end.value.code == ends if ends == 0 else str(end.value.code).startswith(ends)
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("passed" if ends == 0 else "missed") and "step 13,000" in second


def test_before_the_first_look_it_says_when_that_comes_and_a_run_can_be_listened_to(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["speech_gate", str(tmp_path)])
    with pytest.raises(SystemExit, match="the first comes at step 6,500"):
        speech_gate.main()
    monkeypatch.setattr("sys.argv", ["speech_gate", str(runs / "speech-waveform"), "--wav", str(tmp_path / "heard.wav")])
    with pytest.raises(SystemExit):
        speech_gate.main()
    x, rate = read_wav(tmp_path / "heard.wav")
    assert rate == 8000 and x.shape == (1, 15 * 6144)
