"""A real browser, and a web server on this machine for the built pages."""

import gzip
import http.server
import os
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("DIFFUSION_SITE", ROOT / "book" / "_build" / "html"))

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


@pytest.fixture(scope="session")
def browser():
    """A Chromium or Chrome. Without one the checks are skipped with a notice; in CI (CI set) they fail."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            pytest.fail(NO_BROWSER) if os.environ.get("CI") else pytest.skip(NO_BROWSER)
        yield browser
        browser.close()


class GzipHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files as a usual web host does: text compressed, nothing logged."""

    COMPRESSED = {".html", ".js", ".css", ".svg", ".json"}

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in self.COMPRESSED or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes(), compresslevel=1)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site_url():
    """The built site's address on this machine, without a slash at the end."""
    handler = partial(GzipHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
