"""`make serve` shows the book, and says in one line why it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from project import ROOT

# `tools/build.py serve` for a book in another folder; what would build it, which takes minutes, ends the program.
PROGRAM = """
import build, pathlib, sys
build.HTML = pathlib.Path(sys.argv[1])
build.book = lambda only: sys.exit("the book would be built")
build.serve(int(sys.argv[2]))
"""


@contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen]:
    server = subprocess.Popen([sys.executable, "-c", PROGRAM, folder, str(port)], cwd=ROOT / "tools", encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUTF8": "1"})
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


def test_the_book_is_shown(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("A book.", encoding="utf-8")
    with serving(tmp_path, 0) as server:
        address = server.stdout.readline().split()[4]
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.read() == b"A book."


@pytest.mark.parametrize("built", [True, False])
def test_a_port_in_use_is_said_in_one_line_with_the_way_out_and_before_anything_is_built(tmp_path: Path, built: bool) -> None:
    if built:
        (tmp_path / "index.html").write_text("A book.", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with serving(tmp_path, port) as server:
            out, err = server.communicate(timeout=60)
    assert out == "" and err.count("\n") == 1
    assert err.startswith(f"Port {port} cannot be used: Address") and f"make serve PORT={port + 1}" in err


def test_no_such_port_is_said_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, 70_000) as server:
        out, err = server.communicate(timeout=60)
    assert out == "" and err == "A port is a number in 0…65535 (0: any that is free); 70000 was given.\n"
