"""Notebooks as they are read without this book's pages, in Colab or JupyterLab: no {eq} and no {cite}, but numbers and links.

What a reference cannot be resolved to is an error, as on the pages. Standard library only: tools use it, too.
"""

from __future__ import annotations

import copy
import posixpath
import re
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from equations import prose
from page_numbers import equation_numbers, page_numbers

# In the order in which they are looked for; code comes early, for what looks like a reference in it is none.
MARKS = re.compile(r"""
    (?P<directive> ^[ ]*(?:`{3,}|:{3,})\{[\w:-]+\})
  | (?P<code> ^[ ]*(?P<fence>`{3,}).*?^[ ]*(?P=fence)[ ]*$ | `[^`\n]*`)
  | \$\$(?P<tex>.+?)\$\$(?:[ \t]*\((?P<label>eq-[\w-]+)\))?
  | \{(?P<role>[\w:-]+)\}`(?P<target>[^`]*)`
  | \]\((?P<link>[^)\s]+)\)
  | ^\((?P<anchor>[\w-]+)\)=\n
""", flags=re.MULTILINE | re.DOTALL | re.VERBOSE)
ANCHOR = re.compile(r"^\(([\w-]+)\)=$", flags=re.MULTILINE)
ENTRY = re.compile(r"^@\w+\{([\w-]+),\n(.*?)^\}", flags=re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", flags=re.MULTILINE)
ACCENT = re.compile(r"\{?\\([\"'`^~])\{?(\w)\}?\}?")
COMBINING = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303"}


class References:
    """All that a page may refer to. `root` holds _toc.yml, the chapters and the prose; `site` is the address of the pages."""

    def __init__(self, root: Path, site: str) -> None:
        self.site, self.equations = site.rstrip("/"), equation_numbers(root)
        self.pages = {**page_numbers(root), "book/intro": ""}
        paths = {page: next(root.glob(f"{page}.*")) for page in self.pages}
        self.anchors = {anchor: page for page, path in paths.items() for anchor in ANCHOR.findall(prose(path))}
        self.works = works(root / "book" / "references.bib")

    def resolve(self, page: str, text: str) -> str:
        """The Markdown of a cell of this page, such as `notebooks/04_sampling`, with all references resolved."""
        return MARKS.sub(partial(self.replace, page), text)

    def replace(self, page: str, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "code" | "tex":        # a display without a number
                return found[0]
            case "label":
                return rf"$${found['tex'].rstrip()} \tag{{{self.equations[found['label']][1]}}}$$"
            case "target" if found["role"] == "eq":
                place, number = self.equations[found["target"]]
                return f"[({number})]({self.site}/{place}.html#equation-{found['target']})"
            case "target" if found["role"] in ("cite:p", "cite:t"):
                return self.cite(found["target"].split(","), in_brackets=found["role"] == "cite:p")
            case "link":
                return f"]({self.address(page, found['link'])})"
            case "anchor":
                return ""
        raise ValueError(f"{page}: {found[0]!r} means nothing in Colab; write it as a link or as plain Markdown")

    def cite(self, keys: list[str], in_brackets: bool) -> str:
        """([Ho et al., 2020](…)), or Ho et al. (2020) as a link."""
        cited = [self.works[key.strip()] for key in keys]
        links = [f"[{names}, {year}]({url or self.site + '/book/references.html'})" if in_brackets else
                 f"[{names} ({year})]({url or self.site + '/book/references.html'})" for names, year, url in cited]
        return f"({'; '.join(links)})" if in_brackets else " and ".join(links)

    def address(self, page: str, link: str) -> str:
        """The absolute address of a link on this page."""
        if re.match(r"(?:https?|mailto):", link):
            return link
        path, _, place = link.partition("#")
        target = posixpath.splitext(posixpath.normpath(posixpath.join(posixpath.dirname(page), path)))[0]
        if not path:
            target = self.anchors.get(place, "")
        if target not in self.pages:
            raise ValueError(f"{page}: the link {link!r} leads to no page of the book")
        return f"{self.site}/{target}.html{'#' * bool(place)}{place}"

    def resolved(self, page: str, notebook: dict[str, Any]) -> dict[str, Any]:
        """The notebook with its number in its title and readable references; it says what it was made from. Code stays."""
        result = copy.deepcopy(notebook)
        result["metadata"]["made_from"] = f"{page}.ipynb"
        for cell in result["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = self.resolve(page, "".join(cell["source"])).splitlines(keepends=True)
        first = result["cells"][0]["source"]
        first[0] = re.sub(r"^# ", f"# {self.pages[page]}. ", first[0])
        return result


def works(path: Path) -> dict[str, tuple[str, str, str]]:
    """key → authors, year and address (or nothing) of each work in a BibTeX file."""
    found = {}
    for key, body in ENTRY.findall(path.read_text(encoding="utf-8")):
        fields = dict(FIELD.findall(body))
        doi = fields.get("doi") and f"https://doi.org/{quote(fields['doi'])}"     # some hold brackets
        names = authors(fields["author"]) if "author" in fields else fields["title"].partition(" [")[0]
        found[key] = (names, fields["year"], fields.get("url") or doi or "")
    return found


def authors(field: str) -> str:
    """`Ho, Jonathan and Jain, Ajay and Abbeel, Pieter` is Ho et al."""
    plain = ACCENT.sub(lambda accent: unicodedata.normalize("NFC", accent[2] + COMBINING[accent[1]]), field)
    names = [name.partition(",")[0].strip("{} ") for name in plain.split(" and ")]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
