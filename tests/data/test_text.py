"""Texts: what is held out, letters and numbers, names that end and stay ended, and files of one's own."""

from __future__ import annotations

import os

import pytest
import torch

from diffusion_utils.data import DataError, load_data
from diffusion_utils.data.text import (
    END,
    SHAKESPEARE_ALPHABET,
    Alphabet,
    alphabet_of,
    files,
    load_names,
    load_shakespeare,
    load_text,
    names_of,
    split_text,
)
from diffusion_utils.data.text.letters import UNKNOWN


@pytest.fixture
def at_home(monkeypatch, tmp_path):
    """Neither folder nor network."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(files, "fetch_file", lambda *given: "no network")


def test_the_last_tenth_is_held_out_and_no_window_has_a_part_of_both(at_home):
    train, test = load_shakespeare("train"), load_shakespeare("test")
    whole = train.text + test.text
    assert len(test.tokens) == len(whole) // 10 and split_text(whole, "train") == train.text
    assert len(train) == len(train.tokens) - 127 and len(test) == len(test.tokens) // 128
    last = train.x0(torch.tensor([len(train) - 1]))
    assert train.alphabet.decode(last[0]) == train.text[-128:]
    rows = test.x0(torch.arange(2))
    assert test.alphabet.decode(rows.flatten()) == test.text[:256]
    assert train.condition(torch.arange(2)) is None and train.sha256 != test.sha256


@pytest.mark.skipif("DIFFUSION_DATA" not in os.environ, reason="the whole file is needed")
def test_the_whole_of_shakespeare():
    train = load_shakespeare("train")
    assert len(train.tokens) == 1_003_855 and len(load_shakespeare("test")) == 871
    assert len(load_names("train")) == 26_545 and len(load_names("test")) == 2949


def test_letters_come_back_from_their_numbers():
    text = "To be, or not to be:\nthat is the question."
    assert SHAKESPEARE_ALPHABET.decode(SHAKESPEARE_ALPHABET.encode(text)) == text
    assert len(SHAKESPEARE_ALPHABET) == 65 and SHAKESPEARE_ALPHABET.encode("").shape == (0,)
    with pytest.raises(ValueError, match="unknown character 'ß'"):
        SHAKESPEARE_ALPHABET.encode("Maß")
    with pytest.raises(ValueError, match="must lie in 0…64, got 0…65"):
        SHAKESPEARE_ALPHABET.decode(torch.tensor([0, 65]))
    with pytest.raises(ValueError, match="each character once"):
        Alphabet("aba")


def test_rare_characters_share_one_number():
    letters = alphabet_of("aaabbbccd€", most=4)
    assert letters.letters == "abc" + UNKNOWN
    assert letters.decode(letters.encode("d€ab")) == f"{UNKNOWN}{UNKNOWN}ab"
    assert alphabet_of("hällo").letters == "hloä"


def test_names_end_and_stay_ended_and_no_name_is_on_both_sides(at_home):
    train, test = load_names("train"), load_names("test")
    ended = (train.values == END).long()
    assert bool((ended.diff(dim=1) >= 0).all()) and bool((ended[:, -1] == 1).all()) and train.shape == (16,)
    assert not set(names_of(train.values)) & set(names_of(test.values))
    both = names_of(train.values) + names_of(test.values)
    assert len(set(both)) == len(both) and len(test) == len(both) // 10


def test_a_name_that_goes_on_after_its_end_shows_it():
    rows = torch.full((2, 16), END)
    rows[:, :2] = torch.tensor([4, 12])
    rows[1, 5] = 0
    assert names_of(rows) == ["em", "em...a"]


def test_without_folder_and_network_the_beginning_is_used_with_a_notice(at_home, capsys):
    assert load_shakespeare("train").source == "shipped" and load_names("test").source == "shipped"
    files._load.cache_clear()
    load_shakespeare("train")
    assert "no network" in capsys.readouterr().err


def test_a_folder_without_the_file_is_an_error_and_so_is_an_altered_one(monkeypatch, tmp_path):
    monkeypatch.setenv("DIFFUSION_DATA", str(tmp_path))
    with pytest.raises(DataError, match="Unset DIFFUSION_DATA"):
        load_shakespeare("train")
    (tmp_path / "tinyshakespeare.txt").write_text("First Citizen")
    with pytest.raises(DataError, match="truncated or altered"):
        load_shakespeare("train")


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xef\xbb\xbf" + ("Grüße aus Ulm.\r\n" * 400).encode())
    train, test = (load_data({"name": "text", "file": str(path)}, split) for split in ("train", "test"))
    assert train.text.startswith("Grüße aus Ulm.\nGrüße") and len(train.alphabet) == len(set("Grüße aus Ulm.\n"))
    assert len(test.tokens) == 600 and train.name == "notes-train"


def test_what_is_no_text_of_ones_own(tmp_path):
    path = tmp_path / "old.txt"
    path.write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(DataError, match="not text in UTF-8: byte 2"):
        load_text("train", str(path))
    (tmp_path / "short.txt").write_text("brief")
    with pytest.raises(DataError, match="holds 5 characters; at least 2560"):
        load_text("train", str(tmp_path / "short.txt"))
    with pytest.raises(DataError, match="cannot be read"):
        load_text("train", str(tmp_path / "none.txt"))
    with pytest.raises(ValueError, match="split must be"):
        split_text("abc", "validation")
