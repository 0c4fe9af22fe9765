"""What is measured of waves, each against a case in which the answer is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diffusion_utils import checkpoints
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.metrics import speech as measures
from diffusion_utils.metrics.frechet import feature_statistics, features_of
from diffusion_utils.metrics.speech import (
    accuracies,
    aligned,
    band_levels,
    checked_waves,
    copies,
    damages,
    evaluate,
    heard,
    hiss,
    ladder,
    likeness,
    log_spectral_distance,
    low_passed,
    seconds_spoken,
    snr,
)
from diffusion_utils.networks import SpeechJudge
from diffusion_utils.sound import at_loudness


@pytest.fixture(scope="module")
def words(few) -> torch.Tensor:
    return few.placed(torch.arange(len(few)))


@pytest.fixture
def judges(few, words, tmp_path, monkeypatch) -> SpeechJudge:
    """Two that have learnt nothing, in place of the shipped ones."""
    torch.manual_seed(0)
    net = SpeechJudge(width=8).eval()
    mean, covariance = feature_statistics(features_of(net.digit, words)[0])
    tensors = checkpoints.half(net) | {"features.mean": mean.float(), "features.covariance": covariance.float()}
    for name in ("JUDGE", "SECOND"):
        card = {"name": name.lower(), "config": {"network": {"kind": "speech-judge", "width": 8}}}
        monkeypatch.setattr(measures, name, str(checkpoints.save(tmp_path, card, tensors)))
    return checkpoints.load(tmp_path / "judge.json", "cpu").net


def test_accuracy_is_the_share_of_what_was_asked_for(judges, words):
    digits, voices = heard(judges, words)
    cond = {"digit": digits.clone(), "speaker": voices.clone()}
    assert accuracies(judges, words, cond) == {"digit": 1, "speaker": 1, "both": 1}
    cond["digit"][:15] = (cond["digit"][:15] + 1) % 10
    cond["speaker"][10:30] = (cond["speaker"][10:30] + 1) % 6
    found, n = accuracies(judges, words, cond), len(words)
    assert [found[name] for name in ("digit", "speaker", "both")] == pytest.approx([1 - 15 / n, 1 - 20 / n, 1 - 30 / n])


def test_what_is_louder_counts_the_same(words):
    waves = checked_waves(words * 0.02 + 0.001)
    torch.testing.assert_close(waves, at_loudness(words), rtol=0, atol=1e-3)
    for wrong in (words[:1], words[:, 0], words * float("nan")):
        with pytest.raises(ValueError, match="waves must be finite"):
            checked_waves(wrong)


def test_a_band_that_is_missing_is_found(words):
    off = band_levels(low_passed(words)) - band_levels(words)
    assert float(off[:20].abs().max()) < 0.2 and float(off[-5:].max()) < -10


def test_hiss_is_heard_within_a_word_and_beside_it(words):
    """Pitfall 10 (Harmonai-org/sample-generator #31): noise at −40 dB, which no judge minds."""
    noise = 0.01 * torch.randn(words.shape, generator=torch.Generator().manual_seed(0))
    real, noisy = hiss(words), hiss(words + noise)
    assert real["beside"] < -55 and noisy["beside"] == pytest.approx(-40, abs=2)
    assert noisy["within"] > real["within"]


def test_the_length_of_a_word_is_measured_wherever_it_stands(few):
    wave = torch.zeros(2, 1, 6144)
    wave[0, 0, 800:4000] = wave[1, 0, 2800:6000] = torch.sin(torch.arange(3200) / 3)
    assert seconds_spoken(wave).tolist() == pytest.approx([0.4, 0.4], abs=0.03)


def test_a_copy_is_known_in_another_place_and_upside_down(few):
    rows = torch.arange(8)
    starts = (6144 - few.lengths[rows]) // 160 * 80  # whole hops, so that spectra are the same
    moved = -few.placed(rows, starts)
    torch.testing.assert_close(aligned(moved), aligned(few.placed(rows, torch.zeros(8, dtype=torch.int64))), rtol=0, atol=0.1)
    torch.testing.assert_close(likeness(moved[:, 0], few.waves[rows]), torch.ones(8), rtol=0, atol=1e-3)
    half = replace(few, **{name: getattr(few, name)[30:] for name in ("waves", "lengths", "digits", "speakers")})
    train = replace(few, **{name: getattr(few, name)[:30] for name in ("waves", "lengths", "digits", "speakers")})
    found = copies(moved, train, half)
    assert found["ratio"] < 0.2 and found["likeness_most"] > 0.99
    assert {line["training_word"] for line in found["worst"]} <= set(range(8))
    other = copies(half.placed(torch.arange(len(half))), train, half)
    assert other["ratio"] == pytest.approx(1) and other["likeness_median"] < 0.9


def test_signal_to_error_is_measured_in_the_gap_alone():
    truth, mask = torch.ones(2, 1000), gap(1000, 300, 100)
    filled = truth.clone()
    filled[0, 300:400] = 0.9
    filled[1, 300:400] = 0
    filled[:, :300] = 7
    assert snr(truth, filled, mask.expand(2, -1)).tolist() == pytest.approx([20, 0], abs=1e-3)


def test_spectra_in_a_gap_are_compared_in_decibels(words):
    mask = gap(6144, 3000, 400).expand(len(words), -1)
    truth = words[:, 0] + 0.1 * torch.randn(words[:, 0].shape, generator=torch.Generator().manual_seed(0))
    assert float(log_spectral_distance(truth, truth, mask).max()) == 0
    louder = log_spectral_distance(truth, truth * 10**0.5, mask)
    torch.testing.assert_close(louder, torch.full_like(louder, 10.0), rtol=0, atol=0.1)
    elsewhere = torch.where(torch.arange(6144) < 2000, 5.0, truth)
    assert float(log_spectral_distance(truth, elsewhere, mask).max()) == 0


def test_damages_are_what_their_names_say(few, words):
    found = damages(few)
    assert torch.equal(found["backwards"].flip(-1), words) and len(found["one voice"]) == int((few.speakers == 0).sum())
    error = (found["noise at 10 dB"] - words).square().mean((1, 2))
    assert (10 * torch.log10(error)).tolist() == pytest.approx([-10] * len(words), abs=0.3)
    spectrum = torch.fft.rfft(found["nothing above 2 kHz"]).abs()
    assert float(spectrum[..., 1600:].max()) < 1e-2 < float(spectrum[..., :1500].max())


def test_the_ladder_begins_at_nothing(judges, few):
    found = ladder(measures.SpeechYardstick("cpu"), few)
    assert found["real"]["fd"] == pytest.approx(0, abs=1e-2) and found["white noise"]["fd"] > found["real"]["fd"]
    assert set(found["one voice"]) == {"fd", "digit", "speaker", "both"}


def test_all_figures_stand_beside_those_of_real_words(judges, few, words):
    cond = few.condition(torch.arange(len(few)))
    found = evaluate(words, cond, calls=80, device="cpu", load=lambda split: few)
    assert found["fd"] == pytest.approx(found["floor_test"], abs=1e-2) and found["calls"] == 80 and found["n"] == len(few)
    assert found["accuracy"] == found["accuracy_test"] and set(found["accuracy"]) == {"a", "b"}
    assert found["recall"] == 1 and found["worst_band_db"] == pytest.approx(0, abs=0.1)
    assert found["copies"]["median"] == pytest.approx(0, abs=1e-3)
    assert evaluate(words, None, device="cpu", load=lambda split: few)["accuracy"] == {}
