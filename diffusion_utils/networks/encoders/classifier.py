"""A small convolutional classifier of digits, whose last hidden layer is the yardstick of image quality."""

from __future__ import annotations

from torch import Tensor, nn


def conv_block(c_in: int, c_out: int) -> nn.Sequential:
    """3×3 convolution, batch norm, ReLU: (B, c_in, H, W) → (B, c_out, H, W)."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


class DigitClassifier(nn.Module):
    """MNIST's digits (B, 1, H, W) in [−1, 1] → logits (B, 10). `features` gives the 128 penultimate values, after the ReLU."""

    def __init__(self, width: int = 32, dropout: float = 0.3):
        super().__init__()
        w = width
        self.body = nn.Sequential(
            conv_block(1, w), conv_block(w, w), nn.MaxPool2d(2),  # (B, w, 14, 14)
            conv_block(w, 2 * w), conv_block(2 * w, 2 * w), nn.MaxPool2d(2),  # (B, 2w, 7, 7)
            conv_block(2 * w, 4 * w), nn.AvgPool2d(2, ceil_mode=True), nn.Flatten(),  # (B, 4w·4·4)
            nn.Linear(4 * w * 16, 128), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(128, 10))

    def features(self, x: Tensor) -> Tensor:
        """The 128 penultimate features after the ReLU: (B, 1, H, W) → (B, 128), all ≥ 0."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
