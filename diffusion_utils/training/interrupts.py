"""Ctrl-C and a scheduler's stop, put off until the step under way is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; what a scheduler, a container or `kill` sends


class Stop:
    """A signal handler that remembers and does nothing else. asked: the number of the signal that came, 0 if none did."""

    asked = 0

    def __call__(self, number: int, frame: object) -> None:
        self.asked = number


@contextmanager
def deferred_stop(stop: Stop) -> Iterator[Stop]:
    """Within it Ctrl-C and SIGTERM only set `asked`, so that no step is left half done; afterwards they work as before.

    Yields the Stop to look at: the one given, or that of an enclosing `deferred_stop`. A signal that is ignored stays so, as
    in programs started with nohup; and nothing changes outside of the main thread, which alone may set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    outer = next((handler for handler in before.values() if isinstance(handler, Stop)), None)
    if outer is not None:
        yield outer
        return
    ours = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in ours:
            signal.signal(number, stop)
        yield stop
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
