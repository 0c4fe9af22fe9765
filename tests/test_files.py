"""A file is written whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_utils.files import check_writable, sha256, write_atomic

OLD, NEW = b"old" * 10, b"new" * 1000

# Writes the same file over and over, its content all of one letter, until it is killed.
WRITER = """
import sys
from diffusion_utils.files import write_atomic
for k in range(10**9):
    write_atomic(sys.argv[1], b"ab"[k % 2:k % 2 + 1] * 1_000_000)
    print(k, flush=True)
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


def test_sha256_of_a_known_text() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
