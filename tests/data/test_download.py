"""Downloads: whatever mirrors and networks do, the wait ends, the files are right, and nobody asks twice in vain."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from diffusion_utils.data import download, mnist
from diffusion_utils.data.download import BELIEVED, FAILURE, fetch

CONTENT = {"images": bytes(range(256)) * 200, "labels": b"0123456789" * 20}
FILES = {name: hashlib.md5(content).hexdigest() for name, content in CONTENT.items()}
PACKED = {f"/{name}.gz": gzip.compress(content) for name, content in CONTENT.items()}

class Mirror:
    """A server on this machine that answers as told. address: ends in /; asked: the paths that were asked for."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler, Mirror], None]):
        self.asked: list[str] = []
        self.closing = threading.Event()  # ends the wait of those who stall
        mirror = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                answer(self, mirror)

            def log_message(self, *arguments) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.handle_error = lambda *arguments: None  # whoever hangs up is no error here
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def mirror(answer: Callable[[BaseHTTPRequestHandler, Mirror], None]) -> Iterator[Mirror]:
    made = Mirror(answer)
    try:
        yield made
    finally:
        made.close()


def send(request: BaseHTTPRequestHandler, content: bytes, status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def good(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    send(request, PACKED[request.path])


def lacks_it(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    send(request, b"not here", status=404)


def login_page(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    """What a captive portal answers to everything."""
    send(request, b"<html>Please log in</html>")


def other_file(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    send(request, gzip.compress(b"something else"))


def hangs_up(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    """Promises the whole file and breaks off."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(PACKED[request.path])))
    request.end_headers()
    request.wfile.write(PACKED[request.path][:50])


def silent(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    """Accepts the connection and never answers."""
    mirror.closing.wait(60)


def stalls(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    hangs_up(request, mirror)
    request.wfile.flush()
    mirror.closing.wait(60)


def steady(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    """Sends little by little, and longer in all than any single wait may last."""
    content = PACKED[request.path]
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    size = len(content) // 30 + 1
    for start in range(0, len(content), size):
        request.wfile.write(content[start:start + size])
        time.sleep(0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "CONNECT", 0.5)
    monkeypatch.setattr(download, "STALL", 0.5)


def test_files_are_fetched_once_and_announced(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with mirror(good) as there:
        for _ in range(2):
            assert fetch(FILES, [there.address], tmp_path / "new", "two files (1 MB)") is None
        assert there.asked == ["/images.gz", "/labels.gz"]
    assert {name: (tmp_path / "new" / name).read_bytes() for name in FILES} == CONTENT
    assert capsys.readouterr().err == f"Notice: Downloading two files (1 MB) to {tmp_path / 'new'}\n"


@pytest.mark.parametrize(("answer", "reason"), [
    (lacks_it, "127.0.0.1: HTTP Error 404"), (login_page, "26 bytes that are no whole gzip file"),
    (other_file, "another file than the one asked for"), (hangs_up, "50 bytes that are no whole gzip file"),
    (silent, "no answer within 0.5 s"), (stalls, "nothing more came for 0.5 s"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_mirror_is_left_for_the_next_and_named_if_there_is_none(tmp_path: Path, impatient, answer, reason) -> None:
    with mirror(answer) as bad, mirror(good) as there:
        problem = fetch(FILES, [bad.address], tmp_path / "alone", "two files")
        assert reason in problem and "\n" not in problem
        assert len(bad.asked) == 1, "the first failure is enough"
        assert not [path for path in (tmp_path / "alone").iterdir() if path.name not in (".lock", FAILURE)]
        assert fetch(FILES, [bad.address, there.address], tmp_path / "both", "two files") is None
    assert (tmp_path / "both" / "images").read_bytes() == CONTENT["images"]


def test_a_slow_but_steady_line_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "STALL", 2)  # seconds; each of the two files takes more than 2.5
    with mirror(steady) as there:
        assert fetch(FILES, [there.address], tmp_path, "two files") is None


def test_a_host_whose_name_is_never_found_ends_the_wait_too(tmp_path: Path, impatient, monkeypatch) -> None:
    """A name server that does not answer: no limit of a socket holds while Python looks up a name."""
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *arguments, **named: over.wait(60))
    assert "digits.example: no answer within 0.5 s" in fetch(FILES, ["http://digits.example/"], tmp_path, "two files")
    over.set()


def test_a_failure_is_believed_for_a_while(tmp_path: Path) -> None:
    with mirror(lacks_it) as there:
        problem = fetch(FILES, [there.address], tmp_path, "two files")
        assert fetch(FILES, [there.address], tmp_path, "two files") == problem, "and said in the same words"
        assert len(there.asked) == 1, "nobody asked a second time"
        when, why = (tmp_path / FAILURE).read_text().splitlines()
        assert when.startswith("20") and why in problem and str(tmp_path / FAILURE) in problem
        old = time.time() - BELIEVED - 60
        os.utime(tmp_path / FAILURE, (old, old))
        assert fetch(FILES, [there.address], tmp_path, "two files") == problem
        assert len(there.asked) == 2, "ten minutes are over"
    with mirror(good) as there:
        (tmp_path / FAILURE).unlink()
        assert fetch(FILES, [there.address], tmp_path, "two files") is None
    assert not (tmp_path / FAILURE).exists()


@pytest.mark.parametrize("content", [b"", b"2026", b"\xff\xfe\n\xff"], ids=["empty", "cut", "bytes"])
def test_a_note_of_failure_that_makes_no_sense_is_not_believed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FAILURE).write_bytes(content)
    with mirror(good) as there:
        assert fetch(FILES, [there.address], tmp_path, "two files") is None


def test_a_folder_that_cannot_be_written_is_named(read_only_folder: Path) -> None:
    assert str(read_only_folder) in fetch(FILES, ["http://127.0.0.1:9/"], read_only_folder, "two files")
    assert str(read_only_folder) in fetch(FILES, ["http://127.0.0.1:9/"], read_only_folder / "new", "two files")


def test_a_full_disk_is_named_and_leaves_nothing_half(tmp_path: Path, full_disk) -> None:
    with mirror(good) as there, full_disk(5000):
        assert "cannot write" in fetch(FILES, [there.address], tmp_path, "two files")
    assert not (tmp_path / "images").exists() and not list(tmp_path.glob(".*.part"))


def test_two_at_once_fetch_each_file_once(tmp_path: Path) -> None:
    with mirror(steady) as there, ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fetch, FILES, [there.address], tmp_path, "two files") for _ in range(2)]
        assert [one.result(timeout=120) for one in both] == [None, None]
        assert sorted(there.asked) == ["/images.gz", "/labels.gz"]


def test_without_certificates_the_digest_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python from python.org on a Mac has none until one asks for them."""
    real, asked = download.urlopen, []

    def urlopen(request, **named):
        asked.append(request.full_url)
        if request.full_url.startswith("https:"):
            raise URLError(ssl.SSLCertVerificationError("unable to get local issuer certificate"))
        return real(request, **named)

    monkeypatch.setattr(download, "urlopen", urlopen)
    with mirror(good) as there:
        https = there.address.replace("http:", "https:") + "labels.gz"
        assert download.download(https) == PACKED["/labels.gz"]
    assert asked == [https, https.replace("https:", "http:")]


def test_a_proxy_from_the_environment_is_asked(tmp_path: Path) -> None:
    def proxy(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
        send(request, PACKED[request.path.removeprefix("http://digits.invalid")])

    code = f"""
import sys
from pathlib import Path
from diffusion_utils.data.download import fetch
assert fetch({FILES!r}, ["http://digits.invalid/"], Path(sys.argv[1]), "two files") is None
"""
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with mirror(proxy) as there:
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True, timeout=120,
                       env=environment | {"http_proxy": there.address})
        assert there.asked == ["http://digits.invalid/images.gz", "http://digits.invalid/labels.gz"]


# --- The digits themselves

# Loads digits from the mirror argv[1] in a process of its own, at the word; argv[2]: FILES of ten digits.
LOAD_FROM = """
import json, sys
from torchvision.datasets import MNIST
from diffusion_utils.data import load_mnist, mnist
MNIST.mirrors, mnist.FILES = [sys.argv[1]], json.loads(sys.argv[2])
MNIST.resources = [(name, md5) for name, md5 in json.loads(sys.argv[3]).items()]
print("ready", flush=True)
sys.stdin.readline()
print(load_mnist("train").name)
"""


def idx(shape: tuple[int, ...]) -> bytes:
    """An IDX file of zeros."""
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes() + bytes(int(np.prod(shape)))


def test_two_first_runs_at_once_both_get_the_digits(tmp_path: Path) -> None:
    """Two notebooks, or torchrun's processes: neither may go on with other digits than the other."""
    files = {name: idx((10, 28, 28) if "images" in name else (10,)) for part in mnist.FILES.values() for name in part}
    digests = {split: {name: hashlib.md5(files[name]).hexdigest() for name in part} for split, part in mnist.FILES.items()}
    packed = {f"/{name}.gz": gzip.compress(content) for name, content in files.items()}
    resources = {path[1:]: hashlib.md5(content).hexdigest() for path, content in packed.items()}

    def answer(request: BaseHTTPRequestHandler, mirror: Mirror) -> None:
        time.sleep(0.5)  # so that the other process comes while this one is at it
        send(request, packed[request.path])

    environment = {k: v for k, v in os.environ.items() if k != "DIFFUSION_DATA" and not k.lower().endswith("_proxy")}
    with mirror(answer) as there:
        command = [sys.executable, "-c", LOAD_FROM, there.address, json.dumps(digests), json.dumps(resources)]
        both = [subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=environment | {"XDG_CACHE_HOME": str(tmp_path)}) for _ in range(2)]
        for process in both:
            assert process.stdout.readline() == "ready\n"
        for process in both:
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == ["mnist-train\n"] * 2, said
    assert sorted(there.asked) == sorted(packed), "each file was sent once"
    assert sum("waiting for another process to finish with the download" in err for _, err in said) == 1
