"""A walk is a loop over pairs of times (t, s). A step says what happens at each: a Gaussian one, or any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from torch import Tensor


class State(NamedTuple):
    """One point of a trajectory: time t, x_t (B, …), and the estimate x0_hat (B, …) that the next step uses."""

    t: int
    x_t: Tensor
    x0_hat: Tensor


class Step(Protocol):
    """What a walk does at each pair of times (t, s). `draw()` gives the next noise."""

    def estimate(self, x_t: Tensor, t: int) -> Tensor:
        """What is believed of x_0, given x_t."""

    def down(self, now: State, s: int, before: State | None,
             draw: Callable[[], Tensor]) -> Tensor:
        """x_s for s < t. before: the state of the step before, where that went down, too."""

    def up(self, x_t: Tensor, t: int, s: int, draw: Callable[[], Tensor]) -> Tensor:
        """x_s for s > t: the forward kernel."""


def walk(
        step: Step, x: Tensor, times: Sequence[int],
        draw: Callable[[], Tensor],
        after_step: Callable[[Tensor, int], Tensor] | None = None
) -> Iterator[State]:
    """Follow the pairs (t, s) of the times from x at times[0]: a step down, or the forward kernel where they go up.

    Yields State(t, x_t, estimate) before each step down, and (0, x_0, x_0) last. after_step(x_s, s): returns x_s with what is
    known written in.
    """
    before = None
    for t, s in pairwise(times):
        if s > t:
            x, before = step.up(x, t, s, draw), None
            continue
        now = State(t, x, step.estimate(x, t))
        yield now
        x, before = step.down(now, s, before, draw), now
        if after_step is not None:
            x = after_step(x, s)
    yield State(0, x, x)
