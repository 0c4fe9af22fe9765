"""Mistakes that others made with sound, and that the core refuses or does not make."""

from __future__ import annotations

import pytest
import torch

from diffusion_utils.denoiser import Prediction, eps_from_x0
from diffusion_utils.guidance import sdedit_start
from diffusion_utils.sampling import SAMPLERS, Sampler, sample
from diffusion_utils.schedules import cosine, from_betas

FAST = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5]


@pytest.mark.parametrize(("betas", "left"), [
    (torch.linspace(1e-4, 0.05, 50, dtype=torch.float64), "0.5"), (torch.linspace(1e-4, 0.02, 200, dtype=torch.float64), "0.3"),
    (torch.tensor(FAST, dtype=torch.float64), "0.6")], ids=["50 steps", "200 steps", "6 steps"])
def test_schedules_that_leave_a_signal_are_refused(betas, left):
    """Pitfall 1: sampling began with pure noise, which these do not end in (lmnt-com/diffwave #27, #34)."""
    with pytest.raises(ValueError, match=f"{left}"):
        from_betas(betas)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_sampler_bounds_the_wave(name):
    """Pitfall 2: clamped to ±1 in each step, a third of the noise and all peaks of speech are lost."""
    schedule, wave = cosine(1000), 8 * torch.ones(1, 1, 64)

    def knows(x_t, t, cond=None):
        return Prediction(wave.expand_as(x_t), eps_from_x0(wave.expand_as(x_t), x_t, *schedule.at(t, like=x_t)))

    states = list(sample(knows, schedule, (1, 1, 64), Sampler(name, steps=20)))
    assert float(states[0].x_t.abs().max()) > 1.5
    torch.testing.assert_close(states[-1].x_t, wave, rtol=0, atol=1e-3)


def test_an_edit_begins_with_the_wave_and_noise_at_one_level():
    """Pitfall 8: noise that was scaled once more after it was added (huggingface/diffusers #10861) drowned the pitch."""
    schedule, tone = cosine(1000), 1.4 * torch.sin(torch.arange(6144) / 10)[None, None]
    start, times = sdedit_start(schedule, tone, strength=0.2, steps=40)
    signal, noise = (float(entry) for entry in schedule.at(times[0], like=tone))
    left = start - signal * tone
    assert float(left.std()) == pytest.approx(noise, rel=0.05) and 0.2 < noise < 0.4
    spectrum = torch.fft.rfft(start[0, 0]).abs()
    assert int(spectrum.argmax()) == int(torch.fft.rfft(tone[0, 0]).abs().argmax())
