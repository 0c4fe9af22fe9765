"""Sound as numbers: spectra as an ear hears them, loudness, pre-emphasis, and eight bits a sample.

A wave is float (…, L), L samples one after the other, `RATE` of them a second. Sources: Stevens et al. 1937 and O'Shaughnessy
1987 (mel), ITU-T P.56 (the level of speech while it is active), ITU-T G.711 (μ-law).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 8000  # samples a second, as on the telephone: nothing above 4,000 Hz can be told
FRAME, HOP = 256, 80  # samples that a spectrum is taken of, and from one spectrum to the next: 32 and 10 ms
FLOOR = 1e-5  # power, 50 dB below speech of active RMS 1: what is softer counts as silence
MU = 255


# --- Spectra


def stft(x: Tensor, frame: int = FRAME, hop: int = HOP) -> Tensor:
    """The spectrum of each frame under a Hann window: (…, L) → complex (…, frame/2 + 1, 1 + L//hop).

    Frame k is centred at sample k·hop; before the first and after the last sample there is silence.
    """
    window = torch.hann_window(frame, device=x.device, dtype=x.dtype)
    frames = F.pad(x, (frame // 2, frame // 2)).unfold(-1, frame, hop)
    return torch.fft.rfft(frames * window).transpose(-1, -2)


def mel(hertz: Tensor | float) -> Tensor:
    """How high a tone is heard, in mel: 2595·log₁₀(1 + f/700). Equal steps sound alike."""
    return 2595 * torch.log10(1 + torch.as_tensor(hertz, dtype=torch.float64) / 700)


def mel_filters(bands: int = 32, frame: int = FRAME, rate: int = RATE, low: float = 60.0) -> Tensor:
    """Overlapping triangles, equally wide in mel between `low` and rate/2: float32 (bands, frame/2 + 1).

    Band b rises from edge b to edge b + 1 and falls to edge b + 2, so that neighbours add up to 1 between their tops.
    """
    edges = torch.linspace(float(mel(low)), float(mel(rate / 2)), bands + 2, dtype=torch.float64)
    place = mel(torch.arange(frame // 2 + 1, dtype=torch.float64) * rate / frame)
    rise = (place - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - place) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp(min=0).float()


def mel_power(x: Tensor, bands: int = 32, frame: int = FRAME, hop: int = HOP) -> Tensor:
    """The mean square of a wave in each mel band and frame: (…, L) → (…, bands, 1 + L//hop).

    White noise of variance 1 has about as much in a band as that is wide, in shares of rate/2.
    """
    power = stft(x, frame, hop).abs().square() / (frame * 3 / 8 * frame / 2)  # 3/8: the mean square of a Hann window
    return mel_filters(bands, frame).to(x) @ power


def log_mel(x: Tensor, bands: int = 32) -> Tensor:
    """ln(power + FLOOR) in each mel band and frame, for a wave whose active RMS is 1: (…, L) → (…, bands, frames)."""
    return torch.log(mel_power(x, bands) + FLOOR)


# --- Loudness


def active_rms(x: Tensor, below: float = 20.0) -> Tensor:
    """The root mean square over what is spoken: frames of 50 ms that are at most 20 dB softer than the loudest. (…, L) → (…).

    Silence around a word does not count, as it would in the RMS of all samples; and frames begin every 2.5 ms, so that it does
    not matter where in a window the word stands. 0 for silence.
    """
    short, frame = 20, 400
    squares = x.square().reshape(-1, 1, x.shape[-1])
    squares = F.pad(squares, (frame, frame + -x.shape[-1] % short))
    power = F.avg_pool1d(F.avg_pool1d(squares, short), frame // short, 1)[:, 0]
    active = power >= power.amax(-1, keepdim=True) * 10 ** (-below / 10)
    return ((power * active).sum(-1) / active.sum(-1)).sqrt().reshape(x.shape[:-1])


def at_loudness(x: Tensor, rms: float = 1.0) -> Tensor:
    """The wave less its mean, louder or softer so that its active RMS is `rms`; silence stays silence."""
    x = x - x.mean(-1, keepdim=True)
    found = active_rms(x)[..., None]
    return torch.where(found > 0, x * rms / found.clamp(min=1e-12), 0.0)


def to_play(x: Tensor, rms: float = 0.1) -> Tensor:
    """A wave of active RMS 1 as loudspeakers take it, within −1…1: at RMS 0.1, and softer where a peak would be cut."""
    x = rms * x
    return x / x.abs().amax(-1, keepdim=True).clamp(min=1)


# --- Pre-emphasis


def emphasised(x: Tensor, by: float = 0.9) -> Tensor:
    """y_n = x_n − by·x_(n−1), (…, L) → (…, L): high tones up, low ones down, since speech has little of the high ones."""
    return torch.cat([x[..., :1], x[..., 1:] - by * x[..., :-1]], -1)


def deemphasised(y: Tensor, by: float = 0.9) -> Tensor:
    """The way back, x_n = y_n + by·x_(n−1) = Σ_k by^k·y_(n−k).

    With S for "one sample later" the sum is 1/(1 − by·S) = (1 + by·S)·(1 + (by·S)²)·(1 + (by·S)⁴)…: a few additions of
    whole waves, where the recursion would take L steps.
    """
    shift = 1
    while shift < y.shape[-1] and by**shift > 1e-12:
        earlier = by**shift * y[..., :-shift]
        y = torch.cat([y[..., :shift], y[..., shift:] + earlier], -1)
        shift *= 2
    return y


# --- Eight bits a sample


def to_mu_law(x: Tensor) -> Tensor:
    """−1…1 as one byte: sign(x)·ln(1 + 255·|x|)/ln 256, in 256 steps, which are fine near 0. (…) → uint8 (…)."""
    squeezed = x.sign() * torch.log1p(MU * x.abs().clamp(max=1)) / math.log1p(MU)
    return ((squeezed + 1) * (MU / 2)).round().to(torch.uint8)


def from_mu_law(code: Tensor) -> Tensor:
    """The way back: uint8 (…) → float32 (…)."""
    squeezed = code.to(torch.float32) / (MU / 2) - 1
    return squeezed.sign() * torch.expm1(squeezed.abs() * math.log1p(MU)) / MU
