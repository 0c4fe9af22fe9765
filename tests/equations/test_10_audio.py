"""The labelled equations of chapter 10, each under its label's name: the package against the formula written out."""

from __future__ import annotations

import math

import numpy as np
import torch

from diffusion_utils.chapters.speech_figures import decibels
from diffusion_utils.data.speech.masks import gap
from diffusion_utils.linear_prediction import fill_gaps, filled_by, prediction
from diffusion_utils.losses import diffusion_loss
from diffusion_utils.recipes import get_recipe
from diffusion_utils.schedules import cosine
from diffusion_utils.sound import RATE, active_rms, deemphasised, emphasised
from diffusion_utils.speech import joined

G = torch.Generator().manual_seed(0)
A = 0.9


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=G, dtype=torch.float64)


def test_eq_noise_level() -> None:
    """Noise as the forward process adds it to a tone of a given rms, measured."""
    schedule, rms = cosine(1000), 0.1
    tone = rms * math.sqrt(2) * torch.sin(torch.arange(80_000, dtype=torch.float64) / 3)[None]
    for t in (1, 500):
        x_t = schedule.add_noise(tone, t, noise(1, 80_000))
        signal, level = (float(part[t]) for part in (schedule.signal, schedule.noise))
        added, kept = (x_t - signal * tone).std(), signal * tone.std()
        measured = 20 * math.log10(float(added / kept))
        assert abs(measured - 20 * math.log10(level / (signal * rms))) < 0.1  # ± 0.02 dB of 80,000 numbers
    assert decibels(float(schedule.signal[1] / schedule.noise[1])) == "43.8 dB" and decibels(math.inf) == "∞ dB"


def test_eq_active_level() -> None:
    """Half a second of each of three levels, the last of which is more than 20 dB below the first."""
    parts = [level * torch.ones(RATE // 2, dtype=torch.float64) for level in (1.0, 0.2, 0.05)]
    found = float(active_rms(torch.cat(parts)))
    wanted = math.sqrt((1 + 0.2**2) / 2)
    assert abs(found - wanted) < 0.03 * wanted  # frames that reach over an edge
    assert found > 1.15 * math.sqrt((1 + 0.2**2 + 0.05**2) / 3)


def test_eq_emphasis() -> None:
    x = noise(2, 500)
    y = emphasised(x, A)
    wanted, last = torch.zeros_like(x), torch.zeros(2, dtype=torch.float64)
    for n in range(500):
        torch.testing.assert_close(y[:, n], x[:, n] - A * last, rtol=0, atol=1e-12)
        last = x[:, n]
    for n in range(500):  # the sum of all that came before
        wanted[:, n] = sum(A**k * y[:, n - k] for k in range(n + 1))
    torch.testing.assert_close(deemphasised(y, A), wanted, rtol=0, atol=1e-9)
    torch.testing.assert_close(wanted, x, rtol=0, atol=1e-9)


def test_eq_emphasis_gain() -> None:
    click = torch.zeros(RATE, dtype=torch.float64)
    click[0] = 1
    gain = torch.fft.rfft(emphasised(click, A)).abs().square()  # at each whole Hz
    hertz = torch.arange(RATE // 2 + 1, dtype=torch.float64)
    omega = 2 * torch.pi * hertz / RATE
    torch.testing.assert_close(gain, 1 + A**2 - 2 * A * omega.cos(), rtol=0, atol=1e-9)
    assert abs(float(gain[0]) - 0.01) < 1e-9 and abs(float(gain[-1]) - 3.61) < 1e-9


def test_eq_receptive_field() -> None:
    """Which inputs one output of dilated convolutions depends on, by its gradient."""
    for dilations, taps in (([1, 2, 4, 8], 3), ([1, 2, 4] * 2, 2)):
        x = torch.zeros(1, 1, 200, dtype=torch.float64, requires_grad=True)
        h = x
        for d in dilations:
            h = torch.nn.functional.conv1d(h, torch.ones(1, 1, taps, dtype=torch.float64), dilation=d)
        h[0, 0, 0].backward()
        assert int((x.grad != 0).sum()) <= 1 + (taps - 1) * sum(dilations)
        reached = (x.grad[0, 0] != 0).nonzero()[:, 0]
        assert int(reached[-1] - reached[0]) + 1 == 1 + (taps - 1) * sum(dilations)


def test_eq_speech_loss() -> None:
    """With the weights of the recipe's own formula, and a network that answers 0."""
    n, schedule = 600, cosine(1000)
    x0, eps, t = noise(2, 1, n), noise(2, 1, n), torch.tensor([100, 900])
    mask = torch.stack([gap(n, 50, 150), torch.zeros(n)])[:, None].double()
    missing = 1 - mask
    weight = missing * (n / missing.sum(-1, keepdim=True)).sqrt()
    assert [float(row.max()) for row in weight] == [2.0, 1.0]  # √(600/150)
    net = torch.nn.Linear(1, 1).double()
    loss = diffusion_loss(lambda x, time, cond: 0 * x + 0 * net.weight.sum(), schedule, "v", x0, t, eps, None, weight)
    top, bottom = 0.0, 0.0
    for row in range(2):
        signal, level = float(schedule.signal[t[row]]), float(schedule.noise[t[row]])
        v = signal * eps[row] - level * x0[row]
        top, bottom = top + float((weight[row] * v**2).sum()), bottom + float(weight[row].sum())
    assert math.isclose(float(loss.detach()), top / bottom, rel_tol=1e-5)  # some of it is float32
    assert get_recipe("speech-waveform").predicts == "v"


def test_eq_linear_prediction() -> None:
    """The coefficients of a resonance that is known, found again; and no others have smaller errors."""
    true = np.array([1.6, -0.9])
    x = np.zeros(4000)
    e = np.random.default_rng(0).normal(0, 1, 4000)
    for k in range(2, 4000):
        x[k] = true @ x[k - 2:k][::-1] + e[k]
    c = prediction(x, 2)
    np.testing.assert_allclose(c, true, atol=0.03)  # ± 0.007 of 4,000 samples

    def error(c: np.ndarray) -> float:
        return float(((x[2:] - c[0] * x[1:-1] - c[1] * x[:-2]) ** 2).sum())

    assert all(error(c) < error(c + step) for step in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]))


def test_eq_linear_gap() -> None:
    """The equations of the missing samples, term by term, and that they are those of the least sum of squares."""
    c, n, missing = np.array([1.2, -0.5, 0.1]), 60, range(25, 31)
    x = np.random.default_rng(1).normal(0, 1, n)
    mask = np.ones(n)
    mask[list(missing)] = 0
    found = filled_by(x, mask, c)
    with_zero = np.concatenate([[-1.0], c])  # c_0 = −1
    b = [sum(with_zero[k] * with_zero[k + lag] for k in range(4 - lag)) if lag < 4 else 0.0 for lag in range(n)]
    for i in missing:
        assert abs(sum(b[abs(i - j)] * found[j] for j in range(n))) < 1e-9
    known = mask == 1
    assert np.array_equal(found[known], x[known])

    def error(x: np.ndarray) -> float:
        return float(np.convolve(x, -with_zero)[3:-3] @ np.convolve(x, -with_zero)[3:-3])

    rng = np.random.default_rng(2)
    assert all(error(found) <= error(found + 0.01 * (mask == 0) * rng.normal(0, 1, n)) for _ in range(20))
    assert np.array_equal(fill_gaps(x, mask, 4)[known], x[known])


def test_eq_join() -> None:
    """The ramp by its formula; and by least squares over all changes of y that lead to the known sample."""
    n, start, m = 300, 120, 40
    wave, y = noise(n), emphasised(noise(n), A)
    mask = gap(n, start, m)
    found = joined(y, wave, mask, A)
    without = wave.clone()
    for k in range(start, start + m):
        without[k] = y[k] + A * without[k - 1]
    delta = float(wave[start + m] - (y[start + m] + A * without[start + m - 1]))
    j = torch.arange(1, m + 1, dtype=torch.float64)
    ramp = delta * A ** (m + 1 - j) * (1 - A ** (2 * j)) / (1 - A ** (2 * m + 2))
    torch.testing.assert_close(found[start:start + m], without[start:start + m] + ramp, rtol=0, atol=1e-9)
    torch.testing.assert_close(found[mask > 0], wave[mask > 0], rtol=0, atol=0)
    powers = A ** (m + 1 - torch.arange(1, m + 2, dtype=torch.float64))
    u = torch.linalg.lstsq(powers[None], torch.tensor([[delta]], dtype=torch.float64)).solution[:, 0]  # the smallest one
    torch.testing.assert_close(deemphasised(u, A)[:m], ramp, rtol=0, atol=1e-9)
