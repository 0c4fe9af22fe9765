"""What several test files need: a folder that cannot be written, a disk that is full."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

NOBODY = 65534  # the user without rights on every Unix


@pytest.fixture(autouse=True)
def ctrl_c_works() -> Iterator[None]:
    """The processes among which the tests are shared out ignore Ctrl-C, as a program started with nohup does; tests of Ctrl-C
    mean one that does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """An empty folder in which this process cannot write, even where the tests run as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no Unix permissions")
    with tempfile.TemporaryDirectory() as name:  # not tmp_path, whose parents belong to root alone
        os.chmod(name, 0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)  # root may write everywhere
        try:
            yield Path(name)
        finally:
            if is_root:
                os.seteuid(0)
            os.chmod(name, 0o755)


@pytest.fixture
def unreadable_file() -> Iterator[Path]:
    """An .npy file that this process may not read, even where the tests run as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no Unix permissions")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        path.touch(mode=0)
        os.chmod(folder, 0o755)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield path
        finally:
            if is_root:
                os.seteuid(0)


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """`with full_disk(n):` no file grows beyond n bytes: the writing call fails just as on a disk without room."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit
