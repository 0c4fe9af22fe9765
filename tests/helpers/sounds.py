"""SoundScrubbers to try things on: tones at three pitches and two loudnesses, and words that dissolve in noise."""

import numpy as np

from diffusion_utils.schedules import cosine
from diffusion_utils.sound import RATE
from diffusion_utils.widgets import Axis, SoundScrubber

LENGTH, PITCHES, LEVELS, T = 3072, [250, 1000, 3000], [0.2, 5.0], 40
TIME = np.arange(LENGTH) / RATE
TONES = np.stack([[level * np.sin(2 * np.pi * pitch * TIME) * (TIME > 0.1) for level in LEVELS] for pitch in PITCHES])
MARKS = [[(800 * i, 800 * i + 400 * j) for j in range(2)] for i in range(3)]
SCHEDULE = cosine(T)
NOISES = np.random.default_rng(0).standard_normal((2, LENGTH)) * [[1], [0.7]]


def tones(**options) -> SoundScrubber:
    return SoundScrubber.from_waves(options.pop("waves", TONES), **{
        "axes": [Axis("pitch", [f"{pitch} Hz" for pitch in PITCHES], 1), Axis("made", ["softly", "<loudly>"], 1)],
        "marks": MARKS, "title": "Tones", "alt": "Three tones", "name": "fig-tones",
        "readouts": {"octave": ["1", "3", "5"], "level": [[f"{i}.{j} dB" for j in range(2)] for i in range(3)]},
        "captions": [[f"Sentence {i} {j}." for j in range(2)] for i in range(3)], **options})


def dissolving(**options) -> SoundScrubber:
    return SoundScrubber.mixed(TONES[:, 1], NOISES, SCHEDULE, **{
        "axes": [Axis("t", list(range(T + 1)), 10), Axis("tone", ["low", "middle", "high"]), Axis("noise", ["white", "soft"])],
        "title": "Tones in noise", "alt": "A tone in noise", "name": "fig-in-noise",
        "readouts": {"ᾱ_t": [f"{float(a):.2f}" for a in SCHEDULE.alpha_bar]}, **options})
