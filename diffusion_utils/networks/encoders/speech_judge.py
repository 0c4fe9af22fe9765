"""Who says which digit? Two small convolutional networks that look at the log-mel spectrum of a wave."""

from __future__ import annotations

from torch import Tensor, nn

from ...sound import log_mel
from .classifier import conv_block

BANDS = 32
FEATURES = 64


class Listener(nn.Module):
    """Waves of active RMS 1, (B, 1, L), → logits (B, classes). `features` gives the 64 penultimate values, all ≥ 0."""

    def __init__(self, classes: int, width: int = 16, dropout: float = 0.2):
        super().__init__()
        w = width
        self.body = nn.Sequential(
            conv_block(1, w), nn.MaxPool2d(2),  # (B, w, 16, frames/2)
            conv_block(w, 2 * w), nn.MaxPool2d(2), conv_block(2 * w, 3 * w), nn.MaxPool2d(2),  # (B, 3w, 4, frames/8)
            nn.Flatten(1, 2), nn.Conv1d(12 * w, FEATURES, 3, padding=1), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(FEATURES, classes))

    def spectrum(self, x: Tensor) -> Tensor:
        """What the layers see of waves (B, 1, L): (B, 1, 32, frames), about −1…1."""
        return log_mel(x.float(), BANDS) / 5 + 1

    def seen(self, spectrum: Tensor) -> Tensor:
        """The features of a spectrum: (B, 1, 32, frames) → (B, 64). The mean over time: a word may be anywhere."""
        return self.body(spectrum).mean(-1)

    def features(self, x: Tensor) -> Tensor:
        """(B, 1, L) → (B, 64)."""
        return self.seen(self.spectrum(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class SpeechJudge(nn.Module):
    """Which digit, and whose voice: the two share nothing, since what is varied to learn one would hide the other."""

    def __init__(self, digits: int = 10, speakers: int = 6, width: int = 16, dropout: float = 0.2):
        super().__init__()
        self.digit, self.voice = Listener(digits, width, dropout), Listener(speakers, width, dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Waves of active RMS 1, (B, 1, L), → logits of digits and of speakers."""
        return self.digit(x), self.voice(x)

