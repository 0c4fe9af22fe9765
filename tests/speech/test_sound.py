"""Sound: spectra, loudness, pre-emphasis and bytes, each against what is known exactly."""

from __future__ import annotations

import math

import pytest
import torch

from diffusion_utils.sound import (
    RATE,
    active_rms,
    at_loudness,
    deemphasised,
    emphasised,
    from_mu_law,
    log_mel,
    mel,
    mel_filters,
    mel_power,
    stft,
    to_mu_law,
    to_play,
)

NOISE = torch.randn(3, 6144, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SECONDS = torch.arange(6144, dtype=torch.float64) / RATE


def tone(hertz: float) -> torch.Tensor:
    return math.sqrt(2) * torch.sin(2 * math.pi * hertz * SECONDS)  # of RMS 1


def test_a_spectrum_is_the_sum_that_defines_it():
    """Frame 5, centred at sample 400, bin 7, summed by hand."""
    n = torch.arange(256, dtype=torch.float64)
    window = torch.sin(math.pi * n / 256) ** 2
    part = window * NOISE[1, 400 - 128:400 + 128]
    by_hand = complex((part * torch.cos(2 * math.pi * 7 * n / 256)).sum(), -(part * torch.sin(2 * math.pi * 7 * n / 256)).sum())
    found = stft(NOISE)
    assert found.shape == (3, 129, 77) and complex(found[1, 7, 5]) == pytest.approx(by_hand, abs=1e-9)


def test_a_tone_is_heard_in_its_own_band():
    assert float(mel(1000)) == pytest.approx(1000, rel=1e-3)  # what the scale was made for
    for hertz in (300, 1000, 3000):
        power = mel_power(tone(hertz)).mean(-1)
        edges = torch.linspace(float(mel(60)), float(mel(4000)), 34)
        assert edges[power.argmax()] < mel(hertz) < edges[power.argmax() + 2]


def test_white_noise_has_as_much_in_a_band_as_that_is_wide():
    power, width = mel_power(NOISE).mean((0, 2)), mel_filters().sum(1) / 128
    torch.testing.assert_close(power, width.double(), rtol=0.3, atol=0)  # about 200 frames that overlap: 7 % each
    assert float(power.sum() / width.sum()) == pytest.approx(1, abs=0.05)


def test_neighbouring_bands_share_what_lies_between_them():
    inner = mel_filters()[:, 10:120].sum(0)
    torch.testing.assert_close(inner, torch.ones_like(inner))


def test_silence_is_the_floor():
    assert log_mel(torch.zeros(800)).unique().tolist() == pytest.approx([math.log(1e-5)])


def test_loudness_does_not_count_the_silence_around_a_word():
    word = tone(200)[:2000]
    padded = torch.cat([torch.zeros(2000), word, torch.zeros(2000)])
    assert 0.9 < float(active_rms(word)) < 1  # a frame that is half in silence is softer
    for before in (1000, 2000, 2013):
        assert float(active_rms(padded.roll(before - 2000))) == pytest.approx(float(active_rms(word)), rel=2e-3)
    assert float(padded.square().mean().sqrt()) < 0.6


def test_a_wave_becomes_equally_loud_and_loses_its_offset():
    levels = torch.tensor([0.007, 1.0, 30.0])[:, None]
    found = at_loudness(levels * NOISE + 5 * levels)
    torch.testing.assert_close(active_rms(found), torch.ones(3, dtype=torch.float64))
    assert found.mean(-1).abs().max() < 1e-9
    assert at_loudness(torch.zeros(500)).abs().max() == 0


def test_what_is_played_stays_within_the_loudspeakers_range():
    loud = torch.zeros(4000)
    loud[::100] = 30.0
    assert to_play(loud).abs().max() == 1 and torch.equal(to_play(tone(300)), 0.1 * tone(300))


@pytest.mark.parametrize("by", [0.0, 0.7, 0.9, 0.97])
def test_emphasis_is_undone(by):
    torch.testing.assert_close(deemphasised(emphasised(NOISE, by), by), NOISE, rtol=0, atol=1e-9)
    step = deemphasised(torch.eye(1, 300, dtype=torch.float64), by)[0]
    assert step[:4].tolist() == pytest.approx([1, by, by**2, by**3])


def test_emphasis_lifts_what_is_high():
    def gain(hertz):
        return float(emphasised(tone(hertz)).square().mean().sqrt())
    assert gain(100) == pytest.approx(abs(1 - 0.9 * complex(math.cos(0.0785), -math.sin(0.0785))), rel=0.02)
    assert gain(3900) > 1.85 and gain(100) < 0.15


def test_mu_law_gives_every_byte_back_and_is_finest_near_silence():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_mu_law(from_mu_law(every)), every)
    steps = from_mu_law(every).diff()
    assert float(steps.min()) < 2e-4 and 0.04 < float(steps.max()) < 0.05
    x = NOISE[0].float() * 0.1
    assert float((from_mu_law(to_mu_law(x)) - x).square().mean() / x.square().mean()) < 10 ** -3.5  # 35 dB
