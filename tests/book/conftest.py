"""A real browser, a web server on this machine for the built pages, and pages of single figures."""

import os
from pathlib import Path

import pytest
from local_site import NO_BROWSER, launch, serve
from playwright.sync_api import sync_playwright

from .widget_page import page_of

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("DIFFUSION_SITE", ROOT / "book" / "_build" / "html"))


def pytest_collection_modifyitems(items):
    """Where two processes share these tests, one has all of a page, whose figures follow one another, or all of a file."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            page = item.callspec.params.get("page_name") if hasattr(item, "callspec") else None
            item.add_marker(pytest.mark.xdist_group(page or item.path.name))


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


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page with the widgets given, from a file; page.problems collects what the console and the page report."""
    contexts = []

    def open_page(*widgets, change=lambda state: state, style="", language="en", ready=True, query="", **options):
        file = tmp_path / "page.html"
        file.write_text(page_of(list(widgets), change, style, language), encoding="utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(file.as_uri() + query)
        if ready:
            page.locator(".fs[data-ready]").nth(len(widgets) - 1).wait_for(timeout=10_000)
            assert page.problems == []
        return page

    yield open_page
    for context in contexts:
        context.close()
