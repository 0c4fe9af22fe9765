"""Goals of chapter 10 are met or missed by what is measured."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import speech_bars
import torch

from diffusion_utils.data.speech import LENGTH, speech_data
from diffusion_utils.data.speech.files import shipped
from diffusion_utils.linear_prediction import fill_gaps

GOOD = {"accuracy": {"a": {"digit": 0.95, "speaker": 0.94}, "b": {"digit": 0.94, "speaker": 0.93}}, "fd": 1.9, "recall": 0.7,
        "copies": {"ratio": 0.97, "likeness_most": 0.9}, "hiss_db": {"within": -32.0, "beside": -55.0},
        "hiss_test_db": {"within": -34.0, "beside": -60.0}, "worst_band_db": -2.0}


@pytest.mark.parametrize(("place", "value", "missed"), [
    ((), None, []), (("accuracy", "b", "digit"), 0.9, ["more digits"]),
    (("accuracy", "a", "digit"), 0.8, ["digits", "more digits"]),
    (("accuracy", "b", "speaker"), 0.79, ["voices", "more voices"]), (("fd",), 4.5, ["distance", "shorter distance"]),
    (("recall",), None, ["recall", "more recall"]), (("copies", "ratio"), 0.7, ["no copies", "farther from copies"]),
    (("copies", "likeness_most"), 0.99, ["farther from copies"]), (("hiss_db", "within"), -27.0, ["hiss", "less hiss"]),
    (("hiss_db", "beside"), -40.0, ["hiss", "less hiss"]), (("worst_band_db",), -7.0, ["spectrum", "closer spectrum"]),
])
def test_a_goal_is_missed_by_what_it_asks_for_alone(place, value, missed):
    figures = deepcopy(GOOD)
    if place:
        *path, last = place
        part = figures
        for name in path:
            part = part[name]
        part[last] = value
    assert [goal for goal, met in speech_bars.judged(figures).items() if not met] == missed


def test_all_digits_and_voices_are_asked_for_equally_often():
    cond = speech_bars.asked(120)
    pairs = list(zip(cond["digit"].tolist(), cond["speaker"].tolist(), strict=True))
    assert len(set(pairs)) == 60 and all(pairs.count(pair) == 2 for pair in pairs)


def test_gaps_lie_in_the_loud_part_of_words_and_are_filled_by_prediction_better_than_by_silence():
    data = speech_data(shipped(), range(60), "few")
    waves, masks = speech_bars.chosen_gaps(data, 0.01, 12)
    assert waves.shape == masks.shape == (12, LENGTH) and (masks == 0).sum(1).tolist() == [80] * 12
    simple = torch.stack([torch.from_numpy(fill_gaps(np.asarray(w), np.asarray(m))).float()
                          for w, m in zip(waves, masks, strict=True)])
    assert float(speech_bars.snr(waves, simple, masks).mean()) > 2 > 0.1 > float(
        speech_bars.snr(waves, masks * waves, masks).abs().max())
