"""What a page says of itself and where it leads: metadata, links to its source, nothing fetched from another host."""

import gzip
import hashlib
import json
import os
import re
from html import unescape
from urllib.parse import unquote

import install_cell
import pytest
from page_numbers import equation_numbers, page_numbers
from project import ROOT, chapters

from .conftest import SITE

CHAPTERS = [f"notebooks/{path.stem}" for path in chapters()]
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.glob("*/*.html")
               if path.parent.name[0] != "_" and path.parent.name != "embed")
# What a browser fetches by itself; a link (`<a href>`) is only followed when a reader clicks it.
FETCHED = re.compile(r"""<(script|img|iframe|source)\b[^>]*\bsrc="(https?:)?//|<link rel="(?!canonical)[^>]*href="https?:""")

pytestmark = pytest.mark.skipif(not PAGES and not os.environ.get("CI"), reason=f"no pages in {SITE}; `make book` builds them")


def read(page: str) -> str:
    return (SITE / page).read_text(encoding="utf-8")


def content(page: str, name: str) -> str:
    """The content of the page's one tag <meta name=…> or <meta property=…>."""
    found = re.findall(rf'<meta (?:name|property)="{re.escape(name)}" content="([^"]*)"', read(page))
    assert len(found) == 1, f"{page} has {len(found)} tags {name}"
    return unescape(found[0])


def test_every_page_of_the_contents_is_built():
    listed = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert [name for name in listed if f"{name}.html" not in PAGES] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_describes_itself(page):
    assert 20 <= len(content(page, "description")) <= 170      # what search engines show; they cut longer ones
    assert content(page, "og:description") == content(page, "description")
    assert content(page, "og:title") and "<" not in content(page, "og:title")
    assert content(page, "og:url").endswith(page)


def test_the_picture_of_the_link_preview_is_there():
    assert (SITE / "_static" / content(PAGES[0], "og:image").split("/_static/")[1]).exists()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fetches_nothing_from_another_host(page):
    assert FETCHED.search(read(page)) is None
    assert "THEBE_JS_URL" not in read(page)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_leads_to_its_source(name):
    """The rocket opens the readable copy at the release that its install cell installs; the edit link is about the newest."""
    links = re.findall(r'href="(https://[^"]*)"', read(f"{name}.html"))
    slug = install_cell.address().removeprefix("https://github.com/")
    release = install_cell.reference().split("/")[-1]
    colab = [link for link in links if "colab" in link]
    copy = name.replace("notebooks/", "run/")
    assert colab == [f"https://colab.research.google.com/github/{slug}/blob/{release}/{copy}.ipynb"]
    assert f"https://github.com/{slug}/edit/main/{name}.ipynb" in links


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_downloaded_chapter_is_readable_without_the_pages(name):
    cells = json.loads(read(f"_sources/{name}.ipynb"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert re.findall(r"\{(?:eq|cite)[\w:]*\}`|\$\$ *\(eq-", text) == [] and "\\tag{" in text


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_outputs(name):
    """The page was built from the executed copy: the download beside it holds every code cell's execution."""
    cells = json.loads(read(f"_sources/{name}.ipynb"))["cells"]
    assert [cell["id"] for cell in cells if cell["cell_type"] == "code" and not cell["execution_count"]] == []


def test_no_page_loads_mathjax_and_each_with_formulas_their_style():
    """The formulas are in the page as HTML; MathJax wrote them when the book was built."""
    assert [path for path in SITE.rglob("*.js") if "mathjax" in path.as_posix().lower()] == []
    assert [page for page in PAGES if re.search(r"<script[^>]*mathjax", read(page), re.IGNORECASE)] == []
    assert [page for page in PAGES if ("<mjx-container" in read(page)) != ("_static/maths.css" in read(page))] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_address_of_each_style_sheet_and_script_tells_its_content(page):
    """Or a browser would go on using the one that it keeps from an earlier visit."""
    named = re.findall(r' (?:href|src)="([^":?]*\.(?:css|js))(?:\?v=(\w+))?"', read(page))
    assert len(named) > 5
    for address, version in named:
        assert hashlib.sha256(((SITE / page).parent / address).read_bytes()).hexdigest()[:8] == version, address


@pytest.mark.parametrize("page", PAGES)
def test_title_and_equations_bear_the_number_of_the_page(page):
    """Chapter 13 is 13 and its equations are (13.1), (13.2) …, also where another page refers to them."""
    number, text = page_numbers(ROOT).get(page.removesuffix(".html")), read(page)
    equations = {label: f"({counted})" for label, (_, counted) in equation_numbers(ROOT).items()}
    shown = re.findall(r'id="equation-(eq-[\w-]+)">(?:(?!</?div|<mjx).)*?(\([\w.]+\))<', text, flags=re.DOTALL)
    named = re.findall(r'href="[^"]*#equation-(eq-[\w-]+)">(\([^<]*\))</a>', text)
    assert [(label, told) for label, told in shown + named if told != equations[label]] == []
    assert len(shown) == text.count('id="equation-eq-')
    if number:
        assert re.search(rf'<title>{number}\. ', text) and f'<h1><span class="section-number">{number}. </span>' in text


@pytest.mark.parametrize("page", PAGES)
def test_a_link_within_the_book_leads_to_a_place_that_is_there(page):
    """And from a chapter to the derivation or the symbols meant, not to the top of a long page."""
    article = re.search(r"<article class=\"bd-article\">.*?</article>", read(page), flags=re.DOTALL)[0]
    links = re.findall(r'<a class="[^"]*internal[^"]*" href="([^"#:]*)(?:#([^"]*))?"', article)
    for address, place in links:
        target = ((SITE / page).parent / address).resolve() if address else SITE / page
        assert not place or f'id="{unquote(place)}"' in target.read_text(encoding="utf-8"), f"{address}#{place}"
        assert place or page[:4] == "book" or target.stem not in ("derivations", "notation"), f"{address} without a place"


@pytest.mark.parametrize("page", PAGES)
def test_each_numbered_equation_leads_to_its_test(page):
    """Whatever its number looks like: (7), or in a numbered chapter (3.7)."""
    labels = re.findall(r'id="equation-(eq-[^"]+)"', read(page))
    assert re.findall(r'class="tested" href="[^"]*#test-of-([^"]+)"', read(page)) == labels


def test_the_theme_sends_no_icon_fonts():
    """Half of a page's weight was icons: a few <svg> in the page stand for them."""
    assert not list((SITE / "_static").rglob("fontawesome*.js")) and not list((SITE / "_static").rglob("fa-*.woff2"))
    assert [page for page in PAGES if "fontawesome" in read(page)] == []
    left = re.compile(r'<(?:i|span) [^>]*class="[^"]*\bfa[bsr]? ')
    assert [page for page in PAGES if left.search(read(page)) or 'class="svg-inline--fa' not in read(page)] == []


def test_only_the_search_page_loads_the_search_index():
    """Elsewhere it would come before everything else, and nothing there asks for it."""
    loading = [path.name for path in SITE.rglob("*.html") if "searchindex.js" in path.read_text(encoding="utf-8")]
    assert loading == ["search.html"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light(page):
    """What is sent before the first figure can move: page, scripts and style sheets."""
    wanted = re.findall(r'<script[^>]* src="([^"?:]*)|<link [^>]*href="([^"?:]*\.css)', read(page))
    files = {((SITE / page).parent / (script or sheet)).resolve() for script, sheet in wanted}
    ahead = re.search(r'"ahead":(\[[^\]]*\])', read(page))
    files |= {SITE / "_static" / "widgets" / f"{name}.js" for name in json.loads(ahead[1])} if ahead else set()
    sent = sum(len(gzip.compress(file.read_bytes())) for file in files | {SITE / page})
    assert sent < 600_000


@pytest.mark.parametrize("page", PAGES)
def test_pictures_wait_for_the_reader_in_places_kept_for_them(page):
    """What is far down the page is not sent before it is wanted, and nothing jumps when it comes. Nor does the figure under the
    title wait, which is seen first."""
    top = read(page).partition('<article class="bd-article">')[2].partition("<h2")[0]
    first = re.findall(r'<img [^>]*fs-face[^>]*_images/[^>]*>', top)[:1]
    for picture in re.findall(r'<img [^>]*_images/[^>]*>', read(page)):
        assert f'loading="{"eager" if picture in first else "lazy"}"' in picture, picture
        assert re.search(r'width="\d+" height="\d+"', picture), picture


def test_a_figures_own_page_is_light():
    sizes = {path.name: path.stat().st_size for path in (SITE / "embed").glob("*.html")}
    assert sizes and max(sizes.values()) < 400_000, sizes


def test_a_figure_of_a_chapter_has_the_name_that_its_cell_gives_it():
    """A name made from a title would be another one after a change of the title."""
    cells = [cell for path in chapters() for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    given = {cell["metadata"].get("figure") for cell in cells}
    pages = "".join(read(f"{chapter}.html") for chapter in CHAPTERS)
    shown = re.findall(r'class="widget-figure" id="([^"]+)"', pages)
    assert shown and [name for name in shown if name not in given] == [], 'put "figure": "fig-…" into the metadata of its cell'


def test_the_site_map_lists_the_pages_of_the_contents():
    listed = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    mapped = re.findall(r"<loc>https://[^<]*?/((?:book|notebooks)/[^<]*)\.html</loc>", read("sitemap.xml"))
    assert [name for name in listed if not any(place.endswith(name) for place in mapped)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_an_icon(page):
    """The little picture in a browser's tab."""
    icons = re.findall(r'<link rel="icon" href="([^"]+)"', read(page))
    assert len(icons) == 1 and ((SITE / page).parent / icons[0]).is_file()


def test_an_error_can_be_reported_from_every_page():
    assert [page for page in PAGES if "/issues/new?" not in read(page)] == []


def test_front_door_and_lost_readers():
    assert 'content="0; url=book/intro.html"' in read("index.html")
    assert "<h1>" in read("404.html")
    assert "src=" not in read("404.html"), "it is shown under addresses of any depth, where a relative one leads nowhere"
