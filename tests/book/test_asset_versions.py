"""The extension that puts a version into the address of each style sheet and script."""

import re

import pytest
from page_polish.versions import with_versions

from .small_book import build

CONF = """
extensions += ["page_polish", "maths"]
html_math_renderer = "prerendered"
myst_enable_extensions = ["dollarmath"]
"""


def test_the_formulas_style_has_another_address_when_it_changes(tmp_path):
    """Also on a page that Sphinx does not write anew."""
    (tmp_path / "other.md").write_text("---\norphan: true\n---\n# Other\n\n$a$\n")
    addresses = []
    for text in ("$a$", "$a \\le b$"):
        page = build(tmp_path, [text], CONF)
        addresses.append(style(page))
        assert style(page.parent / "other.html") == addresses[-1]
    assert addresses[0] != addresses[1]


def style(page):
    return re.search(r'href="(_static/maths\.css\?v=\w{8})"', page.read_text(encoding="utf-8"))[1]


@pytest.mark.parametrize("text", [
    '<script src="https://other.example/a.js"></script>',
    '<script src="not-there.js"></script>',
    '<a href="page.html">a.js</a>',
    r'{"text": "<script src=\"a.js\">"}',    # of a figure's data
])
def test_what_is_no_file_of_ours_stays_as_it_is(tmp_path, text):
    (tmp_path / "a.js").write_text("1")
    assert with_versions(text, tmp_path) == text


def test_an_earlier_version_gives_way(tmp_path):
    file = tmp_path / "a.css"
    versions = []
    for content in ("p { margin: 0 }", "p { margin: 1px }"):
        file.write_text(content)
        versions += [with_versions(f'<link href="a.css{query}">', tmp_path) for query in ("", "?v=1234", "?digest=12ab")]
    assert len(set(versions)) == 2 and set(versions[:3]).isdisjoint(versions[3:])
