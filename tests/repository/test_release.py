"""The release check looks for what the chapters install and open on Colab, and says so when it cannot look."""

from __future__ import annotations

import functools
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import install_cell
import pytest
import release
from page_polish.release import released
from project import chapters


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """A host that has the file `there` and nothing else."""
    (tmp_path / "there").write_text("")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_is_there_passes(host: str, capsys: pytest.CaptureFixture) -> None:
    assert release.main([f"{host}/there"]) == 0
    assert "All 1 addresses are there" in capsys.readouterr().out


def test_what_is_missing_is_named(host: str, capsys: pytest.CaptureFixture) -> None:
    assert release.main([f"{host}/there", f"{host}/gone"]) == 1
    assert f"missing: {host}/gone\nPush the version's tag" in capsys.readouterr().out


def test_without_an_answer_it_says_that_it_cannot_be_checked(capsys: pytest.CaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))       # nobody listens there
        assert release.main([f"http://127.0.0.1:{taken.getsockname()[1]}/there"]) == 2
    assert "cannot be checked" in capsys.readouterr().out


def test_all_that_colab_needs_is_looked_for() -> None:
    first, *others = release.addresses()
    assert first == install_cell.archive()
    assert [address.rsplit("/", 1)[1] for address in others] == [path.name for path in chapters()]


def test_the_rocket_opens_what_the_release_check_looks_for() -> None:
    colab = "https://colab.research.google.com/github/"
    slug = install_cell.address().removeprefix("https://github.com/")
    for path, wanted in zip(chapters(), release.addresses()[1:], strict=True):
        button = f"{colab}{slug}/blob/main/notebooks/{path.name}"
        assert released(button, install_cell.source()) == wanted.replace("https://github.com/", colab)
    assert released("https://a.b/blob/main/c", "no install cell") == "https://a.b/blob/main/c"
