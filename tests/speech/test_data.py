"""Spoken digits: how many, how loud, where in the window; the official split; and what is wrong with files is said."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_utils.data import DataError, load_data
from diffusion_utils.data import speech as of_speech
from diffusion_utils.data.speech import (
    GAIN,
    LENGTH,
    SPEAKERS,
    EmphasisCodec,
    SpeechData,
    load_speech,
    speech_data,
    stretched,
    to_wave,
)
from diffusion_utils.data.speech import files as files_of_speech
from diffusion_utils.data.speech.files import NAMES, contents_sha256, digest_of, pack, parsed, shipped, unpack
from diffusion_utils.data.wav import wav_bytes
from diffusion_utils.sound import RATE, active_rms, at_loudness

FOLDER = Path(of_speech.__file__).parent


@pytest.fixture
def alone(monkeypatch, tmp_path) -> Path:
    """Neither folder nor network: the cache where a download would lie."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(of_speech, "fetch_file", lambda *given: "no network")
    return tmp_path / "diffusion_utils"


def whole(split: str) -> SpeechData:
    """All recordings, where they are at hand."""
    try:
        data = load_speech(split)
    except DataError as error:
        pytest.skip(str(error))
    if data.name == "speech-sample":
        pytest.skip("the 3,000 recordings are not at hand")
    return data


# --- All of them


@pytest.mark.parametrize(("split", "kept", "left_out"), [("train", 2634, 66), ("test", 293, 7)])
def test_every_recording_is_in_its_part_or_counted(split, kept, left_out):
    """Pitfall 3: clips that do not fit a window vanish without a word in lmnt-com/diffwave #5."""
    data = whole(split)
    assert (len(data), data.left_out) == (kept, left_out)
    assert f"{left_out} of {kept + left_out} recordings are longer than 0.768 s" in data.told
    assert int(data.lengths.max()) <= LENGTH
    cells = Counter(zip(data.digits.tolist(), data.speakers.tolist(), strict=True))
    assert len(cells) == 60 and max(cells.values()) == (45 if split == "train" else 5)


def test_the_parts_are_apart_and_swapped_for_the_second_judge():
    train, test = whole("train"), whole("test")
    assert load_speech("train", swapped=True).sha256 == test.sha256 != train.sha256
    assert load_speech("test", swapped=True).sha256 == train.sha256
    rows = {wave.numpy().tobytes() for wave in train.waves}
    assert len(rows) == len(train) and not any(wave.numpy().tobytes() in rows for wave in test.waves)


def test_all_speakers_are_equally_loud():
    """Pitfall 5: they were recorded 23 dB apart (r9y9/wavenet_vocoder #137)."""
    data = whole("train")
    level = 20 * torch.log10(active_rms(data.placed(torch.arange(len(data)))[:, 0]))
    for speaker in range(len(SPEAKERS)):
        assert abs(float(level[data.speakers == speaker].mean())) < 0.1
    assert float(level.abs().max()) < 0.5  # a frame near −20 dB may count in one place and not in another
    raw = [at_loudness(torch.from_numpy(w).double(), 1).abs().max() for w in shipped().waves[:2]]
    assert max(raw) > 3  # peaks are no measure of loudness


def test_what_the_network_sees_has_variance_one_and_no_offset():
    """Pitfall 7 (Stability-AI/stable-audio-tools #62)."""
    x = whole("train").x0(torch.arange(0, 2634, 3))
    assert float(x.std()) == pytest.approx(1, abs=0.03) and float(x.mean()) == pytest.approx(0, abs=1e-3)


# --- Windows


def test_a_window_is_a_word_in_silence_at_its_own_place(few):
    rows = torch.arange(len(few))
    x = few.placed(rows)
    assert x.shape == (len(few), 1, LENGTH) and few.shape == (1, LENGTH) and few.clip is None
    assert torch.equal(x, few.placed(rows)) and torch.equal(few.placed(rows[7:8])[0], x[7])
    starts = torch.tensor([0, 5])
    for wave, window, start, n in zip(few.waves, few.placed(torch.arange(2), starts)[:, 0], starts, few.lengths, strict=False):
        assert torch.equal(window[start:start + n], wave[:n]) and window[:start].abs().sum() == 0
        assert window[start + n:].abs().sum() == 0
    first = [int((window[0] != 0).nonzero()[0]) for window in x]
    assert len({start // 500 for start in first}) > 5, "places differ"
    for wrong in (-1, int(LENGTH - few.lengths[0] + 1)):
        with pytest.raises(ValueError, match="begin at 0 or later and end within"):
            few.placed(torch.tensor([0]), torch.tensor([wrong]))


def test_the_network_sees_an_emphasised_wave_and_the_way_back_is_exact(few):
    rows = torch.arange(9)
    x, y = few.placed(rows), few.x0(rows)
    torch.testing.assert_close(y[..., 1:], GAIN * (x[..., 1:] - 0.9 * x[..., :-1]))
    torch.testing.assert_close(to_wave(y), x, rtol=0, atol=1e-5)  # float32, summed over some tens of samples
    codec = EmphasisCodec()
    assert torch.equal(codec.encode(x), y) and torch.equal(codec.decode(y), to_wave(y))


def test_words_to_learn_from_are_whole_wherever_they_begin_and_however_fast(few):
    rows = torch.arange(len(few)).repeat(4)
    x = few.varied(rows, torch.Generator().manual_seed(0))[:, 0]
    assert torch.equal(x, few.varied(rows, torch.Generator().manual_seed(0))[:, 0])
    assert not torch.equal(x, few.varied(rows, torch.Generator().manual_seed(1))[:, 0])
    # as much sound as before, but for the share by which it is faster or slower
    share = x.square().sum(1) / few.waves[rows].square().sum(1)
    assert 0.95 < float(share.min()) < 0.97 and 1.03 < float(share.max()) < 1.05
    loud = x.abs() > 0.3
    begin = loud.float().argmax(1)
    assert float(begin.float().std()) > 400, "the silence before a word says nothing"
    sums = (x**3).sum(1) / (few.waves[rows] ** 3).sum(1)
    assert 0.35 < float((sums < 0).double().mean()) < 0.65, "half of them are upside down"


def test_a_word_that_fills_the_window_is_not_cut_by_being_slow(few):
    full = replace(few, waves=few.waves[:1].clone().fill_(0.5), lengths=torch.tensor([LENGTH]))
    for seed in range(6):
        x = full.varied(torch.tensor([0]), torch.Generator().manual_seed(seed))[0, 0].abs()
        assert 5890 < int((x > 0.3).sum()) <= LENGTH  # it may be shorter by 4 %, never longer


@pytest.mark.parametrize("length", [5900, 6144, 6301])
def test_a_faster_tone_is_higher_by_as_much(length):
    n = 6144
    wave = torch.sin(2 * torch.pi * 100 * torch.arange(n, dtype=torch.float64) / n)  # a hundred turns
    found, wanted = stretched(wave, length), torch.sin(2 * torch.pi * 100 * torch.arange(n, dtype=torch.float64) / length)
    wanted[length:] = 0
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


# --- Without data


def test_the_package_brings_one_of_each_digit_and_speaker(alone, capsys):
    few = load_speech("test")
    assert len(few) + few.left_out == 60 and few.name == "speech-sample"
    assert "Using the 60 recordings that the package brings" in capsys.readouterr().err
    assert len(set(zip(few.digits.tolist(), few.speakers.tolist(), strict=True))) == len(few)


def test_recordings_in_the_package_are_those_of_the_folder():
    data, few = whole("test"), shipped()
    rows = {wave.numpy().tobytes() for wave in data.waves}
    mine = speech_data(few, range(60), "few")
    assert all(wave.numpy().tobytes() in rows for wave in mine.waves)
    seven = [k for k in range(len(mine)) if (int(mine.digits[k]), SPEAKERS[mine.speakers[k]]) == (7, "theo")]
    there = [k for k in range(len(data)) if (int(data.digits[k]), SPEAKERS[data.speakers[k]]) == (7, "theo")]
    assert mine.waves[seven[0]].numpy().tobytes() in {data.waves[k].numpy().tobytes() for k in there}


def test_the_licence_lies_beside_the_recordings():
    notice = (FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    for word in ("clips.xz", "Zohar Jackson", "CC BY-SA 4.0", "github.com/Jakobovski", "LICENSE-CC-BY-SA-4.0.txt"):
        assert word in notice
    assert "Attribution-ShareAlike 4.0" in (FOLDER / "LICENSE-CC-BY-SA-4.0.txt").read_text(encoding="utf-8")
    assert files_of_speech.CLIPS.stat().st_size < 264_000


def test_packing_loses_nothing():
    waves = [np.array([5, -32768, 32767, 0], np.int16), np.arange(-50, 50, dtype=np.int16), np.zeros(1, np.int16)]
    found = unpack(pack(waves))
    assert all(np.array_equal(a, b) and a.dtype == np.int16 for a, b in zip(found, waves, strict=True))


# --- Files


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"free-spoken-digit-dataset-1.0.10/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture(scope="module")
def made_up() -> dict[str, bytes]:
    """All 3,000 files, each with a short tone of its own."""
    turns = np.arange(500) / 10
    return {name: wav_bytes(0.5 * np.sin(turns * (1 + k / 3000)), RATE) for k, name in enumerate(NAMES)}


def test_a_download_is_known_by_its_contents_whoever_packed_it(made_up, alone, monkeypatch):
    content = archive({"README.md": b"hello"} | {f"recordings/{name}": content for name, content in made_up.items()})
    again = archive({f"recordings/{name}": content for name, content in reversed(made_up.items())})
    assert content != again and contents_sha256(content) == contents_sha256(again) == digest_of(made_up)
    monkeypatch.setattr(files_of_speech, "SHA256", digest_of(made_up))
    cached = alone / "speech_digits" / "v1.0.10.tar.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    assert (len(load_speech("train")), len(load_speech("test"))) == (2700, 300)
    with pytest.raises(OSError, match="no whole archive"):
        contents_sha256(content[:5000])


def test_one_recording_too_many_or_too_few_is_an_error(made_up):
    """Pitfall 13: a file more than there should be went unnoticed (free-spoken-digit-dataset #8)."""
    with pytest.raises(DataError, match="1 too many, such as 7_theo_50.wav"):
        parsed(made_up | {"7_theo_50.wav": made_up[NAMES[0]]}, "a folder")
    with pytest.raises(DataError, match="2 are missing, such as 0_george_0.wav"):
        parsed(dict(list(made_up.items())[2:]), "a folder")
    with pytest.raises(DataError, match="truncated or altered"):
        parsed(made_up, "a folder")


def test_a_folder_without_recordings_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path))
    with pytest.raises(DataError, match="spoken digits are missing under DIFFUSION_DATA"):
        load_data("speech", "train")
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'tost'"):
        load_data("speech", "tost")
