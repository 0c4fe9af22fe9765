"""What a denoising network says of itself, so that nobody has to go by the names or shapes of its layers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..conditions import Condition
from .embedding import check_labels


class Network(nn.Module):
    """A network that is called as net(x, time, cond) and returns a tensor shaped like x.

    x (B, …) float; time (B,) float in [0, 1000], 1000·t/T; cond: a `Condition` of B samples, or None.
    num_classes: the labels it knows, 0…num_classes − 1, where its condition is a label; 0 for none.
    A network with another condition has its own `conditional`, `check_condition` and `hide`.
    """

    num_classes = 0

    @property
    def conditional(self) -> bool:
        """Whether it can be told anything beside x and the time."""
        return self.num_classes > 0

    def check_condition(self, cond: Condition, batch: int) -> None:
        """Raise ValueError unless this is a condition of so many samples. Its values are looked at, so a GPU waits."""
        if cond is not None and self.num_classes:
            check_labels(cond, self.num_classes, batch)

    def hide(self, cond: Condition, hidden: Tensor) -> Condition:
        """The condition with nothing told of the samples where `hidden`, bool (B,), is true: "no label" in place of a label."""
        return torch.where(hidden.to(cond.device), self.num_classes, cond)

    def outer(self) -> Iterator[nn.Module | nn.Parameter]:
        """The layers and tables next to the data, the time and the condition, which an optimiser of matrices leaves alone."""
        yield from ()
