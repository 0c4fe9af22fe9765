"""What search engines and link previews read of the site; and the two pages no author writes, index and 404.

The site's address is GitHub Pages' address of `repository.url`, unless `html.baseurl` in _config.yml says otherwise.
"""

# Three extensions do nearly this, and each was tried on the book:
# sphinxext-opengraph 0.13 cuts a description within a word, and takes a citation's whole entry and TeX into it;
# sphinx-sitemap 2.9 lists the pages that a build writes anew, so that its map after a small change has five of seventeen;
# sphinx-notfound-page 1.1 makes a page whose links and style hold under one address only, not where `make serve` shows it.

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from docutils import nodes
from site_address import site
from sphinx.application import Sphinx
from sphinx.config import Config

DESCRIPTION_LENGTH = 160      # characters; search engines cut longer ones

NOT_FOUND = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Page not found: {title}</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; background: Canvas; color: CanvasText; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>This page dissolved into noise</h1>
<p>The address leads nowhere, and unlike a diffusion process it cannot be run backwards.</p>
<p><a href="{home}">Start from the beginning of the book</a></p>
</main>
</body>
</html>
"""


INDEX = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={first}">
<title>{title}</title>
<link rel="canonical" href="{base}{first}">
<link rel="icon" href="data:,">
</head>
<body>
<p><a href="{first}">{title}</a></p>
</body>
</html>
"""


def set_address(app: Sphinx, config: Config) -> None:
    """Derive the site's address from the repository's."""
    repository = urlparse(config.html_theme_options.get("repository_url", ""))
    owner, _, name = repository.path.strip("/").partition("/")
    if not config.html_baseurl and repository.netloc == "github.com" and name:
        config.html_baseurl = f"https://{site(owner, name)}/"


def describe(app: Sphinx, page: str, doctree: nodes.document | None) -> str:
    """A page's own `description`, or its first paragraph that is plain words, cut at a word."""
    text = str(app.env.metadata.get(page, {}).get("description", ""))
    for paragraph in doctree.findall(nodes.paragraph) if doctree and not text else ():
        if isinstance(paragraph.parent, nodes.section) and not list(paragraph.findall(nodes.math)):
            text = " ".join(paragraph.astext().split())
            break
    if len(text) > DESCRIPTION_LENGTH:
        text = text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0].rstrip(",;:.") + " …"
    return text


def add_tags(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    base = app.config.html_baseurl
    title = unescape(re.sub(r"<.*?>", "", context.get("title", ""))).strip()     # it comes as HTML
    tags = {"og:type": "article", "og:site_name": app.config.html_title, "og:title": title}
    if description := describe(app, pagename, doctree):
        tags["og:description"] = description
    if base:
        tags |= {"og:url": f"{base}{pagename}.html", "og:image": f"{base}_static/social.png"}
    lines = [f'<meta property="{name}" content="{escape(value)}">' for name, value in tags.items()]
    if description:
        lines.append(f'<meta name="description" content="{escape(description)}">')
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] = context.get("metatags", "") + "\n".join(lines) + "\n"


def write_index(app: Sphinx, error: Exception | None) -> None:
    """The site's front door, which leads to the book's first page; the usual one has no title and no icon."""
    if error or app.builder.format != "html" or app.config.root_doc == "index":
        return
    first = f"{app.config.root_doc}.html"
    text = INDEX.format(title=app.config.html_title, first=first, base=app.config.html_baseurl)
    (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """The addresses of all pages, for search engines; it needs to know the site's own address."""
    if error or app.builder.format != "html" or not app.config.html_baseurl:
        return
    base = escape(app.config.html_baseurl)
    places = "".join(f"<url><loc>{base}{page}.html</loc></url>\n" for page in sorted(app.env.found_docs))
    head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    (Path(app.outdir) / "sitemap.xml").write_text(f"{head}{places}</urlset>\n", encoding="utf-8")


def write_not_found(app: Sphinx, error: Exception | None) -> None:
    """A page of its own without any asset, since a host shows it under an address of any depth."""
    if error or app.builder.format != "html":
        return
    home = urlparse(app.config.html_baseurl).path or "/"
    text = NOT_FOUND.format(title=app.config.html_title, home=home)
    (Path(app.outdir) / "404.html").write_text(text, encoding="utf-8")
