"""The text files that others made: from a folder, by download, or, with neither, the beginning of each, which is shipped.

Sources: Shakespeare, public domain, collected by Karpathy (char-rnn); first names of the US Social Security Administration,
public domain, collected by Karpathy (makemore).
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ...files import sha256
from ...notices import notice
from ..download import fetch_file
from ..mnist import DataError, cache_folder


class Source(NamedTuple):
    """A file: its name in the folder `text`, address, hash, what it is in words, and the small one that is shipped."""

    file: str
    address: str
    sha256: str
    what: str
    small: str


SOURCES = {
    "shakespeare": Source(
        "tinyshakespeare.txt", "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed", "Shakespeare (1.1 MB)", "shakespeare_small.txt"),
    "names": Source(
        "names.txt", "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d", "first names (0.2 MB)", "names_small.txt"),
}


def load_source(name: str) -> tuple[str, str]:
    """(text, where it is from). From the folder `text` in DIFFUSION_DATA, if that is set; else downloaded once; else the small
    one, with a notice. Raises DataError for a file that is altered, and where DIFFUSION_DATA has no such file."""
    return _load(name, os.environ.get("DIFFUSION_DATA") or None, cache_folder())


@lru_cache(maxsize=4)
def _load(name: str, folder: str | None, cache: Path) -> tuple[str, str]:
    source = SOURCES[name]
    if folder is not None:
        paths = [Path(folder).expanduser() / inner for inner in (f"text/{source.file}", source.file)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise DataError(f"{source.file} is missing under DIFFUSION_DATA={folder}: expected {paths[0]}. "
                            "Unset DIFFUSION_DATA to download it instead")
        return _checked(path, source), f"DIFFUSION_DATA={folder}"
    path = cache / "text" / source.file
    problem = None if path.is_file() else fetch_file(source.address, path, source.sha256, source.what)
    if problem is None:
        return _checked(path, source), "download"
    notice(f"{source.file} is not at hand (DIFFUSION_DATA is not set; download: {problem}). Using its beginning, which is "
           "shipped: fine for trying things out, but figures will differ from the book's.")
    return Path(__file__).with_name(source.small).read_text(encoding="utf-8"), "shipped"


def _checked(path: Path, source: Source) -> str:
    content = path.read_bytes()
    if sha256(content) != source.sha256:
        raise DataError(f"{path} is truncated or altered ({len(content)} bytes, SHA-256 {sha256(content)[:12]}… instead of "
                        f"{source.sha256[:12]}…) and was not used. Delete it and fetch it again")
    return content.decode()
