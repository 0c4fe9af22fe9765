"""How good are spoken digits? Two judges, a distance, recall, copies, and what no judge hears: hiss and the whole spectrum.

All waves are brought to one loudness first. Sources: Heusel et al. 2017 (Fréchet distance), Kynkäänniemi et al. 2019 (recall).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .. import checkpoints
from ..conditions import Condition
from ..data.speech import SPEAKERS, SpeechData, load_speech
from ..sound import FLOOR, HOP, RATE, active_rms, at_loudness, log_mel, mel_power
from .frechet import feature_statistics, features_of, frechet_distance, nearest_rows, precision_recall

JUDGE, SECOND = "speech-judge", "speech-judge-b"
SILENT = 1e-6  # power, 60 dB below speech of active RMS 1: what is softer counts as this
MARGIN = 5  # frames beside a word that belong to it


class SpeechYardstick:
    """Judge A with the statistics of the words it has heard, and judge B; works without the data set."""

    def __init__(self, device: str | None = None):
        self.judge, self.second = (checkpoints.load(name, device) for name in (JUDGE, SECOND))
        tensors = checkpoints.read_tensors(JUDGE)
        self.mean, self.covariance = tensors["features.mean"], tensors["features.covariance"]

    def features(self, waves: Tensor) -> Tensor:
        """Those of judge A, float64 (N, 64)."""
        return features_of(self.judge.net.digit, waves)[0]

    def distance(self, features: Tensor) -> float:
        """Fréchet distance to the words of the train part; its value depends on N, so state N beside it."""
        return frechet_distance(self.mean, self.covariance, *feature_statistics(features))


def checked_waves(x: Tensor) -> Tensor:
    """float32 (N, 1, L) on the CPU, all of active RMS 1. Raises ValueError for another shape, and for NaN or infinity."""
    if x.ndim != 3 or x.shape[1] != 1 or len(x) < 2 or not x.is_floating_point() or not bool(x.isfinite().all()):
        raise ValueError(f"waves must be finite, (N ≥ 2, 1, L), floating point; got {tuple(x.shape)} {x.dtype}")
    return at_loudness(x.cpu().float())


# --- What a judge hears


def heard(judge: nn.Module, waves: Tensor) -> tuple[Tensor, Tensor]:
    """The digits and the voices that a judge hears, int64 (N,) each."""
    return tuple(features_of(part, waves)[1].argmax(1) for part in (judge.digit, judge.voice))


def accuracies(judge: nn.Module, waves: Tensor, cond: Condition) -> dict[str, float]:
    """The shares of waves in which a judge hears the digit, the voice, and both, that were asked for."""
    digits, voices = heard(judge, waves)
    right = {"digit": digits == cond["digit"].cpu(), "speaker": voices == cond["speaker"].cpu()}
    right["both"] = right["digit"] & right["speaker"]
    return {name: float(entry.float().mean()) for name, entry in right.items()}


# --- What no judge hears


def band_levels(waves: Tensor) -> Tensor:
    """The mean power in each mel band over all waves and frames, in dB: (32,)."""
    return 10 * torch.log10(mel_power(waves[:, 0]).mean((0, 2)).clamp(min=SILENT))


def frame_power(waves: Tensor) -> Tensor:
    """The mean square of each frame: (N, 1, L) → (N, frames), at least SILENT."""
    return mel_power(waves[:, 0]).sum(1).clamp(min=SILENT)


def spoken(power: Tensor) -> Tensor:
    """Which frames lie between the first and the last that is at most 20 dB softer than the loudest: bool (N, frames)."""
    active = (power >= power.amax(1, keepdim=True) / 100).int()
    return (active.cummax(1).values > 0) & (active.flip(1).cummax(1).values.flip(1) > 0)


def hiss(waves: Tensor) -> dict[str, float]:
    """In dB to speech: the quietest tenth of the frames within a word; and what is left beside it, which should be silence.

    Means over words. The frames next to a word are its own: it fades.
    """
    power = frame_power(waves)
    within = spoken(power)
    wide = torch.nn.functional.max_pool1d(within.float()[:, None], 2 * MARGIN + 1, 1, MARGIN)[:, 0] > 0
    level = 10 * torch.log10(power)
    quiet = torch.stack([part[mine].quantile(0.1) for part, mine in zip(level, within, strict=True)])
    beside = level[~wide]
    return {"within": float(quiet.mean()), "beside": float(beside.mean()) if len(beside) else None}


def seconds_spoken(waves: Tensor) -> Tensor:
    """How long each word is: (N,)."""
    return spoken(frame_power(waves)).sum(1) * HOP / RATE


# --- Copies


def aligned(waves: Tensor) -> Tensor:
    """The log-mel spectrum of each word from its first frame on, (N, 32·frames): places in the window make no difference."""
    begin = spoken(frame_power(waves)).int().argmax(1)
    spectra = log_mel(waves[:, 0])
    place = torch.arange(spectra.shape[-1]) + begin[:, None]
    inside = place < spectra.shape[-1]
    moved = spectra.gather(2, place.clamp(max=spectra.shape[-1] - 1)[:, None].expand_as(spectra))
    return torch.where(inside[:, None], moved, math.log(FLOOR)).flatten(1)


def likeness(a: Tensor, b: Tensor) -> Tensor:
    """The largest correlation of two waves over all shifts, upside down or not: (N, L) twice → (N,), 1 for the same one."""
    n = 2 * a.shape[-1]
    product = torch.fft.irfft(torch.fft.rfft(a, n) * torch.fft.rfft(b, n).conj(), n)
    return product.abs().amax(-1) / (a.norm(dim=-1) * b.norm(dim=-1)).clamp(min=1e-12)


def copies(waves: Tensor, train: SpeechData, test: SpeechData) -> dict:
    """How far each wave is from the nearest of the train part, beside the same of recordings of the test part.

    The distance is the root mean square difference of log-mel spectra. ratio: of the medians; near 0 for who repeats.
    """
    references = aligned(train.placed(torch.arange(len(train))))
    distance, row = nearest_rows(aligned(waves), references)
    real, _ = nearest_rows(aligned(test.placed(torch.arange(len(test)))), references)
    alike = likeness(waves[:, 0], train.waves[row])
    worst = alike.argsort(descending=True)[:5]
    scale = references.shape[1] ** 0.5
    return {"unit": "root mean square difference of ln power, aligned at the first frame",
            "ratio": float(distance.median() / real.median()), "median": float(distance.median() / scale),
            "median_of_test": float(real.median() / scale),
            "likeness_median": float(alike.median()), "likeness_most": float(alike.max()),
            "worst": [{"sample": int(i), "training_word": int(row[i]), "likeness": float(alike[i])} for i in worst]}


# --- What is filled in


def snr(truth: Tensor, filled: Tensor, mask: Tensor) -> Tensor:
    """Signal to error over what was missing, in dB: (…, L) thrice → (…). 0 for silence in the gap, below 0 for worse."""
    missing = 1 - mask
    signal, error = ((missing * part.square()).sum(-1) for part in (truth, truth - filled))
    return 10 * torch.log10(signal.clamp(min=1e-9) / error.clamp(min=1e-9))


def log_spectral_distance(truth: Tensor, filled: Tensor, mask: Tensor, floor: float = 1e-6) -> Tensor:
    """The root mean square difference in dB of two power spectra, over the frames whose middle was missing or next to it.

    (…, L) thrice → (…). In mel bands, since an ear hears no single bins; what is softer than −60 dB counts as that.
    """
    levels = [10 * torch.log10(mel_power(part, hop=40) + floor) for part in (truth, filled)]
    centres = torch.nn.functional.max_pool1d(1 - mask.reshape(-1, 1, mask.shape[-1]), 81, 40, 40)[:, 0]
    centres = centres.reshape(*mask.shape[:-1], -1)[..., :levels[0].shape[-1]]
    squares = (levels[0] - levels[1]).square().mean(-2)
    return ((squares * centres).sum(-1) / centres.sum(-1)).sqrt()


# --- A ladder of damages, so that a distance says something


def low_passed(waves: Tensor, hertz: float = 2000.0) -> Tensor:
    """Without what is above so many Hz."""
    spectrum = torch.fft.rfft(waves)
    places = torch.linspace(0, RATE / 2, spectrum.shape[-1])
    return torch.fft.irfft(spectrum * (places <= hertz), waves.shape[-1])


def damages(data: SpeechData) -> dict[str, Tensor]:
    """Real words and what was done to them, name → waves (N, 1, L)."""
    waves, generator = data.placed(torch.arange(len(data))), torch.Generator().manual_seed(0)
    noise = torch.randn(waves.shape, generator=generator)
    one = waves[data.speakers == 0]
    return {"real": waves, "noise at 20 dB": waves + 0.1 * noise, "noise at 10 dB": waves + 10**-0.5 * noise,
            "nothing above 2 kHz": low_passed(waves), "backwards": waves.flip(-1), "one voice": one, "white noise": noise}


def ladder(yardstick: SpeechYardstick, data: SpeechData) -> dict[str, dict]:
    """Distance and accuracy of each kind of damage."""
    found = {}
    for name, waves in damages(data).items():
        waves = at_loudness(waves)
        cond = data.condition(torch.arange(len(data)))
        if name == "one voice":
            cond = {key: entry[data.speakers == 0] for key, entry in cond.items()}
        found[name] = {"fd": yardstick.distance(yardstick.features(waves))} | accuracies(yardstick.judge.net, waves, cond)
    return found


# --- All of it


def evaluate(x: Tensor, cond: Condition = None, calls: int | None = None, device: str | None = None, *,
             load: Callable[[str], SpeechData] = load_speech) -> dict:
    """All figures of waves (N, 1, L) as a dictionary ready for JSON, beside those of real words that no generator has heard.

    cond: digit and speaker, int64 (N,) each, as the waves were asked for; without it nobody knows what is right.
    Raises ValueError for waves of another shape.
    """
    waves, yardstick = checked_waves(x), SpeechYardstick(device)
    train, test = load("train"), load("test")
    real = test.placed(torch.arange(len(test)))
    features, real_features = yardstick.features(waves), yardstick.features(real)
    size = min(len(waves), len(test))
    precision, recall = precision_recall(real_features[:size], features[torch.randperm(
        len(features), generator=torch.Generator().manual_seed(0))[:size]]) if size > 3 else (None, None)
    off = band_levels(waves) - band_levels(real)
    quiet, quiet_real = hiss(waves), hiss(real)
    return {
        "fd": yardstick.distance(features), "n": len(waves), "calls": calls, "data": test.name,
        "floor_test": yardstick.distance(real_features), "n_test": len(test),
        "accuracy": {} if cond is None else {name: accuracies(judge.net, waves, cond) for name, judge in
                                             (("a", yardstick.judge), ("b", yardstick.second))},
        "accuracy_test": {name: accuracies(judge.net, real, test.condition(torch.arange(len(test)))) for name, judge in
                          (("a", yardstick.judge), ("b", yardstick.second))},
        "precision": precision, "recall": recall, "copies": copies(waves, train, test),
        "hiss_db": quiet, "hiss_test_db": quiet_real,
        "worst_band_db": float(off[off.abs().argmax()]), "bands_off_db": [round(float(one), 2) for one in off],
        "seconds": [float(q) for q in seconds_spoken(waves).quantile(torch.tensor([0.1, 0.5, 0.9]))],
        "seconds_test": [float(q) for q in seconds_spoken(real).quantile(torch.tensor([0.1, 0.5, 0.9]))],
        "voices": list(SPEAKERS), "loudness": float(active_rms(x.cpu().float()).mean()),
    }
