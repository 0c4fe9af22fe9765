"""The clock of a training run: how long it has trained, and how much of it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .config import TrainConfig


class Clock:
    """Calling it gives the seconds so far. before: those of the run that this one goes on with."""

    def __init__(self, config: TrainConfig, before: float = 0.0):
        self.config, self.started = config, time.monotonic() - before

    def __call__(self) -> float:
        return time.monotonic() - self.started

    def part(self, step: int) -> float:
        """How much of the run is over when this step begins, 0…1; a clock that overruns says more."""
        if self.config.minutes is None:
            return (step - 1) / self.config.steps
        return self() / (60 * self.config.minutes)

    def over(self, step: int) -> bool:
        """Whether this step was the last one."""
        if self.config.minutes is not None and self() >= 60 * self.config.minutes:
            return True
        return step >= self.config.steps

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within it no time passes."""
        now = self()
        yield
        self.started = time.monotonic() - now
