"""Files are written whole or not at all, and one process at a time may hold a lock."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .notices import notice

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

ABANDONED = 3600  # seconds: no writer leaves its part file untouched for so long and lives
HELD = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)  # what systems answer when another holds the lock


class InUseError(OSError):
    """Another run, in this process or elsewhere, holds the lock; the message says what is in use."""


# --- Writing


def write_atomic(path: str | Path, content: bytes) -> None:
    """Write beside the target, flush to disk, then rename: a crash, a full disk or Ctrl-C leaves the old file whole.

    Removes what killed writers of the same file left behind, once it is an hour old. Raises OSError with the path and
    the reason (missing folder, no permission, disk full).
    """
    path = Path(path)
    try:
        _write(path, content)
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}; nothing was changed") from error


def check_writable(folder: str | Path) -> None:
    """Make the folder if it is missing, and write and remove a file in it just as `write_atomic` would.

    Raises OSError with the folder and the reason if that is not possible.
    """
    trial = Path(folder) / ".trial"
    try:
        trial.parent.mkdir(parents=True, exist_ok=True)
        _write(trial, b"trial")
        trial.unlink(missing_ok=True)  # another process may try the same folder
    except OSError as error:
        raise OSError(error.errno, f"cannot write in the folder {folder}: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _remove_abandoned(path, now=os.stat(temporary).st_mtime)  # by the drive's own clock
        with contextlib.suppress(OSError):  # some mounted drives have no permissions to set, and need none
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes private files; ours get the usual permissions
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remove_abandoned(path: Path, now: float) -> None:
    """Remove the part files of this path that no living writer can hold."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):  # another writer was faster, or it is not ours to remove
            if now - part.stat().st_mtime > ABANDONED:
                part.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --- One at a time


@contextlib.contextmanager
def locked(path: str | Path, what: str, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path` inside the `with` block; one holder at a time, also among those of a single process.

    path: a file in a folder that exists; made if missing, and left there, since whoever comes next may have it open.
    what: what the lock guards, for messages ("the folder runs/mnist-unet"). wait: wait for the holder and say so in a
    notice; False raises InUseError at once. Raises OSError where the file cannot be made.

    The operating system keeps the lock and releases it when its holder ends, however it ends: a killed process blocks
    nobody, and no age of a file has to be judged. On a drive that knows no locks (some mounted ones) nothing is guarded.
    """
    try:
        file = open(path, "ab")
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}") from error
    with file:
        announced = False
        while not _take(file):
            if not wait:
                raise InUseError(f"{what} is in use: another run, in this process or elsewhere, holds {path}. "
                                 "Wait until it ends, or end it; one that is paused here ends by its close()")
            if not announced:
                notice(f"waiting for another process to finish with {what}")
                announced = True
            time.sleep(0.1)
        try:
            yield
        finally:
            _give_back(file)


def _take(file: BinaryIO) -> bool:
    """Take the lock of an open file; False if another holds it. Where the drive knows no locks, as if it were free."""
    try:
        if os.name == "nt":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in HELD
    return True


def _give_back(file: BinaryIO) -> None:
    with contextlib.suppress(OSError):  # the drive knows no locks; and closing the file would do, but for forked children
        if os.name == "nt":
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_UN)


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of the content."""
    return hashlib.sha256(content).hexdigest()
