"""Run one notebook in its own folder and write its outputs into it: `python run_notebook.py FILE SECONDS_A_CELL`.

The exit status is 0 if every cell ran. The file is written in any case, as far as it got. It needs nbclient and nothing else
of the project, so that any environment can run it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

LOOK_AGAIN = 1.0     # seconds


class Client(NotebookClient):
    """nbclient, which looks for messages every second and not only when it is woken.

    nbclient sends the state of an `Output` widget by the socket on which it waits for a cell's reply, and ZeroMQ may use
    up the wake-up of a reply that arrives at that very moment. The reply is there then, and is found only when the cell's
    whole time is over.
    """

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        for channel in (client.shell_channel, client.iopub_channel):
            channel.get_msg = looking_often(channel.get_msg)
        return client


def looking_often(get_message: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same wait for a message (`timeout` in seconds, None: for ever), made of short ones."""

    async def look(timeout: float | None = None) -> Any:
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            left = max(until - time.monotonic(), 0)
            try:
                return await get_message(timeout=min(left, LOOK_AGAIN))
            except Empty:
                if left <= LOOK_AGAIN:
                    raise

    return look


def run(path: Path, cell_timeout: int) -> str | None:
    """Execute the notebook and write it back. Returns None, or what went wrong in words."""
    notebook = nbformat.read(path, as_version=4)
    client = Client(notebook, timeout=cell_timeout, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        client.set_widgets_metadata()     # the widgets of the cells that ran
        return str(error)
    finally:
        nbformat.write(notebook, path)
    return None


if __name__ == "__main__":
    if error := run(Path(sys.argv[1]), int(sys.argv[2])):
        sys.exit(error)
