"""The figures of the chapter on sound: words in noise, on their way from noise, with gaps, and over a training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diffusion_utils.data.speech import LENGTH, SPEAKERS, SpeechData, speech_data, to_wave
from diffusion_utils.data.speech.files import shipped
from diffusion_utils.schedules import Schedule, cosine
from diffusion_utils.sound import from_mu_law, to_mu_law
from diffusion_utils.widgets import Axis, SoundScrubber

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DISSOLVED = ((7, "theo"), (3, "george"), (8, "jackson"), (6, "yweweler"))  # words of the first figure
KEPT = 4  # of the words that a look draws every fourth is kept
HEARD = (1, 4, 5, 8, 12, 14)  # of the fifteen that are kept, those that the figure has: one of each voice


def named(digit: int, speaker: str) -> str:
    """A word and its voice, on a button."""
    return f"{DIGITS[digit]}, {speaker}"


def sample_words() -> SpeechData:
    """The 60 recordings of the package, one of each digit and speaker, wherever all 3,000 are."""
    return speech_data(shipped(), range(60), "speech-sample")


def word_of(data: SpeechData, digit: int, speaker: str) -> int:
    """The row of the first such word. Raises ValueError where there is none: two of the package's are longer than a window."""
    found = ((data.digits == digit) & (data.speakers == SPEAKERS.index(speaker))).nonzero()
    if not len(found):
        raise ValueError(f"there is no {named(digit, speaker)!r} among these words; {data.told}")
    return int(found[0])


def decibels(ratio: float) -> str:
    """A ratio of amplitudes in dB, as text."""
    if ratio in (0.0, float("inf")):
        return "∞ dB" if ratio else "−∞ dB"
    return f"{20 * np.log10(ratio):z.1f} dB".replace("-", "−")


def dissolving(schedule: Schedule | None = None, **options) -> SoundScrubber:
    """Words in noise at every t, mixed in the page: white noise, and noise in which high tones are as soft as in speech."""
    schedule = schedule or cosine(1000)
    data = sample_words()
    words = data.placed(torch.tensor([word_of(data, *word) for word in DISSOLVED]))[:, 0]
    eps = torch.randn(LENGTH, generator=torch.Generator().manual_seed(0))
    axes = [Axis("t", list(range(schedule.T + 1)), schedule.T // 4), Axis("word", [named(*word) for word in DISSOLVED]),
            Axis("noise", ["as the network has it", "white"])]
    ratios = [float(s) / float(n) if n else float("inf") for s, n in zip(schedule.signal, schedule.noise, strict=True)]
    about = {"title": "A word dissolves", "name": "fig-a-word-dissolves", "interval_ms": 20,
             "alt": "A spoken digit in noise: its spectrum over time, and its wave below"} | options
    return SoundScrubber.mixed(words.numpy(), np.stack([to_wave(eps).numpy(), eps.numpy()]), schedule, axes=axes,
                               readouts={"signal_t to noise_t": [decibels(ratio) for ratio in ratios]}, **about)


def as_bytes(waves: Tensor) -> tuple[Tensor, Tensor]:
    """Waves (…, L) for a record: uint8 by the μ-law, each between −1 and 1 of its own peak; and the peaks (…)."""
    peaks = waves.abs().amax(-1).clamp(min=1e-9).float()
    return to_mu_law(waves / peaks[..., None]), peaks


def as_waves(tensors: dict[str, Tensor], name: str) -> np.ndarray:
    """Waves of a record, float64 (…, L)."""
    return from_mu_law(tensors[name]).numpy() * tensors[f"{name}_peaks"].numpy().astype(float)[..., None]


def from_noise(record: dict, tensors: dict[str, Tensor], **options) -> SoundScrubber:
    """Words that the network says, on their way from noise: the state, and what it is taken for."""
    path = record["path"]
    axes = [Axis("t", path["times"]), Axis("word", [named(*word) for word in path["words"]]),
            Axis("hear", ["the state", "the estimate"])]
    about = {"title": "A word comes out of noise", "name": "fig-a-word-from-noise", "interval_ms": 900,
             "alt": "What the sampler holds: its spectrum over time, and its wave below"} | options
    return SoundScrubber.from_waves(as_waves(tensors, "path"), axes=axes, **about)


def gaps(record: dict, tensors: dict[str, Tensor], **options) -> SoundScrubber:
    """Real words of which a part was erased, as they were, with the gap, and filled in two ways."""
    about = record["gaps"]
    words, filled = as_waves(tensors, "words"), as_waves(tensors, "filled")  # (W, L) and (gaps, W, 2, L)
    waves, marks, scores = [], [], []
    for g, starts in enumerate(about["starts"]):
        ends = [start + about["samples"][g] for start in starts]
        place = np.arange(words.shape[1])
        erased = [np.where((place < start) | (place >= end), word, 0)
                  for word, start, end in zip(words, starts, ends, strict=True)]
        waves.append([[word, hole, *ways] for word, hole, ways in zip(words, erased, filled[g], strict=True)])
        marks.append([[(start, end)] * 4 for start, end in zip(starts, ends, strict=True)])
        scores.append([["–", "–", *(f"{score:.0f} dB" for score in pair)] for pair in about["log_spectral"][g]])
    axes = [Axis("gap", [f"{1000 * samples / 8000:g} ms" for samples in about["samples"]], 2),
            Axis("word", [named(*word) for word in about["words"]]),
            Axis("hear", ["as it was", "the gap", "linear prediction", "diffusion"], 1)]
    given = {"title": "What was erased?", "name": "fig-what-was-erased", "interval_ms": 900,
             "alt": "A word with a gap between two lines: its spectrum over time, and its wave below"} | options
    return SoundScrubber.from_waves(waves, axes=axes, marks=marks, readouts={"off by": scores}, **given)


def over_training(card: dict, snapshots: Tensor, **options) -> SoundScrubber:
    """The same words, from the same noise, as training goes on. snapshots: uint8 (steps, 15, L), as the checkpoint has."""
    steps, kept = card["snapshot_steps"], from_mu_law(snapshots[:, list(HEARD)])
    places = [KEPT * k for k in HEARD]  # as the look asks for them: recipes/speech_waveform.py
    words = [named(place % 10, SPEAKERS[place // 10 % len(SPEAKERS)]) for place in places]
    looks = {look["step"]: look for look in card["looks"]}
    heard = [f"{100 * looks[step]['digit']:.0f} %" for step in steps]
    about = {"title": "Words appear in training", "name": "fig-words-in-training", "interval_ms": 1500,
             "alt": "A word drawn by the network in training: its spectrum over time, and its wave below"} | options
    return SoundScrubber.from_waves(kept.numpy(), axes=[Axis("step", [f"{step:,}" for step in steps]), Axis("word", words)],
                                    readouts={"digits understood": heard}, **about)
