"""The built pages on a web server of this machine, and a browser to look at them."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
NO_BROWSER = (
    "No browser to look at the pages with: neither Chromium nor Chrome is installed, nor Playwright's own. "
    "Install one, or run: python -m playwright install chromium"
)


def launch(playwright: Playwright) -> Browser | None:
    """The first that starts of: Chromium or Chrome on the path, Chrome where its installer puts it, Playwright's."""
    on_path = [{"executable_path": path} for name in INSTALLED if (path := shutil.which(name))]
    for choice in [*on_path, {"channel": "chrome"}, {}]:
        try:
            return playwright.chromium.launch(args=QUIET, **choice)
        except Error:
            continue
    return None


@functools.lru_cache(maxsize=256)
def compressed(path: Path, changed: float) -> bytes:
    """A file's bytes as a usual web host sends text; `changed`, its date, keeps an old version from being sent."""
    return gzip.compress(path.read_bytes(), compresslevel=6)


class GzipHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files as a usual web host does: text compressed, nothing logged."""

    COMPRESSED = {".html", ".js", ".css", ".svg", ".json"}

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in self.COMPRESSED or not path.is_file():
            return super().do_GET()
        body = compressed(path, path.stat().st_mtime)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """A browser that leaves a page before it is there is no error."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address, without a slash at the end, under which the folder's files are served meanwhile."""
    handler = functools.partial(GzipHandler, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
