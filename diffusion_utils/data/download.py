"""Fetches the files of a data set once: every wait has an end, one process at a time, and a dead network is asked but once.

A thread of its own reads, since looking up a host's name has no limit in time that Python could set, and a host with
many addresses has one limit for each. Proxies are taken from the environment (https_proxy, http_proxy, no_proxy).
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import hashlib
import queue
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from .. import files
from ..files import locked, write_atomic
from ..notices import notice

CONNECT = 5     # seconds until the first byte must have come
STALL = 10      # seconds until the next byte must have come; a slow but steady line is not cut
BELIEVED = 600  # seconds for which nobody tries again after a failure
FAILURE = "download-failed.txt"


def fetch(files: dict[str, str], mirrors: Sequence[str], folder: Path, what: str) -> str | None:
    """Fetch the files that are not in the folder yet, each packed with gzip, and unpack them. None, or why it failed.

    files: name → MD5 of the unpacked file; mirrors: addresses that end in /, tried in turn; what: for the notice at the
    start. A dead mirror costs CONNECT seconds. A failure is written to download-failed.txt in the folder, with its time,
    and believed for ten minutes by all processes: deleting that file, or waiting, makes the next one try again.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", f"the download of {what}"):
            return _fetch(files, mirrors, folder, what)
    except OSError as error:
        return str(error)  # the folder cannot be made or written


def _fetch(files: dict[str, str], mirrors: Sequence[str], folder: Path, what: str) -> str | None:
    missing = {name: md5 for name, md5 in files.items() if not (folder / name).is_file()}
    if not missing:
        return None  # another process has fetched them while this one waited for the lock
    failure = folder / FAILURE
    problem = _remembered(failure)
    if problem is None:
        notice(f"Downloading {what} to {folder}")
        problem = _from_mirrors(missing, mirrors, folder)
        _remember(failure, problem)
        if problem is None:
            return None
    return f"{problem}; to be tried again after ten minutes, or once {failure} is deleted"


def fetch_file(address: str, path: Path, sha256: str, what: str, digest: Callable[[bytes], str] = files.sha256) -> str | None:
    """Fetch one file as it stands at the address, if it is not there yet. None, or why it failed; see `fetch`.

    digest: of what it holds; of an archive that may be packed anew, of what is in it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent / ".lock", f"the download of {what}"):
            if path.is_file():
                return None
            failure = path.with_name(f"{path.name}.{FAILURE}")
            problem = _remembered(failure)
            if problem is None:
                notice(f"Downloading {what} to {path.parent}")
                problem = _from_address(address, path, sha256, digest)
                _remember(failure, problem)
                return problem
            return f"{problem}; to be tried again after ten minutes, or once {failure} is deleted"
    except OSError as error:
        return str(error)


def _from_address(address: str, path: Path, sha256: str, digest: Callable[[bytes], str]) -> str | None:
    try:
        content = download(address)
        if digest(content) != sha256:
            return f"{urlsplit(address).hostname}: sent another file than the one asked for (its SHA-256 differs)"
        write_atomic(path, content)
        return None
    except (OSError, HTTPException, ValueError) as error:
        return _told(address, error)


def _told(address: str, error: Exception) -> str:
    """Whom nothing came from, and why, in a line."""
    reason = str(error).removeprefix("<urlopen error ").removesuffix(">")
    return f"{urlsplit(address).hostname}: {' '.join(reason.split())[:100]}"


def _remember(failure: Path, problem: str | None) -> None:
    """Write down when and why the download failed; None: it did not, and what was written before holds no longer."""
    moment = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    with contextlib.suppress(OSError):  # a full disk, say: then the next process tries for itself
        if problem is None:
            failure.unlink(missing_ok=True)
        else:
            write_atomic(failure, f"{moment}\n{problem}\n".encode())


def _remembered(failure: Path) -> str | None:
    """Why the last download failed, if that was a few minutes ago."""
    try:
        recent = abs(time.time() - failure.stat().st_mtime) < BELIEVED
        return failure.read_text(encoding="utf-8").splitlines()[1] if recent else None
    except (OSError, ValueError, IndexError):
        return None  # there was no failure, or somebody wrote something else into the file


def _from_mirrors(files: dict[str, str], mirrors: Sequence[str], folder: Path) -> str | None:
    """Fetch the files from the first mirror that has them. None, or what went wrong at each."""
    problems = []
    for mirror in mirrors:
        try:
            for name, md5 in files.items():
                if not (folder / name).is_file():
                    write_atomic(folder / name, unpacked(download(f"{mirror}{name}.gz"), md5))
            return None
        except (OSError, HTTPException, ValueError) as error:
            problems.append(_told(mirror, error))
    return ", ".join(problems)


def unpacked(content: bytes, md5: str) -> bytes:
    """The content of a gzip file. Raises OSError if it is none, or another one than the digest says."""
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise OSError(f"sent {len(content)} bytes that are no whole gzip file") from error
    if hashlib.md5(plain, usedforsecurity=False).hexdigest() != md5:
        raise OSError("sent another file than the one asked for (its MD5 differs)")
    return plain


def download(url: str) -> bytes:
    """What stands at the address. Raises OSError, also when nothing comes for CONNECT or, later on, STALL seconds."""
    try:
        return _read(url)
    except URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError):
            raise
        # A Python without certificates (macOS) or a proxy with its own. The digest will tell whether it is the right file.
        return _read(url.replace("https:", "http:", 1))


def _read(url: str) -> bytes:
    pieces: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(url, pieces), daemon=True).start()
    content = bytearray()
    while True:
        try:
            piece = pieces.get(timeout=STALL if content else CONNECT)
        except queue.Empty:
            problem = f"nothing more came for {STALL} s" if content else f"no answer within {CONNECT} s"
            raise TimeoutError(problem) from None
        if isinstance(piece, Exception):
            raise piece
        if not piece:
            return bytes(content)
        content += piece


def _pump(url: str, pieces: queue.SimpleQueue[bytes | Exception]) -> None:
    """Put what comes into the queue, piece by piece; last of all an empty piece, or what went wrong."""
    try:
        request = Request(url, headers={"User-Agent": "diffusion_utils"})
        with urlopen(request, timeout=2 * STALL) as response:  # the reader gives up before; this ends the thread, too
            while piece := response.read1(65536):
                pieces.put(piece)
        pieces.put(b"")
    except Exception as error:
        pieces.put(error)
