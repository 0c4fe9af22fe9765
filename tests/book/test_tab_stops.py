"""Code that can be scrolled has a tab stop when it comes near the screen; nothing is laid out only to be asked."""

import pytest

from .conftest import SITE

CHAPTER = "notebooks/02_reverse_process.html"
FAR = """() => document.querySelector("article > section > section:last-of-type").insertAdjacentHTML("beforeend",
    "<pre id=far style='overflow: auto'><code style='display: block; width: 2000px'>wide</code></pre>")"""


@pytest.mark.skipif(not (SITE / CHAPTER).exists(), reason=f"no pages in {SITE}; `make book` builds them")
def test_code_is_asked_whether_it_scrolls_when_it_comes_near(browser, site_url):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_default_timeout(120_000)       # far more than a page takes, because the machine may be busy
    page.goto(f"{site_url}/{CHAPTER}")
    page.evaluate(FAR)
    page.wait_for_timeout(1000)      # the theme asks again when something was added, after a third of a second
    far, folded = page.locator("#far"), page.locator("details:not([open]) pre")
    assert far.get_attribute("tabindex") is None
    assert folded.count() > 0 and page.locator("details:not([open]) pre[tabindex]").count() == 0
    far.scroll_into_view_if_needed()
    page.wait_for_function("far.tabIndex === 0")
    page.close()
