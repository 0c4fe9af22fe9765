"""Goals of chapter 9 are met or missed by what is measured, and the record of its figures keeps what is kept."""

from __future__ import annotations

import pytest
import text_bars
import text_figures
import torch
from text_model import untaught

from diffusion_utils.data.text import TextWindows, load_shakespeare
from diffusion_utils.data.text import files as text_files
from diffusion_utils.discrete import absorbing
from diffusion_utils.schedules import straight

GOOD = {"real_words": 0.8, "judge_bits": 2.4, "entropy": 4.5, "longest_copy": {"median": 16.0, "most": 30}}


@pytest.fixture(autouse=True)
def shipped(monkeypatch, tmp_path):
    """The beginning of the texts, as without folder and network."""
    monkeypatch.delenv("DIFFUSION_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(text_files, "fetch_file", lambda *given: "no network")


@pytest.mark.parametrize(("change", "missed"), [
    ({}, []), ({"real_words": 0.7}, ["more words"]), ({"real_words": None}, ["words", "more words"]),
    ({"judge_bits": 2.0}, ["judge"]), ({"judge_bits": 3.1}, ["judge"]), ({"entropy": 4.4}, ["entropy"]),
    ({"longest_copy": {"median": 25.0, "most": 30}}, ["copies"]), ({"longest_copy": {"median": 9.0, "most": 60}}, ["copies"]),
])
def test_texts_are_judged_by_all_figures_together(change, missed):
    met = text_bars.judged(GOOD | change)["met"]
    assert [goal for goal, reached in met.items() if not reached] == missed and len(met) == 5


def test_a_word_that_is_not_kept_is_blank_and_so_is_the_space_between_two():
    blank = "_" * len("Didst thou not say he comes?")
    assert text_figures.pattern(0) == f"BAPTISTA:\n{blank}\n"
    assert text_figures.pattern(0b111111) == "BAPTISTA:\nDidst thou not say he comes?\n"
    assert text_figures.pattern(0b000101) == "BAPTISTA:\nDidst ____ not _____________\n"
    assert text_figures.pattern(0b110000) == "BAPTISTA:\n__________________ he comes?\n"


def test_lines_keep_their_words_and_paths_end_in_text():
    checkpoint, sampler = untaught(), text_figures.samplers(2)["random"]
    part = text_figures.kept_lines(checkpoint, sampler, range(40, 43))
    assert part["first"] == 40 and len(part["texts"]) == 3
    for kept, lines in zip(range(40, 43), part["texts"], strict=True):
        wanted = text_figures.pattern(kept).removeprefix(text_figures.SPEAKER).removesuffix("\n")
        assert len(set(lines)) == text_figures.DRAWS
        for line in lines:
            assert len(line) == len(wanted) and "_" not in line
            assert all(letter == asked for letter, asked in zip(line, wanted, strict=True) if asked != "_")
    texts = text_figures.path(checkpoint, text_figures.samplers(4)["remasking"], 2)["texts"]
    assert len(texts) == text_figures.DRAWS and all(len(path) == 3 for path in texts)
    assert set(texts[0][0]) == {"_"} and "_" not in texts[0][-1] and 0 < texts[0][1].count("_") < 128


def test_two_estimates_of_one_bound_agree_and_are_told_apart_where_they_differ(monkeypatch):
    """The network's letters do not depend on each other, so that both are exact for every T."""
    checkpoint, limit = untaught(), absorbing(65)
    few = TextWindows(load_shakespeare("test").tokens[:2048], load_shakespeare("test").alphabet, 128, 128)
    coarse = text_bars.apart(checkpoint, limit, straight(2), few, 16)
    assert coarse["met"] == {"not below": True} and coarse["rows"] == 16
    assert text_bars.apart(checkpoint, limit, straight(1000), few, 16)["met"] == {"not below": True, "there": True}
    bound = text_bars.bound
    monkeypatch.setattr(text_bars, "bound", lambda *given, **how: bound(*given, **how) / 2)
    assert text_bars.apart(checkpoint, limit, straight(1000), few, 16)["met"] == {"not below": False, "there": False}


def test_held_out_text_is_compared_on_the_same_windows(monkeypatch):
    train, test = load_shakespeare("train"), load_shakespeare("test")
    checkpoint = untaught()
    checkpoint.net.head.weight.data.zero_()  # every letter is as likely as any other
    found = text_bars.held_out(checkpoint, absorbing(65), None, train, test, 16, range(1, 3))
    assert found["network"]["bits_per_letter"] == pytest.approx(float(torch.tensor(65.0).log2()), rel=0.2)
    assert 4 < found["n-grams"]["1"]["bits_per_letter"] < 5.5 and found["n-grams"]["1"]["rows"] == 16
    assert found["met"] == {"reach": False, "ambitious": False}
