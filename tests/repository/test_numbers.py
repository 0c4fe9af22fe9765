"""A chapter has the number of its file, wherever it stands among the others; the appendix has letters."""

from __future__ import annotations

import re

from page_numbers import equation_numbers, numbered, page_numbers
from project import ROOT


def test_a_chapter_has_the_number_of_its_file_and_the_appendix_letters() -> None:
    pages = ["notebooks/02_two", "notebooks/13_late", "book/first", "notebooks/07_later", "book/second"]
    assert list(numbered(pages).values()) == ["2", "13", "A", "7", "B"]
    assert list(numbered(pages[1:]).values()) == ["13", "A", "7", "B"], "a missing chapter renumbers no other"


def test_every_part_of_the_contents_is_numbered() -> None:
    parts = (ROOT / "_toc.yml").read_text(encoding="utf-8").split("- caption:")[1:]
    assert [part.split("\n")[0] for part in parts if "numbered: true" not in part] == []
    assert len(page_numbers(ROOT)) == sum(len(re.findall("- file:", part)) for part in parts)


def test_equations_are_counted_by_the_page() -> None:
    found = equation_numbers(ROOT)
    assert found["eq-app-closed-form"] == ("book/derivations", "A.1")
    chapter = [number for page, number in found.values() if page == "notebooks/13_article_code"]
    assert chapter == [f"13.{count}" for count in range(1, len(chapter) + 1)] and len(chapter) > 5
