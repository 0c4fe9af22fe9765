"""What is carried to class: the site as one file, and a figure in a frame of somebody's slides; both from files."""

import zipfile

import pytest
from downloads import offer
from site_zip import pack

from .conftest import SITE
from .widget_page import press, values

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason=f"no pages in {SITE}; `make book` builds them")


def test_the_zip_is_unpacked_and_opened_by_a_double_click(browser, tmp_path):
    pack(SITE, tmp_path / "site.zip")
    with zipfile.ZipFile(tmp_path / "site.zip") as packed:
        packed.extractall(tmp_path)
    page, problems = browser.new_page(), []
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((tmp_path / "site" / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    page.locator(".fs[data-ready]").wait_for()
    before = values(page)
    press(page, 0, "ArrowRight")
    assert values(page) != before and problems == []
    page.close()


def test_a_zip_offers_nothing_that_is_not_in_it(tmp_path):
    site = tmp_path / "site"
    (site / "book").mkdir(parents=True)
    (site / "book" / "intro.html").write_text('<p class="downloads" hidden></p>', encoding="utf-8")
    file = tmp_path / "diffusion-models-step-by-step.pdf"
    file.write_bytes(bytes(3_000_000))
    offer([file], site)
    home = (site / "book" / "intro.html").read_text(encoding="utf-8")
    assert 'href="../diffusion-models-step-by-step.pdf"' in home and "(3 MB)" in home and (site / file.name).exists()
    pack(site, tmp_path / "site.zip")
    with zipfile.ZipFile(tmp_path / "site.zip") as packed:
        assert packed.namelist() == ["site/book/intro.html"]
        assert packed.read("site/book/intro.html").decode() == '<p class="downloads" hidden></p>'


def test_a_figure_in_a_frame_fills_the_screen_from_a_file(browser, tmp_path):
    """As the teaching guide advises it: another file is another origin, which must be allowed by name or by a star."""
    figure = next(SITE.glob("embed/*.html"))
    slides = tmp_path / "slides.html"
    slides.write_text(f'<iframe src="{figure.resolve().as_uri()}" width="800" height="920" allow="fullscreen *"></iframe>')
    page = browser.new_page()
    page.goto(slides.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(".fs[data-ready]").wait_for()
    frame.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement?.tagName === 'IFRAME'")
    page.close()
