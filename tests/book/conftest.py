"""A real browser, and a web server on this machine for the built pages."""

import os
from pathlib import Path

import pytest
from local_site import NO_BROWSER, launch, serve
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("DIFFUSION_SITE", ROOT / "book" / "_build" / "html"))


@pytest.fixture(scope="session")
def browser():
    """A Chromium or Chrome. Without one the checks are skipped with a notice; in CI (CI set) they fail."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            pytest.fail(NO_BROWSER) if os.environ.get("CI") else pytest.skip(NO_BROWSER)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site_url():
    """The built site's address on this machine, without a slash at the end."""
    with serve(SITE) as address:
        yield address
