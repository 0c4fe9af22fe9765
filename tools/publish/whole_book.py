"""All pages of the built site as one document for print: cover, contents, chapters, answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

HERE = Path(__file__).parent
LOADING_MS = 180_000    # a machine with much else to do
TAKE = (HERE / "whole_book.js").read_text(encoding="utf-8")
STYLE = (HERE / "whole_book.css").read_text(encoding="utf-8")
CONTENTS = """() => [...document.querySelectorAll("nav.bd-docs-nav :is(.caption-text, a.internal)")].map((entry) =>
    [entry.matches("a") ? new URL(entry.href).pathname.slice(1).replace(/\\.html$/, "") : "", entry.textContent.trim()])"""
DOCUMENT = """<!DOCTYPE html>
<html lang="en-GB" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{title}</title>{sheets}<style>{style}</style></head>
<body><main class="bd-main"><div class="bd-content">{body}</div></main></body>
</html>
"""


@dataclass
class Book:
    """What the pages hold: a line of the contents is (page, text), and the page is empty for the name of a part."""

    title: str
    lines: list[tuple[str, str]]
    pages: dict[str, dict[str, Any]]


def gather(tab: Page, address: str, only: list[str] | None = None) -> Book:
    """Read the pages of the site at this address in their order; `only` keeps these of them, such as "book/notation"."""
    tab.goto(f"{address}/book/intro.html")
    lines = [(page, text) for page, text in tab.evaluate(CONTENTS) if only is None or page in only]
    names = [page for page, _ in lines if page]
    pages = {}
    for name in names:
        tab.goto(f"{address}/{name}.html")
        tab.evaluate(f"window.print.prepare({LOADING_MS})")
        pages[name] = tab.evaluate(TAKE, {"here": name, "pages": names})
    tab.goto(f"{address}/book/intro.html")
    return Book(tab.locator("nav.bd-docs-nav a.internal").first.text_content().strip(), lines, pages)


def document(book: Book, version: str, numbers: dict[str, int]) -> str:
    """The HTML of the whole; numbers: on which sheet an element is, by its id, where that is known already."""
    pages = list(book.pages.values())
    sheets = dict.fromkeys((href, media) for page in pages for href, media in page["sheets"])
    styles = dict.fromkeys(style for page in pages for style in page["styles"])
    feet = [foot(page["id"], page["address"]) for page in pages]
    home = pages[0]["home"]
    body = "".join([cover(book.title, home, version), contents(book), *(page["html"] for page in pages), answers(book)])
    return DOCUMENT.format(
        title=escape(book.title), style="\n".join([*styles, *feet, STYLE]), body=numbered(body, numbers),
        sheets="".join(f'<link rel="stylesheet" href="{escape(href)}" media="{media or "all"}">' for href, media in sheets),
    )


def foot(name: str, address: str) -> str:
    """The sheets of a page carry its address."""
    return f'#{name} {{ page: p-{name}; }} @page p-{name} {{ @bottom-left {{ content: "{address}"; }} }}'


def cover(title: str, home: str, version: str) -> str:
    return (f'<section class="paper-cover"><img src="/_static/logo.svg" alt=""><p class="paper-title">{escape(title)}</p>'
            f"<p>Version {escape(version)}, on paper. Figures stand still here, at their start, middle and end; "
            f'they move on <a href="{escape(home)}">{escape(home)}</a>.</p>'
            "<p>Code under the MIT licence, prose and figures under CC BY 4.0.</p></section>")


def contents(book: Book) -> str:
    """Parts, chapters and their sections, each with its page."""
    rows = []
    for page, text in book.lines:
        if not page:
            rows.append(f'<p class="paper-part">{escape(text)}</p>')
            continue
        taken = book.pages[page]
        rows.append(row("paper-chapter", taken["id"], text))
        rows += [row("paper-section", section["id"], section["title"]) for section in taken["sections"]]
    if any(page["answers"] for page in book.pages.values()):
        rows.append(row("paper-chapter", "answers", "Answers"))
    return f'<nav class="paper-contents" id="contents"><h1>Contents</h1>{"".join(rows)}</nav>'


def row(kind: str, target: str, text: str) -> str:
    return f'<p class="{kind}"><a class="page-of" href="#{target}" data-to="{target}"><span>{escape(text)}</span> </a></p>'


def answers(book: Book) -> str:
    """The folded answers of all pages, each with a way back."""
    parts = []
    for page, text in book.lines:
        taken = book.pages.get(page, {"answers": []})
        if taken["answers"]:
            parts.append(f"<h2>{escape(text)}</h2>")
        for answer in taken["answers"]:
            back = (f'<a class="page-of" href="#{answer["from"]}" data-to="{answer["from"]}">'
                    f'<strong>{answer["told"]}</strong>, page </a>')
            parts.append(f'<div class="paper-answered" id="{answer["to"]}"><p>{back}</p>{answer["html"]}</div>')
    return f'<article id="answers"><h1>Answers</h1>{"".join(parts)}</article>' if parts else ""


def numbered(body: str, numbers: dict[str, int]) -> str:
    """Every reference to a page with its number, once it is known; until then as wide a one."""
    tag = re.compile(r'(<a [^>]*class="[^"]*page-of[^>]*>)(.*?)</a>', re.DOTALL)

    def add(found: re.Match[str]) -> str:
        target = re.search(r'data-to="([^"]*)"', found[1])[1]
        return f'{found[1]}{found[2]}<span class="paper-number">{numbers.get(target, 888)}</span></a>'

    return tag.sub(add, body)
