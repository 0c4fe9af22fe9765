"""The listing's network: the picture as one row of numbers, through two hidden layers, and back."""

from __future__ import annotations

from torch import Tensor, nn

from ...networks.embedding import sinusoidal

CLOCK = 128  # sines and cosines of the time


class FlatMLP(nn.Module):
    """784 → 1000 → 1000 → 784 with ReLU between, called as net(x, time, cond) like every network of the book.

    x: (B, 1, 28, 28) or (B, 784) float; time: (B,) = 1000·t/T, which is not used unless told_time: then its embedding
    is added to the first hidden layer; cond: None. Returns a tensor shaped like x.
    """

    def __init__(self, told_time: bool = False, pixels: int = 784, width: int = 1000):
        super().__init__()
        self.read, self.hidden, self.write = nn.Linear(pixels, width), nn.Linear(width, width), nn.Linear(width, pixels)
        self.clock = nn.Linear(CLOCK, width) if told_time else None

    def features(self, x: Tensor, time: Tensor) -> Tensor:
        """The second hidden layer, all that the last one reads: (B, width), not below 0."""
        h = self.read(x.flatten(1))
        if self.clock is not None:
            h = h + self.clock(sinusoidal(time, CLOCK))
        return self.hidden(h.relu()).relu()

    def forward(self, x: Tensor, time: Tensor, cond: None = None) -> Tensor:
        return self.write(self.features(x, time)).reshape(x.shape)
