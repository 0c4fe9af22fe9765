"""The folder of a training run: one run at a time uses it, and its state is written there now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..files import check_writable, locked
from ..notices import notice
from .state import load_state, save_state

STATE = "state.safetensors"


def check_free(folder: Path, resume: bool) -> None:
    """Raise FileNotFoundError if there is no run to resume in the folder, FileExistsError if a new one would replace it."""
    if resume and not (folder / STATE).exists():
        raise FileNotFoundError(f"nothing to resume: {folder / STATE} does not exist")
    if not resume and (folder / STATE).exists():
        raise FileExistsError(f"{folder} holds a run already: go on with --resume, or choose another --folder")


class RunFolder:
    """Keeps the state of one run. folder: None keeps nothing; writes: False in all processes but the first; minutes: between
    two saves; parts: net, average, optimiser, configuration and what else `save_state` and `load_state` take."""

    def __init__(self, folder: str | Path | None, writes: bool, minutes: float, net, ema, optimiser, config, about: dict):
        self.folder = None if folder is None else Path(folder)
        self.path = None if folder is None else self.folder / STATE
        self.writes, self.minutes = writes and folder is not None, minutes
        self.parts, self.about = (net, ema, optimiser, config), about
        self.saved: int | None = None  # the step of the state in the file
        self.tried = time.monotonic()

    @contextmanager
    def held(self, resume: bool) -> Iterator[None]:
        """Inside the `with` block no other run can use the folder.

        Raises what `check_free` does, OSError where the folder cannot be written, and InUseError where a run is at work in it.
        """
        if not self.writes:
            yield
            return
        check_writable(self.folder)  # an unwritable folder is an error now, not after the first minutes of training
        with locked(self.folder / ".lock", f"the folder {self.folder}", wait=False):
            check_free(self.folder, resume)
            yield

    def load(self) -> tuple[int, float, list[tuple[int, float]]]:
        """Fill the parts from the state; returns (step, seconds, history). Raises what `load_state` does."""
        if self.path is None:
            raise ValueError("resume needs the folder of the run")
        found = load_state(self.path, *self.parts, self.about)
        self.saved, self.tried = found[0], time.monotonic()
        return found

    def is_due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self.tried > 60 * self.minutes

    def save(self, step: int, seconds: float, history: list[tuple[int, float]], last: bool = False) -> None:
        """Write the state of this step, unless it is there.

        last: there will be no other time to save, and a failure is an OSError. Otherwise it is told in a notice, the last
        good state stays, and training goes on: a drive that is full or away now need not be so in a few minutes.
        """
        if not self.writes or self.saved == step or sys.is_finalizing():  # Python itself ends, and much of it is gone
            return
        self.tried = time.monotonic()
        try:
            save_state(self.path, *self.parts, step, seconds, history, self.about)
            self.saved = step
        except OSError as error:
            kept = "" if self.saved is None else f"; the state of step {self.saved} is kept"
            told = f"at step {step}: {error.strerror}{kept}"
            if last:
                raise OSError(error.errno, told) from error
            notice(f"{told}. Training goes on, and will try again after {self.minutes:g} minutes")
