"""speech-judge and speech-judge-b: who measures speech. Both know digits and voices, and have heard nothing in common.

Judge A has heard the train part, as a generator has. Judge B has heard the recordings of the test part alone: a generator that
copies its training data cannot please it by sharing its mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.speech import LENGTH, SPEAKERS, SpeechData
from ..metrics.frechet import feature_statistics, features_of, frechet_distance, random_floor
from ..sound import at_loudness
from ..training import LossFn, Step, TrainConfig
from ..training.distributed import Group
from .recipe import Recipe

TILT, QUIETEST, LOUDEST = 0.6, 50.0, 10.0  # of the spectrum; dB of signal to noise, from … to
MASKED_TIME, MASKED_BANDS = 12, 5  # frames and bands that are covered at most


def in_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """White noise on waves (B, 1, L) of active RMS 1, at 10…50 dB; and equally loud again."""
    level = LOUDEST + (QUIETEST - LOUDEST) * torch.rand(len(x), 1, 1, generator=generator)
    noise = torch.randn(x.shape, generator=generator).to(x)
    return at_loudness(x + 10 ** (-level.to(x) / 20) * noise)


def tilted(x: Tensor, generator: torch.Generator) -> Tensor:
    """x_n + a·x_(n−1), a in ±0.6: darker or brighter, as through another microphone; equally loud again."""
    a = TILT * (2 * torch.rand(len(x), 1, 1, generator=generator) - 1)
    return at_loudness(x + a.to(x) * F.pad(x, (1, 0))[..., :-1])


def covered(spectrum: Tensor, generator: torch.Generator) -> Tensor:
    """Up to 12 frames and 5 bands of each spectrum (B, 1, bands, frames) are covered (Park et al. 2019)."""
    for axis, most in ((-1, MASKED_TIME), (-2, MASKED_BANDS)):
        n = spectrum.shape[axis]
        width = most * torch.rand(len(spectrum), 1, generator=generator)
        start = (n - width) * torch.rand(len(spectrum), 1, generator=generator)
        place = torch.arange(n)
        kept = ((place < start) | (place >= start + width)).float().to(spectrum)
        spectrum = spectrum * (kept[:, None, None, :] if axis == -1 else kept[:, None, :, None])
    return spectrum


@dataclass(frozen=True)
class JudgeRecipe(Recipe):
    """Cross-entropy of digits, of waves in noise whose spectra are tilted; and of voices, which a tilt would hide."""

    def config(self) -> dict:
        return {"network": self.network, "voices": list(SPEAKERS)}

    def check(self, runs: Path) -> None:
        """What the finished judge is measured with must be there."""
        self.load("test")

    def check_data(self, data: SpeechData) -> None:
        """Words of the usual length, and enough of them for covariances."""
        if data.shape != (1, LENGTH) or len(data) < 4:
            raise ValueError(f"{self.name} needs at least 4 words of shape {(1, LENGTH)}, got {(len(data), *data.shape)}")

    def loss_fn(self, data: SpeechData, device: torch.device, group: Group, runs: Path | None = None) -> LossFn:
        self.check_data(data)
        data = data.to(device)

        def loss(net: nn.Module, step: Step) -> Tensor:
            waves = in_noise(data.varied(step.rows, step.generator), step.generator)
            wanted, total = data.condition(step.rows), 0.0
            for listener, x, name in ((net.digit, tilted(waves, step.generator), "digit"), (net.voice, waves, "speaker")):
                spectrum = group.share(covered(listener.spectrum(x), step.generator))
                logits = listener.head(listener.seen(spectrum)).float()
                total = total + F.cross_entropy(logits, group.share(wanted[name]), label_smoothing=0.05)
            return total

        return loss

    def extras(self, net: nn.Module, data: SpeechData, folder: Path) -> tuple[dict, dict]:
        """Mean and covariance of the features of what it has heard, both floors; how often it is right on what it has not."""
        net, test = net.half().float(), self.load("test")  # as it will be shipped
        rows, others = torch.arange(len(data)), torch.arange(len(test))
        heard, _ = features_of(net.digit, data.placed(rows))
        features, digits = features_of(net.digit, test.placed(others))
        _, voices = features_of(net.voice, test.placed(others))
        mean, covariance = feature_statistics(heard)
        figures = {
            "digit_accuracy": float((digits.argmax(1) == test.digits).float().mean()),
            "speaker_accuracy": float((voices.argmax(1) == test.speakers).float().mean()),
            "floor_test": frechet_distance(mean, covariance, *feature_statistics(features)),
            "floor_random": random_floor(heard, n=min(1000, len(data) // 2)),
            "n_test": len(test), "left_out_train": data.left_out, "left_out_test": test.left_out,
        }
        tensors = {"features.mean": mean.float(), "features.covariance": covariance.float()}
        return tensors, {"figures": figures}


SPEECH_JUDGE = JudgeRecipe(
    name="speech-judge",
    data="speech",
    network={"kind": "speech-judge", "width": 16, "dropout": 0.2},
    metric=None,  # it draws nothing
    train=TrainConfig(steps=1000, batch=32, lr=3e-3, warmup=50, ema=0.99, weight_decay=0.01),
)
SPEECH_JUDGE_B = replace(SPEECH_JUDGE, name="speech-judge-b", data={"name": "speech", "swapped": True},
                         train=replace(SPEECH_JUDGE.train, seed=1))
