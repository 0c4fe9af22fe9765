"""A file is written whole or not at all, and a lock has one holder."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffusion_utils.files import ABANDONED, InUseError, check_writable, locked, sha256, write_atomic

OLD, NEW = b"old" * 10, b"new" * 1000

# Writes the same file over and over, its content all of one letter, until it is killed.
WRITER = """
import sys
from diffusion_utils.files import write_atomic
for k in range(10**9):
    write_atomic(sys.argv[1], b"ab"[k % 2:k % 2 + 1] * 1_000_000)
    print(k, flush=True)
"""

# Is killed before the content has reached the disk.
KILLED_WRITER = """
import os, signal, sys
from diffusion_utils.files import write_atomic
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
write_atomic(sys.argv[1], bytes(1000))
"""
# Holds a lock until a line comes on stdin, or until it is killed.
HOLDER = """
import sys
from diffusion_utils.files import locked
with locked(sys.argv[1], "the house"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for content in (OLD, NEW, b""):
        write_atomic(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Unix permissions")
def test_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    write_atomic(tmp_path / "ours", NEW)
    (tmp_path / "usual").write_bytes(NEW)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_full_disk_keeps_the_old_file(tmp_path: Path, full_disk) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, OLD)
    with full_disk(1000), pytest.raises(OSError, match="cannot write .*a.bin: .*nothing was changed"):
        write_atomic(path, NEW)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path], "no half-written file stays behind"


def test_read_only_folder_is_named(read_only_folder: Path) -> None:
    with pytest.raises(PermissionError, match=f"cannot write {read_only_folder}"):
        write_atomic(read_only_folder / "a.bin", NEW)
    with pytest.raises(PermissionError, match=f"cannot write in the folder {read_only_folder}"):
        check_writable(read_only_folder)


def test_missing_folder_is_named_and_made_by_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    with pytest.raises(FileNotFoundError, match="cannot write .*there"):
        write_atomic(folder / "a.bin", NEW)
    check_writable(folder)
    assert folder.is_dir() and not list(folder.iterdir())


def test_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(OSError, match="cannot write in the folder .*file"):
        check_writable(tmp_path / "file")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is Unix's")
def test_killed_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(5):
                writer.stdout.readline()
            writer.kill()
        content = path.read_bytes()
        assert len(content) == 1_000_000 and content in (b"a" * len(content), b"b" * len(content))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is Unix's")
def test_what_a_killed_writer_left_is_removed_an_hour_later(tmp_path: Path) -> None:
    path, other = tmp_path / "a[1].bin", tmp_path / ".b.bin.old.part"
    subprocess.run([sys.executable, "-c", KILLED_WRITER, path])
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part") and left.stat().st_size == 1000
    write_atomic(path, OLD)
    assert left.exists(), "its writer may still live"
    other.write_bytes(OLD)
    for part in (left, other):
        os.utime(part, (0, left.stat().st_mtime - ABANDONED - 60))
    write_atomic(path, NEW)
    assert sorted(tmp_path.iterdir()) == [other, path], "of another file nothing is touched"


# --- A drive that can do less


def test_a_drive_without_permissions_keeps_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google Drive in Colab, gcsfuse and some network shares refuse chmod and can do all else."""
    def refuse(path, mode):
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "chmod", refuse)
    check_writable(tmp_path)
    write_atomic(tmp_path / "a.bin", NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == NEW


@pytest.mark.parametrize("missing", ["replace", "fsync"])
def test_the_check_finds_what_a_save_would_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def refuse(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, missing, refuse)
    with pytest.raises(OSError, match=f"cannot write in the folder {tmp_path}: Operation not supported"):
        check_writable(tmp_path)
    assert not list(tmp_path.iterdir())


# --- One at a time


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A process that holds the lock tmp_path/lock."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_held_lock_is_refused_and_a_killed_holder_blocks_nobody(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(InUseError, match="the house is in use: another run.*lock"), \
            locked(tmp_path / "lock", "the house", wait=False):
        pytest.fail("two hold the lock")
    holder.kill()
    holder.wait()
    with locked(tmp_path / "lock", "the house", wait=False):
        pass


def test_waiting_is_announced_and_ends_with_the_holder(tmp_path: Path, holder: subprocess.Popen, capsys) -> None:
    released = threading.Event()

    def release() -> None:
        released.set()
        holder.communicate("\n")

    timer = threading.Timer(0.5, release)
    timer.start()
    with locked(tmp_path / "lock", "the house"):
        assert released.is_set()
    timer.join()
    assert capsys.readouterr().err == "Notice: waiting for another process to finish with the house\n"


def test_a_lock_has_one_holder_in_one_process_too_and_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock", "the house"):
        with pytest.raises(InUseError), locked(tmp_path / "lock", "the house", wait=False):
            pytest.fail("two hold the lock")
        1 / 0  # noqa: B018
    with locked(tmp_path / "lock", "the house", wait=False):
        pass


def test_a_drive_without_locks_guards_nothing_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", "the house", wait=False):
        pass


def test_a_lock_in_a_folder_that_cannot_be_written_is_named(read_only_folder: Path) -> None:
    with pytest.raises(PermissionError, match=f"cannot write {read_only_folder / 'lock'}"), \
            locked(read_only_folder / "lock", "the house"):
        pass


def test_sha256_of_a_known_text() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
